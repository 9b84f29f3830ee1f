"""How a probe ended, and what that says about it; and how it is ended."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

from savedmodel_matrix.domain.errors import MachineError, ProbeError
from savedmodel_matrix.probe.processes import STOPS

_PROBE_FAULTS = (2, 5)  # see ``savedmodel_matrix/probe/__main__.py``: our fault, not the model's
_REFUSED = 4  # as above: the system's


def end(process: psutil.Popen) -> None:
    """Kill what is left of the probe and its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def status_of(returncode: int | None, *, isolated: bool) -> int | None:
    """Return how the probe ended; what confines it ends with 128 + N where signal N ended the probe."""
    if isolated and returncode is not None and returncode - 128 in set(signal.Signals):
        return 128 - returncode
    return returncode


def ended_with(returncode: int | None) -> str:
    """Return the signal or the exit status, in words."""
    if returncode is not None and returncode - 128 in STOPS:
        returncode = 128 - returncode  # the probe's word for a signal that asked it to end
    if returncode is not None and returncode < 0:
        return f"signal {signal.Signals(-returncode).name} ({-returncode})"
    return f"exit status {returncode}"


def was_stopped(returncode: int | None) -> bool:
    """Whether a signal ended the process that a person or the system sends, and no fault of its own."""
    return returncode is not None and (-returncode in STOPS or returncode - 128 in STOPS)


def raise_failure(returncode: int | None, said: str) -> None:
    """Raise what the probe reports about itself or the machine, if that is how it ended."""
    if returncode in _PROBE_FAULTS:
        raise ProbeError(f"the probe failed (exit status {returncode}):", *said.splitlines())
    if returncode == _REFUSED:
        refused = said.strip().rpartition("\n")[2].removeprefix("probe: ")
        raise MachineError(f"{refused}; run again when the machine allows it. What is recorded is kept")
