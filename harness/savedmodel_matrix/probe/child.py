"""A case's process: import TensorFlow unless that is done, run the case, write its part of the result."""

import contextlib
import ctypes
import faulthandler
import gc
import os
import sys
import traceback

from . import effective, exchange, folders, measure, processes, texts, watch


def import_tensorflow(request, clean):
    """Import TensorFlow, write ``imported``, and return the module and the shared part of every result.

    If the import fails, the module is ``None`` and the part is a complete outcome. No op may run here: a
    child forked from a process whose runtime has started hangs. An environment without TensorFlow, for
    stages, imports NumPy instead.
    """
    phases = measure.Phases()
    tf = None
    try:
        with phases.timed("import"):
            if request["tensorflow"]:
                import tensorflow as tf
            else:
                import numpy  # noqa: F401, ICN001 - only to see that it is there
    except processes.StopError:
        raise
    except BaseException as error:  # a broken environment may raise anything
        reason, trace = texts.one_line(error), texts.trimmed_traceback(error)
        return None, {
            "outcome": "import-failed",
            "reason": reason,
            "traceback": trace,
            "phases": phases.costs,
        }
    found = effective.of_environment(tf, request["variables"]) if tf else effective.of_interpreter()
    part = {"effective": found, "phases": phases.costs}
    exchange.write_json(request["imported"], dict(part, format=exchange.FORMAT, effective=clean(found)))
    from . import measurements  # needs NumPy, so not earlier; here, so once instead of in every child

    measurements.preload()

    # Since 3.7: a child's garbage collector does not touch, and so copy, what the import created.
    getattr(gc, "freeze", lambda: None)()
    return tf, part


def run_and_write(tf, request, case, places):
    """Run ``case`` in this process and write its part of the result."""
    from . import run  # needs NumPy, so not before the measured import

    faulthandler.enable()  # a crash leaves Python's stack in the log and still ends with its signal
    folders.link(case["links"].items())
    part = run.run_case(tf, request, case, reporter(places))
    processes.hold_standard_descriptors()
    exchange.write_json(places.part, part)


def reporter(places):
    """Return a function that writes down what this process is doing, for the parent to report if it dies."""

    def report(text):
        processes.hold_standard_descriptors()
        with open(places.doing + ".tmp", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(places.doing + ".tmp", places.doing)

    return report


def fresh(request, number, places, parent, current):
    """The fresh process of case ``number``: import TensorFlow, run in ``current``, write, and exit."""
    status = 1
    try:
        processes.contain(parent, new_session=False)
        os.chdir(current)
        reporter(places)(watch.IMPORTING)
        tf, imported = import_tensorflow(request, exchange.scrubber(request, places.folder))
        if "outcome" in imported:
            exchange.write_json(places.part, imported)
        else:
            run_and_write(tf, request, request["cases"][number], places)
            complete = exchange.read_part(places)
            for shared in ("effective", "phases"):
                complete[shared] = dict(imported[shared], **complete[shared])
            exchange.write_json(places.part, complete)
        status = 0
    finally:
        leave(status)


def leave(status):
    """End this process immediately: freeing a model takes long and records nothing."""
    if sys.exc_info()[0] is not None:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
        ctypes.CDLL(None).fflush(None)  # output of C code, such as oneDNN's verbose lines
    os._exit(status)
