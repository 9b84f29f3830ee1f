from __future__ import annotations

import pytest
from savedmodel_matrix.execution.progress import (
    Event,
    Pace,
    Progress,
    State,
    pace_of,
    read_events,
    seconds_left,
)

SESSION = [
    Event(state=State.STARTING, at=0),
    Event(state=State.RESOLVING, at=1),
    Event(state=State.INSTALLING, at=2, packages=40),
    Event(state=State.RUNNING, at=32, done=0, of=3),
    Event(state=State.RUNNING, at=36, done=1, of=3),
    Event(state=State.RUNNING, at=38, done=2, of=3),
]


def test_steps_are_events_and_lines(tmp_path):
    said, path = [], tmp_path / "new" / "e.jsonl"
    progress = Progress(said.append, path)
    progress.resolving()
    progress.installing("e", 41, 279)
    progress.running(2)
    progress.ran("e/default cnn: recorded")
    progress("a word")
    progress.enter(State.DONE)
    events = read_events(path)
    assert [(each.state, each.packages, each.done, each.of) for each in events] == [
        ("resolving", None, 0, 0),
        ("installing", 41, 0, 0),
        ("running", None, 0, 2),
        ("running", None, 1, 2),
        ("done", None, 1, 2),
    ]
    assert said == [
        "e: installing 41 packages (up to 279 MB to download)",
        "e/default cnn: recorded",
        "a word",
    ]


def test_without_a_file_only_lines_are_said(tmp_path):
    said = []
    progress = Progress(said.append)
    progress.running(1)
    progress.ran("one")
    assert said == ["one"]


def test_a_line_that_is_being_written_is_left_out(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text(SESSION[0].model_dump_json() + "\n" + SESSION[1].model_dump_json()[:20])
    assert read_events(path) == SESSION[:1]
    assert read_events(tmp_path / "none.jsonl") == []


def test_the_pace_of_a_session():
    assert pace_of(SESSION) == Pace(install_s=30, recording_s=3)
    assert pace_of(SESSION[:3]) == Pace()
    assert pace_of(SESSION[:4]) == Pace(install_s=30)


@pytest.mark.parametrize(
    ("events", "now", "earlier", "left_s"),
    [
        ([], 0, Pace(recording_s=1), None),
        (SESSION[:4], 33, Pace(), None),
        (SESSION[:4], 33, Pace(recording_s=4), 3 * 4 - 1),
        (SESSION, 39, Pace(recording_s=100), 1 * 3 - 1),  # its own pace is the better one
        (SESSION, 100, Pace(), 0.0),
        (SESSION[:3], 12, Pace(install_s=30, recording_s=4), 20 + 3 * 4),
        (SESSION[:3], 12, Pace(recording_s=4), None),
        (SESSION[:2], 1, Pace(recording_s=4), 3 * 4),
        ([*SESSION, Event(state=State.DONE, at=40)], 41, Pace(), None),
    ],
)
def test_what_is_left(events, now, earlier, left_s):
    assert seconds_left(events, now, 3, earlier) == left_s
