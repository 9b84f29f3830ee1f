"""The progress of an environment: its session appends events to a file, and the display reads them."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import ValidationError

from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class State(StrEnum):
    """What an environment is doing."""

    WAITING = "waiting"
    STARTING = "starting"
    RESOLVING = "resolving"
    INSTALLING = "installing"
    RUNNING = "running"
    DONE = "done"


class Event(Stored):
    """One step of an environment's session."""

    state: State
    at: float
    """Seconds since 1970."""
    packages: int | None = None
    """Number of packages, in the state ``installing``."""
    done: int = 0
    """Recordings made so far."""
    of: int = 0
    """Recordings to make."""


class Progress:
    """Reports what happens in an environment: lines for people to its log, steps to a file of events.

    Calling it logs a line.
    """

    def __init__(self, say: Callable[[str], None], events: Path | None = None) -> None:
        self._say = say
        self._events = events
        self._done = self._of = 0

    def __call__(self, line: str) -> None:
        """Log a line."""
        self._say(line)

    def resolving(self) -> None:
        """Report that the lock is being looked up, and created if there is none."""
        self.enter(State.RESOLVING)

    def installing(self, environment: str, packages: int, download_mb: int | None) -> None:
        """Report an installation: the number of packages, and the download at most, in megabytes."""
        size = "" if download_mb is None else f" (up to {download_mb} MB to download)"
        self._say(f"{environment}: installing {packages} packages{size}")
        self.enter(State.INSTALLING, packages)

    def running(self, of: int) -> None:
        """Report how many recordings are about to be made."""
        self._done, self._of = 0, of
        self.enter(State.RUNNING)

    def ran(self, line: str) -> None:
        """Report one recording; the line names it and its outcome."""
        self._say(line)
        self._done += 1
        self.enter(State.RUNNING)

    def enter(self, state: State, packages: int | None = None) -> None:
        """Append an event."""
        if self._events is None:
            return
        event = Event(state=state, at=time.time(), packages=packages, done=self._done, of=self._of)
        self._events.parent.mkdir(parents=True, exist_ok=True)
        with self._events.open("a", encoding="utf-8") as file:
            file.write(event.model_dump_json() + "\n")


def read_events(path: Path) -> list[Event]:
    """Return the events written so far, without a line that is still being written."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    events = []
    for line in lines:
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError:
            break
    return events


class Pace(Stored):
    """How long an environment takes, in seconds; None if unknown."""

    install_s: float | None = None
    recording_s: float | None = None
    """Seconds per recording, including its share of the TensorFlow import."""


def pace_of(events: Sequence[Event]) -> Pace:
    """Return the pace of an environment from the events of one session."""
    installing = next((each for each in events if each.state is State.INSTALLING), None)
    running = [each for each in events if each.state is State.RUNNING]
    if not running:
        return Pace()
    first, last = running[0], running[-1]
    return Pace(
        install_s=first.at - installing.at if installing else None,
        recording_s=(last.at - first.at) / last.done if last.done else None,
    )


def seconds_left(events: Sequence[Event], now: float, work: int, earlier: Pace) -> float | None:
    """Return roughly how many seconds an environment still needs, or None if there is nothing to go by.

    ``work`` is the number of recordings that it is expected to make, until it reports the number itself.
    """
    if not events or events[-1].state is State.DONE:
        return None
    last = events[-1]
    each_s = pace_of(events).recording_s or earlier.recording_s
    if each_s is None:
        return None
    if last.state is State.RUNNING:
        return max(0.0, (last.of - last.done) * each_s - (now - last.at))
    install_s = 0.0
    if last.state is State.INSTALLING:
        if earlier.install_s is None:
            return None
        install_s = max(0.0, earlier.install_s - (now - last.at))
    return install_s + work * each_s
