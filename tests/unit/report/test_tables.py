from __future__ import annotations

import pytest
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report import lines, tables
from savedmodel_matrix.report.document import OutputRow


@pytest.mark.parametrize(
    ("index", "name"),
    [(0, "A"), (1, "B"), (25, "Z"), (26, "AA"), (27, "AB"), (51, "AZ"), (52, "BA"), (702, "AAA")],
)
def test_class_names(index, name):
    assert tables.class_name(index) == name


def test_class_names_are_all_different():
    assert len({tables.class_name(index) for index in range(2000)}) == 2000


def test_every_verdict_has_a_sign_of_its_own_in_the_legend():
    assert set(tables.SIGNS) == set(Verdict)
    assert len(set(tables.SIGNS.values())) == len(Verdict)
    for verdict, sign in tables.SIGNS.items():
        assert f"{sign} {verdict.value}" in " ".join(tables.LEGEND)


def case_matrix(report, case):
    names = [row.name for row in report.cases]
    return dict(zip(names, tables.case_matrices(report), strict=True))[case]


def rows(frame):
    return [list(row) for row in frame.itertuples(index=False)]


def test_overview_shows_class_verdict_and_size_or_the_outcome(make, differs):
    report = make(
        {
            "cnn": {"e1": "A", "e2": "A", "e3": "B", "e4": "load-failed"},
            "rnn": {"e1": "A", "e2": "B", "e3": "crashed", "e4": "A"},
        },
        [
            differs("cnn", "e3/default", "e1/default", Verdict.FLOAT_NOISE, max_abs=1.23e-7),
            differs("rnn", "e2/default", "e1/default", Verdict.DIVERGED, max_abs=0.5),
            differs(
                "rnn", "e2/default", "e1/default", Verdict.DIVERGED, output="label", decision_changed=True
            ),
        ],
    )
    frame = tables.overview(report)
    assert list(frame.columns) == ["cell", "cnn", "rnn"]
    assert rows(frame) == [
        ["e1/default", "A baseline", "A baseline"],
        ["e2/default", "A =", "B #* 5.0e-01"],
        ["e3/default", "B ~ 1.2e-07", "crashed"],
        ["e4/default", "load-failed", "A ="],
    ]


