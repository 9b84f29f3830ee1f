"""The progress display of a round: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from savedmodel_matrix.commands.say import say
from savedmodel_matrix.environments.space import lack_of_space
from savedmodel_matrix.execution.executors.interface import Result
from savedmodel_matrix.execution.progress import Pace, State, pace_of, read_events, seconds_left
from savedmodel_matrix.execution.round_file import events_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

    from savedmodel_matrix.execution.executors.interface import Ended
    from savedmodel_matrix.execution.progress import Event
    from savedmodel_matrix.questions.interface import Asked, Round

SUMMARY_EVERY_S = 20.0
_REFRESH_PER_S = 2
_EARLIER_RUNS = 10


class Show(Protocol):
    """Shows the progress of a round."""

    def ended(self, ended: Ended, problem: str | None) -> None:
        """Report that an environment is finished, with its problem, if any."""
        ...


@dataclass(frozen=True)
class Standing:
    """The progress of one environment."""

    environment: str
    state: str
    elapsed_s: float | None
    left_s: float | None
    is_running: bool

    def __str__(self) -> str:
        times = [f"{clock(self.elapsed_s)}"] if self.elapsed_s is not None else []
        times += [f"about {clock(self.left_s)} left"] if self.left_s is not None else []
        said = f" ({', '.join(times)})" if times else ""
        return f"{self.environment}: {self.state}{said}"


def announce(asked: Asked, found: Round, environments: Path) -> None:
    """Print what is about to happen, before anything does; ``environments`` is the folder that holds them."""
    from savedmodel_matrix.commands.plan import describe_plan, render_plan  # noqa: PLC0415 - only with work to do
    from savedmodel_matrix.commands.plan_text import downloads  # noqa: PLC0415 - as above

    if found.says:
        say(f"{asked.plan.matrix}: {found.says}")
        return
    described = describe_plan(asked.project, asked.plan, asked.request.selection)
    say(render_plan(described) + "\n")
    coming = sum(size or 0 for size in downloads(described))
    if coming and (problem := lack_of_space(coming, environments)) is not None:
        say(problem + "\n")


@contextlib.contextmanager
def shown(found: Round, round_path: Path, logs: Path, *, verbose: bool) -> Iterator[Show]:
    """Show the progress of a round while its sessions run: live on a terminal, plain lines elsewhere."""
    board = Board(found, round_path, logs)
    if not sys.stdout.isatty():
        with _plain(board, verbose=verbose) as show:
            yield show
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.live import Live  # noqa: PLC0415

    console = Console()
    with Live(
        get_renderable=lambda: _table(board.standings(time.time())),
        console=console,
        refresh_per_second=_REFRESH_PER_S,
        transient=True,
    ):
        # While Live is active, other output appears above its lines.
        yield _Lines(board, verbose=verbose)


class Board:
    """The progress of every environment of a round, from the events that the sessions write."""

    def __init__(self, found: Round, round_path: Path, logs: Path) -> None:
        self._work = {share.environment.id: len(share.work) for share in found.shares}
        self._round_path = round_path
        self._pace = {name: earlier_pace(logs, round_path, name) for name in self._work}
        self.finished: dict[str, Result] = {}

    def standings(self, now: float) -> list[Standing]:
        """Return each environment's progress, in the order of the plan. ``now`` is in seconds since 1970."""
        return [self.standing(name, now) for name in self._work]

    def standing(self, name: str, now: float) -> Standing:
        """Return one environment's progress."""
        events = read_events(events_path(self._round_path, name))
        if name in self.finished:
            end = events[-1].at if events else now
            text = "done" if self.finished[name] is Result.SUCCESS else str(self.finished[name])
            return Standing(name, text, end - events[0].at if events else None, None, is_running=False)
        if not events:
            return Standing(name, State.WAITING, None, None, is_running=False)
        left_s = seconds_left(events, now, self._work[name], self._pace[name])
        return Standing(name, _said(events[-1]), now - events[0].at, left_s, is_running=True)


def earlier_pace(logs: Path, round_path: Path, environment: str) -> Pace:
    """Return the pace of an environment in earlier rounds, newest first; unknown values are None."""
    install_s = recording_s = None
    rounds = sorted(logs.glob("*/*/round.json"), reverse=True)
    for path in [each for each in rounds if each != round_path][:_EARLIER_RUNS]:
        pace = pace_of(read_events(events_path(path, environment)))
        install_s = pace.install_s if install_s is None else install_s
        recording_s = pace.recording_s if recording_s is None else recording_s
    return Pace(install_s=install_s, recording_s=recording_s)


def summary(standings: Sequence[Standing], total: int) -> str:
    """Return one line on a round: how many environments are done, and the progress of the running ones."""
    running = [each for each in standings if each.is_running]
    waiting = sum(each.state == State.WAITING for each in standings)
    parts = [
        f"{total - len(running) - waiting} of {total} environments done",
        *(str(each) for each in running),
    ]
    parts += [f"{waiting} waiting"] if waiting else []
    return "; ".join(parts)


def clock(seconds: float) -> str:
    """Return a duration in readable form: ``45s``, ``3m 05s``, ``1h 02m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


class _Lines:
    """Prints a line for each finished environment."""

    def __init__(self, board: Board, *, verbose: bool) -> None:
        self._board = board
        self._verbose = verbose

    def ended(self, ended: Ended, problem: str | None) -> None:
        self._board.finished[ended.name] = ended.result
        say(str(self._board.standing(ended.name, time.time())))
        if self._verbose:
            say(_indented(ended.log.read_text(encoding="utf-8", errors="replace")))
        elif problem is not None:
            say(f"{_indented(problem)}\n  (full log: {ended.log})")


@contextlib.contextmanager
def _plain(board: Board, *, verbose: bool) -> Iterator[Show]:
    stop = threading.Event()

    def summarise() -> None:
        while not stop.wait(SUMMARY_EVERY_S):
            standings = board.standings(time.time())
            say(summary(standings, len(standings)))

    # A daemon thread, so that an interrupt does not wait for the next line.
    thread = threading.Thread(target=summarise, daemon=True)
    thread.start()
    try:
        yield _Lines(board, verbose=verbose)
    finally:
        stop.set()
        thread.join()


def _table(standings: Sequence[Standing]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - only for a terminal

    table = Table(box=None, pad_edge=False)
    for title in ("environment", "state", "elapsed", "left"):
        table.add_column(title, no_wrap=True)
    for each in standings:
        elapsed = "" if each.elapsed_s is None else clock(each.elapsed_s)
        left = "" if each.left_s is None else f"about {clock(each.left_s)}"
        table.add_row(each.environment, each.state, elapsed, left)
    return table


def _said(event: Event) -> str:
    if event.state is State.INSTALLING:
        return f"installing {event.packages} packages"
    if event.state is State.RUNNING and event.of:
        return f"running {min(event.done + 1, event.of)} of {event.of}"
    return str(event.state)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())
