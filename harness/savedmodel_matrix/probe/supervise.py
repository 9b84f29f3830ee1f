"""The parent: import TensorFlow once, run every case in its own process, write every result."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings

from . import child, exchange, folders, guard, log, processes, unfinished, watch


def main(argv):
    """Run the request named in ``argv``; return the exit status (see ``__main__``)."""
    try:
        request = exchange.read_request(argv[1])
    except (IndexError, OSError, ValueError) as error:
        sys.stderr.write("probe: invalid request: {}\n".format(error))
        return 2
    if request.get("owner"):
        unfinished.owned_by(request["owner"])
    if argv[2:]:
        number, place, parent, current = argv[2:]
        return child.fresh(request, int(number), exchange.Places(place), int(parent), current)
    for number in processes.ASKED_TO_END:
        signal.signal(number, _stop)
    try:
        # It has to outlive whoever started it for long enough to end what it has started itself.
        processes.die_with_parent(request.get("parent"), signal.SIGTERM)
        with _working_folder() as work:
            status = _run(request, argv, work)
    except processes.StopError as stopped:
        return 128 + stopped.args[0]
    except OSError as error:
        guard.tell_refusal(error)
        return 4
    except Exception:
        sys.excepthook(*sys.exc_info())
        return 5
    return processes.end_like(status)


def _stop(number, _frame):
    for each in processes.ASKED_TO_END:
        signal.signal(each, signal.SIG_IGN)  # once is enough: what cleans up is not disturbed
    raise processes.StopError(number)


@contextlib.contextmanager
def _working_folder():
    work = tempfile.mkdtemp(prefix="probe-")
    try:
        yield work
    finally:
        folders.remove(work)


def _run(request, argv, work):
    """Write the result of every case, and return the exit status, negative for a signal."""
    if processes.LINUX:
        return guard.run(request, work, lambda: supervise(request, argv, work))
    failed = supervise(request, argv, work)
    if failed is not None:
        exchange.write_failed(request, work, failed, "")
    return 0


def supervise(request, argv, work):
    """Write the result of every case of ``request``, which was read from ``argv[1]``.

    If TensorFlow cannot be imported, return the part of every result instead.
    """
    forks = request["isolation"] == "fork"
    if request["isolation"] == "auto":
        forks = hasattr(os, "fork") and sys.platform != "darwin"
    started_in = os.getcwd()
    own = folders.Folders(work, request["variables"])
    clean = exchange.scrubber(request, work)
    tf, imported = child.import_tensorflow(request, clean) if forks else (None, {})
    if "outcome" in imported:
        return imported
    helpers = processes.descendants(os.getpid())
    for number, case in enumerate(request["cases"]):
        own.renew()
        places = exchange.Places(os.path.join(work, str(number)))
        os.mkdir(places.folder)
        begun, printed = exchange.Begun(case), ""
        part = failed_without(case)
        if part is None:
            output = log.Capture()
            if forks and not case["fresh_process"]:
                process = fork(tf, request, case, places, output)
            else:
                process = start(argv, number, places, output, started_in)
            part = part_of(process, case, places, helpers)
            printed = output.end().text()
        exchange.write_result(case, begun, imported, part, clean, printed)
        shutil.rmtree(places.folder, ignore_errors=True)
    return None


def failed_without(case):
    """Return the outcome and reason that a case takes over from the one it depends on, if that failed."""
    if case["after"] is None:
        return None
    try:
        plain = exchange.read_json(case["after"], exchange.RECORDING)
    except (OSError, ValueError):
        return None
    if plain["outcome"] == "recorded":
        return None
    return {"outcome": plain["outcome"], "reason": plain["reason"]}


def fork(tf, request, case, places, output):
    """Run ``case`` in a forked child, with TensorFlow already imported, and return the child's handle."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # 3.12 warns that the process has threads. They are idle after the import, and no op has run.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        output.begin()
        return processes.Forked(pid)
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output.write, 1)
        os.dup2(output.write, 2)
        os.close(output.write)
        processes.contain(parent, new_session=True)
        child.run_and_write(tf, request, case, places)
        status = 0
    finally:
        child.leave(status)  # never return to the parent's code, whatever happened


def start(argv, number, places, output, folder):
    """Run case ``number`` in a fresh process that imports TensorFlow itself, and return its handle.

    It starts in ``folder``, where this process started, so that it finds the same packages.
    """
    # -s excludes the user's site-packages, as here.
    flags = ["-s"] if sys.flags.no_user_site else []
    command = [sys.executable, *flags, *argv[:2], str(number), places.folder, str(os.getpid()), os.getcwd()]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output.write,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output.begin()
    return process


def part_of(process, case, places, helpers):
    """Wait for ``process`` and return its part of the result, or the outcome if it ended without one.

    ``helpers`` are processes that do not belong to the case.
    """
    ending = watch.watch(process, case, places, helpers)
    part = exchange.read_part(places)
    if part is not None:
        return part
    doing = watch.doing(places)
    if ending is None:
        outcome = "import-failed" if doing == watch.IMPORTING else "crashed"
        ending = outcome, watch.died(process.returncode, doing)
        if doing == watch.IMPORTING and -process.returncode in processes.STOPS:
            # Nothing of the case has run: this says nothing about it, nor about the environment.
            return {"unfiled": "its process was " + ending[1]}
    return {"outcome": ending[0], "reason": ending[1]}
