"""The executor seam: run the sessions of some environments, and yield each result as it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


class Result(StrEnum):
    """How a session ended, in nox's terms."""

    SUCCESS = "success"
    FAILED = "failed"
    ABORTED = "aborted"
    SKIPPED = "skipped"
    """There is no interpreter for it."""


@dataclass(frozen=True)
class Session:
    """One session to run, by the id of its environment."""

    name: str
    exclusive: bool = False
    """Whether nothing else may run at the same time: TensorFlow allocates a GPU's whole memory."""


@dataclass(frozen=True)
class Order:
    """Sessions to run, and where."""

    sessions: tuple[Session, ...]
    noxfile: Path
    environments: Path
    """The folder that holds the environments."""
    round_file: Path
    """The file that the sessions share, named by ``SAVEDMODEL_MATRIX_RUN``. Logs go to its folder."""
    jobs: int
    """The largest number of sessions that run at the same time."""


@dataclass(frozen=True)
class Ended:
    """The result of one session."""

    name: str
    result: Result
    log: Path
    """The file with all of its output."""


class Executor(Protocol):
    """Runs sessions.

        Every session of an order is yielded once, as soon as it ends, however it ends. Where the generator is
    closed before its end, or interrupted, everything that was started is ended before that returns.
    """

    def run(self, order: Order) -> Generator[Ended]:
        """Run the sessions, and yield each result."""
        ...
