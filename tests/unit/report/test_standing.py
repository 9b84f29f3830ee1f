from __future__ import annotations

import pytest
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.document import NoticedRow, PowerRow, SettingRow
from savedmodel_matrix.report.standing import MOST_LINES, standing


def lines(report, **options):
    return standing(report, **{"by_case": True, **options}).lines


def with_settings(make, texts, **options):
    """Return a report of one case with two settings; ``texts`` are by environment, one letter a setting."""
    report = make(
        {"cnn": {f"{name}-{n}": what for name, both in texts.items() for n, what in enumerate(both)}},
        **options,
    )
    names = ("default", "off")
    for row in report.cells:
        row.environment, number = row.environment.split("-")
        row.setting = names[int(number)]
    for group in report.classes:
        group.cells = [f"{cell.split('-')[0]}/{names[int(cell.split('-')[1][0])]}" for cell in group.cells]
    report.settings = [SettingRow(**{**report.settings[0].model_dump(), "name": name}) for name in names]
    return report


def test_a_verdict_is_a_word_and_the_size_in_multiples_of_the_noise(make, differs):
    one = {"max_abs": 1e-6, "noise_ratio": 0.0171}
    large = {"max_abs": 3.0, "noise_ratio": 12345.0, "decision_changed": True}
    report = make(
        {"cnn": {"e1": "A", "e2": "A", "e3": "B", "e4": "C", "e5": "D", "e6": "timed-out"}},
        [
            differs("cnn", "e3/default", "e1/default", Verdict.FLOAT_NOISE, **one),
            differs("cnn", "e4/default", "e1/default", Verdict.DIVERGED, **large),
            differs("cnn", "e5/default", "e1/default", Verdict.SUSPICIOUS, max_abs=0.25),
        ],
    )  # fmt: skip
    found = standing(report, by_case=True)
    assert found.header == ["cell", "cnn"]
    assert found.lines == [
        ["e1", "baseline"],
        ["e2", "identical"],
        ["e3", "noise 0.017×"],
        ["e4", "diverged* 12,000×"],
        ["e5", "suspicious 2.5e-01"],
        ["e6", "timed-out"],
    ]
    assert found.notes == [
        "×: times the noise between two runs",
        "*: a decision (such as the argmax) changed",
    ]


def test_settings_that_say_the_same_share_a_line(make):
    report = with_settings(make, {"e1": "AA", "e2": "AA", "e3": ["A", "crashed"]}, baseline="e1-0/default")
    report.baseline = "e1/default"
    for row in report.cells:
        row.verdict = Verdict.IDENTICAL if row.class_ else None
    found = standing(report, by_case=True)
    assert found.lines == [
        ["e1/*", "baseline"],
        ["e2/*", "identical"],
        ["e3/default", "identical"],
        ["e3/off", "crashed"],
    ]
    assert found.notes == ["/*: default, off"]


def test_a_cell_that_differs_from_training_says_so_whatever_the_baseline_gives(make):
    report = make({"cnn": {"e1": "A", "e2": "A"}})
    for row in report.cells:
        row.skew = Verdict.DIVERGED
    assert lines(report) == [["e1", "baseline, skewed"], ["e2", "identical, skewed"]]
    assert standing(report, by_case=True).notes == ["skewed: serving's results differ from training's"]


def test_what_is_expected_or_not_compared_is_marked(make):
    report = make({"cnn": {"e1": "A", "e2": "A", "e3": "load-failed"}})
    report.cells[1].not_compared = ["y"]
    report.cells[2].expected = "known"
    assert [text for _, text in lines(report)[1:]] == ["identical, 1 not compared", "load-failed (expected)"]


def test_without_a_baseline_there_is_no_verdict(make):
    assert lines(make({"cnn": {"e1": "crashed", "e2": "A"}})) == [["e1", "crashed"], ["e2", "no baseline"]]


def test_what_was_not_selected_has_no_line_of_its_own(make):
    report = make(
        {"cnn": {"e1": "A", "e2": "skipped", "e3": "skipped"}, "rnn": {"e1": "A", "e2": "skipped", "e3": "A"}}
    )
    for row in report.cells:
        if row.outcome == "skipped":
            row.selected = row.required = False
    assert lines(report) == [["e1", "baseline", "baseline"], ["e3", "not selected", "identical"]]


