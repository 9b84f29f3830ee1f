"""Sessions on this machine, each in its own nox process, a few at a time.

Each environment gets its own nox instead of one nox with ``-j``, so that each has its own log and its
result is known as soon as it ends. This costs nothing extra: ``nox -j`` starts a nox per session as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

from savedmodel_matrix.execution.executors.interface import Ended, Result
from savedmodel_matrix.execution.round_file import RUN_VARIABLE, log_path
from savedmodel_matrix.execution.scratch import run_folder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from savedmodel_matrix.execution.executors.interface import Order, Session

_POLL_S = 0.05
_KILL_S = 30.0  #: a killed process needs moments; a busy machine makes them long
#: Variables that choose sessions and interpreters of the outer nox; they must not reach the inner ones.
_CHOICES = {
    "NOXSESSION",
    "NOXPYTHON",
    "NOXEXTRAPYTHON",
    "NOXFORCEPYTHON",
    "NOX_PARALLEL",
    "NOX_DEFAULT_VENV_BACKEND",
}


class NoxExecutor:
    """Runs each session as ``nox -s ENVIRONMENT``, as a person or a CI job would."""

    def run(self, order: Order) -> Generator[Ended]:
        """Run the sessions in the order given, and yield each result."""
        with run_folder(os.getpid()) as scratch:
            yield from _run(order, scratch)


def _run(order: Order, scratch: Path) -> Generator[Ended]:
    waiting = list(order.sessions)
    running: dict[Session, psutil.Popen] = {}
    try:
        while waiting or running:
            while waiting and _may_start(waiting[0], running, order.jobs):
                running[waiting[0]] = _start(order, waiting[0], scratch)
                del waiting[0]
            ended = [session for session, process in running.items() if process.poll() is not None]
            for session in ended:
                del running[session]
                yield Ended(session.name, _result(order, session), log_path(order.round_file, session.name))
            if not ended:
                time.sleep(_POLL_S)
    finally:
        _end(list(running.values()))


def _may_start(session: Session, running: dict[Session, psutil.Popen], jobs: int) -> bool:
    if session.exclusive or any(each.exclusive for each in running):
        return not running
    return len(running) < jobs


def _start(order: Order, session: Session, scratch: Path) -> psutil.Popen:
    report = _report_path(order, session)
    report.unlink(missing_ok=True)
    environ = {name: value for name, value in os.environ.items() if name not in _CHOICES}
    # This nox's own environment already has everything that the noxfile's script metadata requires.
    environ |= {RUN_VARIABLE: str(order.round_file), "NOX_SCRIPT_MODE": "none", "PYTHONUNBUFFERED": "1"}
    environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))  # as ``tempfile`` reads them
    with log_path(order.round_file, session.name).open("wb") as log:
        return psutil.Popen(
            [
                sys.executable, "-m", "nox", "-f", str(order.noxfile), "--envdir", str(order.environments),
                # Keep an environment whose lock is installed; even in CI a missing interpreter is an outcome.
                "--reuse-venv=yes", "--no-error-on-missing-interpreters", "--no-stop-on-first-error",
                "--report", str(report), "-s", session.name,
            ],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=os.name == "posix",  # Ctrl-C reaches only the executor, which ends them all
        )  # fmt: skip


def _report_path(order: Order, session: Session) -> Path:
    return order.round_file.parent / f"{session.name}.nox.json"


def _result(order: Order, session: Session) -> Result:
    try:
        (found,) = json.loads(_report_path(order, session).read_text(encoding="utf-8"))["sessions"]
        return Result(found["result"])
    except (OSError, ValueError, KeyError):  # nox ended before it wrote a report
        return Result.FAILED


def _end(processes: list[psutil.Popen]) -> None:
    """Kill processes and all their descendants, including those in their own sessions and groups."""
    found: dict[int, psutil.Process] = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(process.pid)
            # Stop them first, until no new process appears: one could start another between scan and kill.
            while new := [each for each in [root, *root.children(recursive=True)] if each.pid not in found]:
                for each in new:
                    found[each.pid] = each
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.suspend()
    for each in found.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    for process in processes:
        process.wait()
    _wait_until_gone(found.values())


def _wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    """Wait until killed processes have ended: until then, they can still write into the run's folders.

    ``psutil.wait_procs`` does not do: a descendant is not ours to reap, and where nobody reaps it stays a
    zombie for ever. A process that hangs in the kernel is left to it when the time is up.
    """
    deadline = time.monotonic() + _KILL_S
    for each in processes:
        while _runs(each) and time.monotonic() < deadline:
            time.sleep(_POLL_S)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
