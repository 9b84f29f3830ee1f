from __future__ import annotations

from pathlib import Path

import pytest
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.document import CauseRow
from savedmodel_matrix.report.formats.terminal import WIDTH, render

LATEST = Path("/somewhere/project/results/latest")


def test_the_short_report_has_the_answer_one_table_the_places_and_the_status(make):
    text = render(make({"cnn": {"e1": "A", "e2": "A"}}), LATEST)
    assert text.splitlines() == [
        "Everything matches the baseline bit for bit.",
        "",
        "Baseline: e1/default",
        "",
        "cell    cnn",
        "------  ---------",
        "e1      baseline",
        "e2      identical",
        "",
        "Cases",
        "  cnn:",
        "",
        "Reports: results/latest/report.md (everything in full), report.json, report.txt",
        "",
        "Exit status 0: every required cell ran, and everything matches the baseline within noise",
    ]


@pytest.fixture
def default(make, differs):
    """A report like that of the default matrix, and as large: 4 cases in 8 environments."""
    cells = dict.fromkeys([f"tf2.{minor}.0-py3.9-cpu" for minor in range(5)], "A")
    broken = dict.fromkeys([f"tf2.{minor}.0-py3.12-cpu" for minor in range(16, 19)], "load-failed")
    names = ("cnn", "rnn", "custom_layer", "basic_pitch")
    report = make(dict.fromkeys(names, cells | broken), baseline="tf2.0.0-py3.9-cpu/default")
    for number, case in enumerate(report.cases):
        case.says = f"{number} " + "equal up to rounding in all cells that ran " * 5
    report.causes = [
        CauseRow(
            environment=row.environment, setting="default", case=row.case, cause=f"cause-{number % 3}",
            title="optimizer slots " * 3, explanation=None, source=None, candidates=[], useful=None,
        )
        for number, row in enumerate(row for row in report.cells if row.outcome == "load-failed")
    ]  # fmt: skip
    report.remarks = [f"case cnn: remark {number} " * 8 for number in range(20)]
    report.exit_status = 4
    return report


def test_the_short_report_fits_on_a_screen(default):
    lines = render(default, LATEST).splitlines()
    assert len(lines) <= 50, "even with 3 causes and 20 remarks"
    assert max(map(len, lines)) <= WIDTH
    assert "  … and 16 more lines in report.md" in lines
    assert not any("Divergence matrix" in line for line in lines)


def test_a_single_line_is_not_left_out_for_one_that_says_so(default):
    default.remarks = default.remarks[:5]
    assert "more line" not in render(default, LATEST)
    assert "case cnn: remark 4" in render(default, LATEST)


def test_the_full_report_has_it_all(default):
    text = render(default, LATEST, verbose=True)
    assert " ".join(text.split()).count("case cnn: remark 19") == 8
    assert "more lines" not in text
    for case in ("cnn", "rnn", "custom_layer", "basic_pitch", "all cases"):
        assert f"Divergence matrix: {case}\n" in text


def test_one_case_has_one_matrix(make):
    assert render(make({"cnn": {"e1": "A", "e2": "A"}}), verbose=True).count("Divergence matrix") == 1


def test_a_matrix_of_many_cells_fits_on_a_screen(many):
    lines = render(many(30), verbose=True).splitlines()
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


def test_what_is_missing_is_shown_next_to_the_matrix(make):
    text = render(make({"cnn": {"e1": "A", "e2": "timed-out"}}), verbose=True)
    assert [line.split() for line in text.splitlines() if line.startswith("2 ")] == [
        ["2", "e2/default", "·", "·", "timed-out"]
    ]
    assert "did not run" not in render(make({"cnn": {"e1": "A"}}), verbose=True)


@pytest.mark.parametrize("verbose", [False, True])
def test_what_did_not_run_is_shown_with_its_reason(make, verbose):
    text = render(make({"cnn": {"e1": "A", "e2": "load-failed"}}, exit_status=4), verbose=verbose)
    assert "load-failed: e2/default, every case: why load-failed" in text


def test_failures_with_a_known_cause_are_listed_once_in_the_short_report(default):
    text = render(default)
    assert text.count("error: why load-failed") == 3
    assert "\nDid not run\n" not in text
    assert "\nDid not run\n" in render(default, verbose=True)


def test_remarks_and_faults_are_shown(make):
    text = render(
        make({"cnn": {"e1": "A"}}, remarks=["nothing matches"], faults=["Traceback\n  line"], exit_status=5)
    )
    assert "Remarks\n  nothing matches" in text
    assert "  Traceback\n    line" in text


def test_a_model_cannot_steer_the_terminal(make):
    report = make({"cnn": {"e1": "crashed"}})
    report.cells[0].reason = "\x1b[2Jgone \x07 \x9b1m é"
    text = render(report)
    assert not set(text) & set("\x1b\x07\x9b")
    assert r"\x1b[2Jgone \x07 \x9b1m é" in text


@pytest.mark.parametrize("verbose", [False, True])
def test_a_case_may_have_the_name_of_a_column(make, verbose):
    text = render(make({"cell": {"e1": "A"}}), verbose=verbose)
    assert "baseline" in text


def test_long_names_of_cells_are_wrapped_and_not_cut(make):
    name = "tf2.15.1-py3.11-cpu-beside-librosa-0.10.2.post1+opencv_python_headless-4.10.0.84+pillow-11.3.0"
    lines = render(make({"cnn": {"e1": "A", name: "A"}})).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("tf2"))
    wrapped = [line.split("   ")[0].strip() for line in lines[start : start + 3]]
    assert "".join(wrapped) == name
    assert max(map(len, lines)) <= WIDTH


def test_many_cases_are_counted(make, differs):
    cases = {f"case{number:02}": {"e1": "A", "e2": "B" if number < 5 else "A"} for number in range(40)}
    apart = [differs(f"case{number:02}", "e2/default", "e1/default", Verdict.DIVERGED) for number in range(5)]
    lines = render(make(cases, apart)).splitlines()
    (line,) = [line for line in lines if line.startswith("e2 ")]
    assert line.split() == ["e2", "35", "5", "diverged:", "case00,", "case01,", "case02", "and", "2", "more"]