@pytest.fixture
def wide(make, differs):
    """A report of many cells, each with a size of its own, and these failures."""

    def made(count, failed=()):
        cells = {f"e{n}": "A" if n == 1 else f"{chr(64 + n)}" for n in range(1, count + 1)}
        cells |= {f"e{n}": "crashed" for n in failed}
        apart = [
            differs("cnn", f"e{n}/default", "e1/default", Verdict.FLOAT_NOISE, noise_ratio=n / 100)
            for n in range(2, count + 1)
            if n not in failed
        ]
        return make({"cnn": cells}, apart)

    return made


def test_sizes_are_left_out_before_cells_are(wide):
    assert len(lines(wide(MOST_LINES))) == MOST_LINES
    report = wide(MOST_LINES + 3, failed=[7, 9])
    assert lines(report) == [
        ["e1", "baseline"],
        [f"e2 and {MOST_LINES - 1} more", "noise"],
        ["e7 and 1 more", "crashed"],
    ]


def test_the_worst_cells_are_shown_where_all_are_different(make):
    cases = {
        f"case{n}": {f"e{cell}": "crashed" if cell >> n & 1 else "A" for cell in range(32)} for n in range(5)
    }
    found = standing(make(cases, baseline="e0/default"), by_case=True)
    assert len(found.lines) == MOST_LINES
    assert found.lines[0] == ["e0", *["baseline"] * 5]
    assert ["e31", *["crashed"] * 5] in found.lines
    assert found.notes == ["12 more lines, none of them worse, are in report.md"]


def test_many_cases_are_counted(make, differs):
    cases = {name: {"e1": "A", "e2": "B"} for name in "pqrs"}
    cases["t"] = {"e1": "A", "e2": "load-failed"}
    cases["u"] = {"e1": "crashed", "e2": "A"}
    apart = [
        differs("p", "e2/default", "e1/default", Verdict.FLOAT_NOISE),
        differs("q", "e2/default", "e1/default", Verdict.DIVERGED),
        differs("r", "e2/default", "e1/default", Verdict.DIVERGED),
        differs("s", "e2/default", "e1/default", Verdict.IDENTICAL),
    ]
    found = standing(make(cases, apart), by_case=False)
    assert found.header == [
        "cell", "identical", "noise", "differ", "no result", "cases that differ or have no result",
    ]  # fmt: skip
    assert found.lines == [
        ["e1", "5", "", "", "1", "crashed: u"],
        ["e2", "1", "1", "2", "2", "diverged: q, r; load-failed: t; no baseline: u"],
    ]
    assert found.notes == ["the numbers count the 6 cases"]


def test_weak_agreement_and_the_lack_of_a_floor_are_said_in_the_table_itself(make, differs):
    judged = {"judged_by": "default tolerance", "rtol": 1.3e-6, "atol": 1e-5, "max_abs": 1e-7}
    report = make(
        {"cnn": {"e1": "A", "e2": "A", "e3": "B"}},
        [differs("cnn", "e3/default", "e1/default", Verdict.FLOAT_NOISE, **judged)],
    )
    report.cases[0].power = PowerRow(
        power=0.25,
        weak=True,
        levels=[NoticedRow(level=0.01, noticed=2, tried=8)],
        weights=8,
        left_out=0,
        blind_to=["w"],
        says="so much",
    )
    for row in report.cells:
        row.weak = True
    found = standing(report, by_case=True)
    assert found.lines == [
        ["e1", "baseline, weak"],
        ["e2", "identical, weak"],
        ["e3", "noise† 1.0e-07, weak"],
        ["power: 1 % is noticed in", "2 of 8 weights"],
    ]
    assert [note for note in found.notes if note.startswith(("†", "weak"))] == [
        "†: no noise floor; judged by a default tolerance",
        "weak: these inputs would hardly notice any change",
    ]
    assert standing(report, by_case=False).lines[1] == ["e2", "", "", "1", "", "", ""]
