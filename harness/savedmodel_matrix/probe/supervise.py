"""The parent: import TensorFlow once, run every case in its own process, write every result."""

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings

from . import child, exchange, unfinished, watch

#: The output of this process, if it goes to a file and the system allows reading it (Linux).
OWN_LOG = "/proc/self/fd/2"


class StopError(BaseException):
    """A signal asked the probe to end. The only argument is its number; failure handlers do not catch it."""


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
        return child.fresh(request, int(argv[2]), exchange.Places(argv[3]), int(argv[4]))
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    watch.die_with_parent(request.get("parent"))
    try:
        run(request, argv)
    except StopError as stopped:
        return 128 + stopped.args[0]
    except OSError as error:
        sys.stderr.write("probe: {}: {}\n".format(error.filename, error.strerror))
        return 4
    except Exception:
        sys.excepthook(*sys.exc_info())
        return 5
    return 0


def _stop(number, _frame):
    raise StopError(number)


def run(request, argv):
    """Write the result of every case of ``request``, which was read from ``argv[1]``."""
    forks = request["isolation"] == "fork"
    if request["isolation"] == "auto":
        forks = hasattr(os, "fork") and sys.platform != "darwin"
    work = tempfile.mkdtemp(prefix="probe-")
    clean = exchange.scrubber(request, work)
    try:
        tf, imported = child.import_tensorflow(request, clean) if forks else (None, {})
        for number, case in enumerate(request["cases"]):
            places = exchange.Places(os.path.join(work, str(number)))
            os.mkdir(places.folder)
            begun, before = now(), exchange.changed_source(case)
            failed = failed_without(case)
            if "outcome" in imported:
                part = imported
            elif failed is not None:
                part = failed
            else:
                forked = forks and not case["fresh_process"]
                process = fork(tf, request, case, places) if forked else start(argv, number, places)
                part = part_of(process, case, places)
            # The import happened in this process, and so did its output.
            log = OWN_LOG if "outcome" in imported else places.log
            why = part.get("unfiled") or unfiled(case, before, clean)
            if why is None:
                result = exchange.result(case, imported, part, clean, log)
                exchange.write_json(case["result"], dict(result, started=begun, ended=now()))
            else:
                exchange.write_json(case["result"] + exchange.UNFILED, {"key": case["key"], "reason": why})
            shutil.rmtree(places.folder, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def unfiled(case, before, clean):
    """Return why what ``case`` gave must not be filed under its key, or ``None``.

    ``before`` is what had changed before it ran.
    """
    changed = before or exchange.changed_source(case)
    if changed is not None:
        return clean("{} changed since the run began".format(changed))
    taken = case["batches"]
    if isinstance(taken, dict) and not os.path.exists(taken["outputs_of"]):
        return "{} has no recording".format(taken["name"])
    return None


def failed_without(case):
    """Return the outcome and reason that a case takes over from the one it depends on, if that failed."""
    if case["after"] is None:
        return None
    try:
        with open(case["after"], encoding="utf-8") as file:
            plain = json.load(file)
    except (OSError, ValueError):
        return None
    if plain["outcome"] == "recorded":
        return None
    return {"outcome": plain["outcome"], "reason": plain["reason"]}


def now():
    """Return the time as an ISO 8601 text, in UTC."""
    return dt.datetime.now(dt.timezone.utc).isoformat()


def fork(tf, request, case, places):
    """Run ``case`` in a forked child, with TensorFlow already imported, and return the child's handle."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # 3.12 warns that the process has threads. They are idle after the import, and no op has run.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return watch.Forked(pid)
    status = 1
    try:
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        log = os.open(places.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        watch.contain(parent, new_session=True)
        child.run_and_write(tf, request, case, places)
        status = 0
    finally:
        child.leave(status)  # never return to the parent's code, whatever happened


def start(argv, number, places):
    """Run case ``number`` in a fresh process that imports TensorFlow itself, and return its handle."""
    # The same packages as here: -s excludes the user's site-packages.
    flags = ["-s"] if sys.flags.no_user_site else []
    command = [sys.executable, *flags, *argv[:2], str(number), places.folder, str(os.getpid())]
    with open(places.log, "ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def part_of(process, case, places):
    """Wait for ``process`` and return its part of the result, or the outcome if it ended without one."""
    ending = watch.watch(process, case, places)
    part = exchange.read_part(places)
    if part is not None:
        return part
    doing = watch.doing(places)
    if ending is None:
        outcome = "import-failed" if doing == watch.IMPORTING else "crashed"
        ending = outcome, watch.died(process.returncode, doing)
        if doing == watch.IMPORTING and -process.returncode in watch.STOPS:
            # Nothing of the case has run: this says nothing about it, nor about the environment.
            return {"unfiled": "its process was " + ending[1]}
    return {"outcome": ending[0], "reason": ending[1]}
