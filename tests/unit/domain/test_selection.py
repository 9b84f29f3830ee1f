from __future__ import annotations

import os
import re

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.selection import RUN_VARIABLE, Selection, parse_selection, run_id


@pytest.mark.parametrize(
    ("arguments", "selection"),
    [
        ([], Selection()),
        (["--only", "tf2.9*"], Selection(cells="tf2.9*")),
        (["--case=cnn", "--fresh"], Selection(cases="cnn", fresh=True)),
        (["--fresh", "--only", "*/default", "--case", "c*"], Selection("*/default", "c*", fresh=True)),
    ],
)
def test_what_stands_after_the_dashes(arguments, selection):
    assert parse_selection(arguments) == selection


@pytest.mark.parametrize("arguments", [["--onyl", "x"], ["x"], ["--only"], ["--on", "x"]])
def test_what_is_not_known_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_selection(arguments)
    assert caught.value.code == 2
    assert "usage: nox -s matrix --" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("selection", "wanted", "partial"),
    [
        (Selection(), True, False),
        (Selection(fresh=True), True, False),
        (Selection(cells="tf2.9*"), True, True),
        (Selection(cells="*/onednn-off", cases="c*"), True, True),
        (Selection(cells="*/default"), False, True),
        (Selection(cases="rnn"), False, True),
        (Selection(cells="tf2.7*", cases="cnn"), False, True),
    ],
)
def test_selections(selection, wanted, partial):
    job = Job(CellId("tf2.9.3-py3.10-cpu", "onednn-off"), "cnn", Limits(1.0, None))
    assert selection.wants(job) is wanted
    assert selection.is_partial is partial


def test_one_run_for_a_process_and_its_children(monkeypatch):
    monkeypatch.delenv(RUN_VARIABLE, raising=False)
    monkeypatch.setitem(os.environ, "UNRELATED", "1")
    first = run_id()
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", first)
    assert run_id() == first == os.environ[RUN_VARIABLE]
    monkeypatch.delenv(RUN_VARIABLE)
    second = run_id()
    assert second != first
    # Read again at once, a later run never sorts before an earlier one, but for runs of one second.
    assert second[:16] >= first[:16]
