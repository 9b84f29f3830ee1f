"""What a person types becomes one request, the same from nox and from the command line."""

from __future__ import annotations

import inspect

import pytest
from savedmodel_matrix.domain.errors import UsageError
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.doors.arguments import parse_request, request_of
from savedmodel_matrix.doors.command_line import plan_command

PROGRAM = "nox -s matrix --"


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ([], Request()),
        (["--only", "tf2.9*"], Request(selection=Selection(cells=("tf2.9*",)))),
        (["--only", "a", "--only=b", "--case", "c"], Request(selection=Selection(("a", "b"), ("c",)))),
        (["--fresh"], Request(selection=Selection(fresh=True))),
        (["--separate", "--no-fixes"], Request(separate=True, fixes=False)),
        (["--jobs", "3", "-v"], Request(jobs=3, verbose=True)),
        (["-j1"], Request(jobs=1)),
    ],
)
def test_what_stands_after_the_dashes(arguments, request_):
    assert parse_request(arguments, PROGRAM) == request_


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--onyl", "x"], "--only"),
        (["x"], "unexpected extra argument"),
        (["--only"], "requires an argument"),
        (["--on", "x"], "No such option"),
        (["-j", "0"], "--jobs"),
        (["-j", "many"], "--jobs"),
        (["--no-remedies"], "--no-fixes"),
    ],
)
def test_what_is_not_known_is_refused(arguments, says, capsys):
    with pytest.raises(UsageError) as caught:
        parse_request(arguments, PROGRAM)
    assert caught.value.exit_status == 2
    assert says in capsys.readouterr().err


def test_help_is_printed_and_asks_for_nothing(capsys):
    assert parse_request(["--help"], PROGRAM) is None
    said = capsys.readouterr().out
    assert f"Usage: {PROGRAM}" in said
    for option in ("--only", "--case", "--fresh", "--separate", "--no-fixes", "--jobs", "--verbose"):
        assert option in said


def test_the_command_line_has_the_very_same_options():
    ours, theirs = inspect.signature(plan_command).parameters, inspect.signature(request_of).parameters
    shared = set(ours) & set(theirs)
    assert shared == {"only", "case", "fresh", "separate", "isolate"}
    assert all(ours[name].annotation == theirs[name].annotation for name in shared)
