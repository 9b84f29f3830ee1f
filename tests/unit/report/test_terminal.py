from __future__ import annotations

import pytest
from savedmodel_matrix.report.terminal import meaning, render


def test_one_case_has_one_matrix(make):
    text = render(make({"cnn": {"e1": "A", "e2": "A"}}), ["results/latest/report.md"])
    assert text.count("Divergence matrix") == 1
    assert text.startswith("baseline: e1/default\n")
    assert text.endswith(
        "exit status 0: every required cell was recorded, and nothing differs from the baseline but by noise"
    )
    assert "results/latest/report.md" in text


def test_several_cases_have_a_matrix_each_and_one_of_all(make):
    text = render(make({"cnn": {"e1": "A"}, "rnn": {"e1": "A"}}), [])
    for title in ("Divergence matrix: cnn", "Divergence matrix: rnn", "Divergence matrix: all cases"):
        assert title in text


def test_a_matrix_of_many_cells_fits_on_a_screen(many):
    lines = render(many(30), []).splitlines()
    title = lines.index("Divergence matrix: cnn")
    header, first, second = lines[title + 2], lines[title + 4], lines[title + 5]
    assert header.split() == ["cell", *map(str, range(1, 31))]
    assert first.split() == ["1", "e1/default", "A", *(["~", "="] * 15)[:-1]]
    assert second.split() == ["2", "e2/default", "~", "B", *(["~", "="] * 14)]
    # Every sign stands under the number of its column.
    assert [first.index(" A ") + 1, second.index(" B ") + 1] == [
        header.index(" 1 ") + 1,
        header.index(" 2 ") + 1,
    ]
    assert max(map(len, lines[title : title + 34])) <= 120


def test_what_is_missing_is_shown_beside_the_matrix(make):
    text = render(make({"cnn": {"e1": "A", "e2": "timed-out"}}), [])
    assert [line.split() for line in text.splitlines() if line.startswith("2 ")] == [
        ["2", "e2/default", "·", "·", "timed-out"]
    ]
    assert "not recorded" not in render(make({"cnn": {"e1": "A"}}), [])


def test_what_was_not_recorded_is_shown_with_its_reason(make):
    text = render(make({"cnn": {"e1": "A", "e2": "load-failed"}}, exit_status=4), [])
    assert "load-failed: e2/default, every case: why load-failed" in text


def test_remarks_and_faults_are_shown(make):
    text = render(
        make({"cnn": {"e1": "A"}}, remarks=["nothing matches"], faults=["Traceback\n  line"], exit_status=5),
        [],
    )
    assert "Remarks\n  nothing matches" in text
    assert "Traceback\n  line" in text


def test_a_model_cannot_steer_the_terminal(make):
    report = make({"cnn": {"e1": "crashed"}})
    report.cells[0].reason = "\x1b[2Jgone \x07 \x9b1m é"
    text = render(report, [])
    assert not set(text) & set("\x1b\x07\x9b")
    assert r"\x1b[2Jgone \x07 \x9b1m é" in text


def test_a_case_may_have_the_name_of_a_column(make):
    text = render(make({"cell": {"e1": "A"}}), [])
    assert "e1/default" in text
    assert "A baseline" in text


@pytest.mark.parametrize("status", [0, 1, 4, 5])
def test_every_status_of_a_run_has_a_meaning(status):
    assert meaning(status)