def test_a_changed_decision_shows_whichever_output_is_largest(make, differs):
    small = differs(
        "cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE, max_abs=1e-7, decision_changed=True
    )
    large = differs("cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE, output="z", max_abs=1e-6)
    for divergences in ([small, large], [large, small]):
        frame = tables.overview(make({"cnn": {"e1": "A", "e2": "B"}}, divergences))
        assert rows(frame)[1] == ["e2/default", "B ~* 1.0e-06"]


def test_overview_without_a_baseline_says_so(make):
    frame = tables.overview(make({"cnn": {"e1": "load-failed", "e2": "A"}}))
    assert rows(frame) == [["e1/default", "load-failed"], ["e2/default", "A no baseline"]]


def test_overview_shows_that_something_was_not_compared(make):
    report = make({"cnn": {"e1": "A", "e2": "A"}})
    report.cells[1].not_compared = ["y"]
    assert rows(tables.overview(report))[1] == ["e2/default", "A =, 1 not compared"]


def test_overview_shows_how_many_times_the_noise_a_difference_is(make, differs):
    rows_of = [
        differs(
            "cnn",
            "e2/default",
            "e1/default",
            Verdict.SUSPICIOUS,
            output=name,
            max_abs=size,
            noise_ratio=ratio,
        )
        for name, size, ratio in (("x", 1e-6, 4.21), ("y", 1e-5, 0.3), ("label", None, None))
    ]
    frame = tables.overview(make({"cnn": {"e1": "A", "e2": "B"}}, rows_of))
    assert rows(frame)[1] == ["e2/default", "B ! 1.0e-05 4.2×"]


def test_a_known_problem_is_shown_as_expected_and_never_as_green(make, differs):
    apart = differs("cnn", "e2/default", "e1/default", Verdict.DIVERGED, max_abs=0.5)
    report = make({"cnn": {"e1": "A", "e2": "B", "e3": "load-failed", "e4": "load-failed"}}, [apart])
    for row in report.cells[1:3]:
        row.expected = "known since 2.16"
        row.reason = "why load-failed"
    found = rows(tables.overview(report))
    assert [text for _, text in found[1:]] == [
        "B # 5.0e-01 (expected)", "load-failed (expected)", "load-failed",
    ]  # fmt: skip
    assert lines.failures(report) == [
        "load-failed: e3/default, every case: why load-failed (expected: known since 2.16)",
        "load-failed: e4/default, every case: why load-failed",
    ]


def test_a_benign_flip_has_a_mark_of_its_own(make, differs):
    benign = differs(
        "cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE, decision_changed=True, decision="benign"
    )
    real = differs("cnn", "e2/default", "e1/default", Verdict.DIVERGED, output="z", decision_changed=True)
    assert rows(tables.overview(make({"cnn": {"e1": "A", "e2": "B"}}, [benign])))[1][1] == "B ~°"
    assert rows(tables.overview(make({"cnn": {"e1": "A", "e2": "B"}}, [benign, real])))[1][1] == "B #*"


def test_noise_of_each_output_with_what_speaks_against_it(make):
    report = make({"cnn": {"e1": "A"}})
    fields = {"case": "cnn", "batch": 0, "dtype": "float32", "shape": [4, 2]}
    report.outputs = [
        OutputRow(**fields, output="y", caveats={"ill-conditioned": "3 jump"}, sigma=1e-7, raised=1.0,
                  detectable=4e-7, no_floor=None),
        OutputRow(**fields, output="z", caveats={}, sigma=None, raised=None, detectable=None, no_floor="why"),
    ]  # fmt: skip
    first, second = tables.noise(report).to_dict("records")
    assert (first["noise"], first["undetectable below (relative)"], first["remark"]) == (
        1e-7, 4e-7, "ill-conditioned",
    )  # fmt: skip
    assert second["remark"] == "why"


def test_a_case_may_have_the_name_of_a_column(make):
    frame = tables.overview(make({"cell": {"e1": "A"}, "not recorded": {"e1": "crashed"}}))
    assert rows(frame) == [["e1/default", "A baseline", "crashed"]]


def signs(frame):
    count = len(frame)
    return [[row[str(column)] for column in range(1, count + 1)] for row in frame.to_dict("records")]


@pytest.fixture
def three(make, differs):
    return make(
        {
            "cnn": {"e1": "A", "e2": "B", "e3": "C", "e4": "A", "e5": "timed-out"},
            "rnn": {"e1": "A", "e2": "A", "e3": "B", "e4": "A", "e5": "A"},
        },
        [
            differs("cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE),
            differs("cnn", "e3/default", "e1/default", Verdict.DIVERGED, decision_changed=True),
            differs("cnn", "e3/default", "e2/default", Verdict.INCOMPARABLE),
            differs("rnn", "e3/default", "e1/default", Verdict.SUSPICIOUS),
        ],
    )


def test_a_case_against_itself(three):
    frame = case_matrix(three, "cnn")
    assert signs(frame) == [
        ["A", "~", "#*", "=", "·"],
        ["~", "B", "?", "~", "·"],
        ["#*", "?", "C", "#*", "·"],
        ["=", "~", "#*", "A", "·"],
        ["·", "·", "·", "·", "·"],
    ]
    assert list(frame["did not run"]) == ["", "", "", "", "timed-out"]
    assert list(frame["cell"]) == [f"e{number}/default" for number in range(1, 6)]


def test_all_cases_show_the_worst_of_each_pair(three):
    frame = tables.overall_matrix(three)
    assert signs(frame) == [
        ["A", "~", "#*", "=", "(=)"],  # e5 has outputs of one case only
        ["~", "B", "?", "~", "(=)"],
        ["#*", "?", "C", "#*", "(!)"],
        ["=", "~", "#*", "A", "(=)"],
        ["(=)", "(=)", "(!)", "(=)", "D"],
    ]
    assert list(frame["did not run"]) == ["", "", "", "", "timed-out ×1"]


@pytest.mark.parametrize("table", [lambda report: case_matrix(report, "cnn"), tables.overall_matrix])
def test_signs_are_the_same_both_ways(three, table):
    found = signs(table(three))
    assert found == [list(column) for column in zip(*found, strict=True)]


def test_the_same_outputs_with_other_outcomes_elsewhere_are_another_class(make):
    report = make({"cnn": {"e1": "A", "e2": "A"}, "rnn": {"e1": "A", "e2": "crashed"}})
    assert signs(tables.overall_matrix(report)) == [["A", "(=)"], ["(=)", "B"]]


@pytest.mark.parametrize("table", [lambda report: case_matrix(report, "cnn"), tables.overall_matrix])
def test_beyond_thirty_cells_one_of_each_class_is_shown(many, table):
    assert len(table(many(30))) == 30
    frame = table(many(31))
    assert list(frame["cell"]) == ["e1/default and 15 more", "e2/default and 14 more"]
    assert signs(frame) == [["A", "~"], ["~", "B"]]


@pytest.mark.parametrize("table", [lambda report: case_matrix(report, "cnn"), tables.overall_matrix])
def test_beyond_what_is_compared_pairwise_only_the_baseline_has_a_column(make, differs, table, monkeypatch):
    monkeypatch.setattr(tables, "_MOST_CELLS", 2)
    monkeypatch.setattr(tables, "MOST_CLASSES", 3)
    classes = {"e1": "A", "e2": "B", "e3": "A", "e4": "C"}
    rows = [
        differs("cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE),
        differs("cnn", "e4/default", "e1/default", Verdict.DIVERGED),
    ]
    assert "baseline" not in table(make({"cnn": classes}, rows)).columns
    frame = table(make({"cnn": {**classes, "e5": "crashed"}}, rows))
    assert [line[:3] for line in [list(row) for row in frame.itertuples(index=False)]] == [
        ["e1/default and 1 more", "A", "="],
        ["e2/default", "B", "~"],
        ["e4/default", "C", "#"],
        ["e5/default", "·", "·"],
    ]
    assert "crashed" in frame["did not run"].iloc[-1]


def test_collapsing_keeps_other_outcomes_apart(make):
    cells = {f"e{number}": "A" for number in range(1, 30)}
    report = make({"cnn": {**cells, "x1": "crashed", "x2": "crashed", "x3": "timed-out"}})
    frame = case_matrix(report, "cnn")
    assert list(frame["cell"]) == ["e1/default and 28 more", "x1/default and 1 more", "x3/default"]
    assert list(frame["did not run"]) == ["", "crashed", "timed-out"]


def test_numbers_of_what_differs_from_the_baseline(make, differs):
    report = make(
        {"cnn": {"e1": "A", "e2": "B", "e3": "C"}},
        [
            differs(
                "cnn",
                "e2/default",
                "e1/default",
                Verdict.DIVERGED,
                batch=1,
                max_abs=0.5,
                min_tolerance={"atol": 0.5, "rtol": 0.25},
                decision_changed=True,
                decision_margin=40.0,
            ),
            differs("cnn", "e2/default", "e1/default", Verdict.IDENTICAL, output="same"),
            differs("cnn", "e3/default", "e1/default", Verdict.INCOMPARABLE, reason="other shape"),
            differs("cnn", "e3/default", "e2/default", Verdict.DIVERGED, output="between the two"),
        ],
    )
    frame = tables.divergences(report)
    assert list(frame["output"]) == ["y [1]", "y"]
    first, second = frame.to_dict("records")
    assert (first["class"], first["verdict"], first["decision"], first["max abs"]) == (
        "B", "diverged", "real, margin 40× noise", 0.5,
    )  # fmt: skip
    assert (first["passes at atol"], first["or at rtol"]) == (0.5, 0.25)
    assert (second["class"], second["verdict"], second["remark"]) == ("C", "incomparable", "other shape")
