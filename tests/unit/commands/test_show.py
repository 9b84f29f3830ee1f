"""What a person sees of a round, with the clock and the events in the test's hands."""

from __future__ import annotations

import io

import pytest
from savedmodel_matrix.commands import show
from savedmodel_matrix.commands.show import Board, clock, earlier_pace, shown, summary
from savedmodel_matrix.execution.executors.interface import Ended, Result
from savedmodel_matrix.execution.progress import Event, Pace, State
from savedmodel_matrix.execution.round_file import events_path
from savedmodel_matrix.questions.interface import Round, Share

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"
RUNNING = [
    Event(state=State.STARTING, at=100),
    Event(state=State.RUNNING, at=110, done=0, of=4),
    Event(state=State.RUNNING, at=120, done=2, of=4),
]


def write(path, environment, events):
    place = events_path(path, environment)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(each.model_dump_json() + "\n" for each in events))


@pytest.fixture
def found(plan):
    return Round("matrix", 1, tuple(Share(each, ("a", "b")) for each in plan.environments.values()), "")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "20260102-default/matrix-1").mkdir(parents=True)
    return tmp_path / "20260102-default/matrix-1/round.json"


def test_how_far_each_environment_is(found, path, tmp_path):
    board = Board(found, path, tmp_path)
    write(path, NEW, RUNNING)
    assert [str(each) for each in board.standings(125)] == [
        f"{OLD}: waiting",
        f"{NEW}: running 3 of 4 (25s, about 5s left)",
    ]
    write(path, OLD, [Event(state=State.INSTALLING, at=120, packages=41)])
    assert str(board.standing(OLD, 123)) == f"{OLD}: installing 41 packages (3s)"
    board.finished[NEW] = Result.SUCCESS
    assert str(board.standing(NEW, 500)) == f"{NEW}: done (20s)"
    assert summary(board.standings(125), 2) == (
        f"1 of 2 environments done; {OLD}: installing 41 packages (5s)"
    )


def test_those_that_wait_are_counted(found, path, tmp_path):
    board = Board(found, path, tmp_path)
    assert summary(board.standings(0), 2) == "0 of 2 environments done; 2 waiting"


def test_earlier_rounds_tell_how_long_it_takes(path, tmp_path):
    earlier = tmp_path / "20260101-default/matrix-1/round.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("{}")
    write(earlier, NEW, [Event(state=State.INSTALLING, at=80, packages=3), *RUNNING[1:]])
    assert earlier_pace(tmp_path, path, NEW) == Pace(install_s=30, recording_s=5)
    assert earlier_pace(tmp_path, path, OLD) == Pace()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0s"), (59.4, "59s"), (60, "1m 00s"), (185, "3m 05s"), (3725, "1h 02m")]
)
def test_lengths_of_time(seconds, said):
    assert clock(seconds) == said


def test_without_a_terminal_there_are_plain_lines(found, path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(show, "SUMMARY_EVERY_S", 0.01)
    write(path, NEW, RUNNING)
    with shown(found, path, tmp_path, verbose=False) as view:
        import time

        deadline = time.monotonic() + 10
        said = ""
        while "environments done" not in said and time.monotonic() < deadline:
            time.sleep(0.01)
            said += capsys.readouterr().out
        view.ended(Ended(NEW, Result.SUCCESS, path.parent / "log"), None)
    assert f"0 of 2 environments done; {NEW}: running 3 of 4 (" in said
    assert f"{NEW}: done (20s)" in capsys.readouterr().out


def test_on_a_terminal_every_environment_has_a_line(found, path, tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    write(path, NEW, RUNNING)
    with shown(found, path, tmp_path, verbose=False) as view:
        view.ended(Ended(OLD, Result.SKIPPED, path.parent / "log"), None)
    said = terminal.getvalue()
    assert "environment" in said
    assert "running 3 of 4" in said
    assert f"{OLD}: skipped" in said
