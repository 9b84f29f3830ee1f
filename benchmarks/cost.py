"""The cost of a command: CPU seconds, including all its descendants, and wall seconds (POSIX)."""

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

#: Removed from the environment of every measured command. Without compiled modules on disk, each import would
#: compile again, unlike for users. The others would tell nox that it runs inside this benchmark's session.
_NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "NOX", "SAVEDMODEL_MATRIX_")
_LOG_TAIL = 4000


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system, ended descendants included) and wall seconds."""

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of both in sequence."""
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


class BenchError(HarnessError):
    """A measured command did not do its work."""


def plain_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of a measured command, as in a plain shell."""
    return {name: value for name, value in variables.items() if not name.startswith(_NOT_PASSED_ON)}


def measured(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    variables: Mapping[str, str],
    expected: Collection[int] = (0,),
) -> Cost:
    """Run a command in ``folder`` with these variables and its output in ``log``, and return its cost.

    Raises:
        BenchError: with the end of its output, if its exit status is unexpected.
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
        # Not RUSAGE_CHILDREN: commands may run in parallel, and each has its own cost.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        tail = log.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
        raise BenchError(f"{' '.join(command)}: exit status {process.returncode}\n{tail}")
    return Cost(usage.ru_utime + usage.ru_stime, wall)
