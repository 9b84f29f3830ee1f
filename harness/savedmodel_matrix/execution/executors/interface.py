"""What an executor is asked for: run the sessions of some environments, and yield each result as it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Result(StrEnum):
    """How a session ended, in nox's words."""

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
    """Whether nothing else may run at the same time: TensorFlow takes the whole memory of a GPU."""


@dataclass(frozen=True)
class Order:
    """Sessions to run, and where."""

    sessions: tuple[Session, ...]
    noxfile: Path
    environments: Path
    """The folder that holds the environments."""
    round_file: Path
    """What the sessions share; each finds it by ``SAVEDMODEL_MATRIX_RUN``. Logs lie in its folder."""
    jobs: int
    """How many sessions run at the same time, at most."""


@dataclass(frozen=True)
class Ended:
    """One session that ended."""

    name: str
    result: Result
    log: Path
    """All that it printed."""


class Executor(Protocol):
    """Runs sessions.

    Every session of an order is yielded once, as soon as it ends, however it ends. Where the iterator is
    closed before its end, or interrupted, everything that was started is ended before that returns.
    """

    def run(self, order: Order) -> Iterator[Ended]:
        """Run the sessions, and yield each result."""
        ...
