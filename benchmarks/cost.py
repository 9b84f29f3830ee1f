"""What a command costs: CPU seconds of it and all its descendants, and wall seconds (POSIX)."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

#: Taken from every measured command. Without compiled modules on disk each import would compile anew,
#: which no user's does; the others would tell nox that it runs inside the session that runs this bench.
_NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "NOX", "SAVEDMODEL_MATRIX_")
_LOG_TAIL = 4000


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system, ended descendants included) and wall seconds."""

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of both, one after the other."""
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


class BenchError(HarnessError):
    """A command that was to be measured did not do its work."""


def plain_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a measured command gets: a user's, started from a plain shell."""
    return {name: value for name, value in variables.items() if not name.startswith(_NOT_PASSED_ON)}


def measured(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    variables: Mapping[str, str],
    expected: Collection[int] = (0,),
) -> Cost:
    """Run a command in ``folder`` with these variables, its output in ``log``, and return what it cost.

    Raises:
        BenchError: with the end of its output, if its exit status is not an expected one.
    """
    with log.open("wb") as sink:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        # Not RUSAGE_CHILDREN: commands may run side by side, and each has a cost of its own.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        tail = log.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
        raise BenchError(f"{' '.join(command)}: exit status {process.returncode}\n{tail}")
    return Cost(usage.ru_utime + usage.ru_stime, wall)
