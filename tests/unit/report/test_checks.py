"""The checks in a report: table, findings, exit status."""

from __future__ import annotations

import pytest
from savedmodel_matrix.domain.check import Check, CheckVerdict
from savedmodel_matrix.report.checks import check_findings, check_table
from savedmodel_matrix.report.document import CheckRow
from savedmodel_matrix.report.formats import markdown, terminal


def row(cell, check, verdict, case="cnn", **changes):
    environment, setting = cell.split("/")
    fields = {"kind": None, "says": f"why {verdict}", "details": None, "required": True, "recording": "k"}
    place = {"environment": environment, "setting": setting, "case": case, "check": check}
    return CheckRow(**place, verdict=verdict, **{**fields, **changes})


FAILS = {"kind": "not re-entrant", "says": "not re-entrant: 5 of 128 calls"}
ROWS = [
    row("e1/default", "repeat", "pass"),
    row("e1/default", "concurrent", "fails", **FAILS),
    row("e2/default", "repeat", "float-noise"),
    row("e2/default", "concurrent", "pass"),
    row("e3/default", "repeat", "could not run", required=False),
    row("e3/default", "concurrent", "could not run", required=False),
    row("e4/default", "repeat", "could not run"),
    row("e4/default", "concurrent", "could not run"),
]


@pytest.fixture
def report(make):
    return make({"cnn": {"e1": "A", "e2": "A", "e3": "load-failed"}}, checks=ROWS)


def test_one_row_per_case_and_cell_and_one_column_per_check(report):
    table = check_table(report)
    assert table.columns.tolist() == ["case", "cell", "repeat", "concurrent"]
    assert table.to_numpy().tolist() == [
        ["cnn", "e1/default", "pass", "FAILS (not re-entrant)"],
        ["cnn", "e2/default", "noise", "pass"],
        ["cnn", "e3/default", "?", "?"],
        ["cnn", "e4/default", "?", "?"],
    ]


def test_of_many_cells_those_that_came_out_alike_stand_together(make):
    rows = [row(f"e{number}/default", "leak", "fails" if number == 7 else "pass") for number in range(31)]
    table = check_table(make({"cnn": {"e1": "A"}}, checks=rows))
    assert table.to_numpy().tolist() == [
        ["cnn", "e0/default, e1/default, e2/default and 27 more", "pass"],
        ["cnn", "e7/default", "FAILS"],
    ]


def test_findings_say_where_and_what_could_not_be_told(report):
    assert check_findings(report) == [
        "cnn: concurrent fails in 1 of 2 cells (e1/default): not re-entrant: 5 of 128 calls",
        "cnn: repeat, concurrent could not run in e4/default: why could not run",
    ], "of a cell that failed the reason is that of the cell"


def test_one_reason_is_said_once(make):
    rows = [row("e1/default", "batch", "could not run", case=case) for case in ("cnn", "rnn")]
    (line,) = check_findings(make({"cnn": {"e1": "A"}, "rnn": {"e1": "A"}}, checks=rows))
    assert line == "cnn, rnn: batch could not run in e1/default: why could not run"


def test_what_fails_everywhere_is_said_once(make):
    rows = [row(f"e{number}/default", "leak", "fails", kind="leaks", says="grows") for number in range(5)]
    assert check_findings(make({"cnn": {"e1": "A"}}, checks=rows)) == ["cnn: leak fails in every cell: grows"]
    rows[0] = row("e0/default", "leak", "pass")
    (line,) = check_findings(make({"cnn": {"e1": "A"}}, checks=rows))
    assert "in 4 of 5 cells (e1/default, e2/default, e3/default and 1 more)" in line


def test_what_is_expected_is_marked(make):
    rows = [row("e1/default", "repeat", "fails", expected="it counts")]
    table = check_table(make({"cnn": {"e1": "A"}}, checks=rows))
    assert table["repeat"].tolist() == ["FAILS (expected)"]


def test_both_reports_show_them_and_neither_without(report, make):
    for render in (lambda each: terminal.render(each, verbose=True), markdown.render):
        text = render(report).replace("\\", "")
        assert "FAILS (not re-entrant)" in text
        assert "in 1 of 2 cells (e1/default)" in " ".join(text.split())
        plain = render(make({"cnn": {"e1": "A"}}))
        assert "Checks" not in plain
        assert "checks" not in plain
    assert "in 1 of 2 cells (e1/default)" in " ".join(terminal.render(report).split())


def test_stacks_stand_in_markdown_as_they_are(make):
    stacks = "thread 0:\n  File `x`, in <module>\n    ```"
    rows = [row("e1/default", "concurrent", "fails", details=stacks)]
    text = markdown.render(make({"cnn": {"e1": "A"}}, checks=rows))
    assert "    thread 0:\n      File `x`, in <module>\n        ```" in text


def test_every_verdict_has_a_sign(make):
    rows = [row(f"e{verdict}/default", Check.BATCH, verdict) for verdict in CheckVerdict]
    texts = check_table(make({"cnn": {"e1": "A"}}, checks=rows))["batch"].tolist()
    assert len(set(texts)) == len(CheckVerdict)
