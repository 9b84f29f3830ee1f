from __future__ import annotations

from savedmodel_matrix.report import lines
from savedmodel_matrix.report.document import (
    CauseRow,
    PredictionRow,
    ProposalRow,
    RemedyRow,
    StepRow,
    UntriedRow,
)


def test_failures_are_grouped_by_their_reason(make):
    bad = {f"x{number}": "load-failed" for number in range(1, 6)}
    report = make(
        {
            "cnn": {"e1": "A", **bad, "y": "crashed", "z": "unavailable"},
            "rnn": {"e1": "A", **bad, "y": "A", "z": "unavailable"},
        }
    )
    assert lines.failures(report) == [
        "load-failed: x1/default, x2/default, x3/default and 2 more, every case: why load-failed",
        "crashed: y/default, cnn: why crashed",
        "unavailable: z/default, every case: why unavailable",
    ]


def test_nothing_failed(make):
    assert lines.failures(make({"cnn": {"e1": "A"}})) == []


def test_every_row_that_did_not_run_is_in_the_failures(make):
    (line,) = lines.failures(make({"cnn": {"e1": "A", "e5": "timed-out"}, "rnn": {"e1": "A", "e5": "A"}}))
    assert line == "timed-out: e5/default, cnn: why timed-out"


def cause(environment, case, name="slots", title="Optimizer state", useful=None, candidates=()):
    return CauseRow(
        environment=environment, setting="default", case=case, cause=name, title=title, explanation=None,
        source=None, candidates=list(candidates), useful=useful,
    )  # fmt: skip


def remedy(environment, case, value, says, mended=True, kind="loader"):
    return RemedyRow(
        environment=environment, setting="default", case=case, cause="slots", kind=kind, value=value,
        tried_in="x/default", outcome="recorded" if mended else "load-failed", verdict=None, mended=mended,
        says=says,
    )  # fmt: skip


def test_what_fixes_a_failure_comes_first_and_places_are_put_together(make):
    report = make({"cnn": {"e1": "load-failed", "e2": "load-failed"}, "rnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn"), cause("e2", "cnn"), cause("e1", "rnn")]
    report.remedies = [
        remedy("e1", "cnn", "keras", "still load-failed: no", mended=False),
        remedy("e1", "cnn", "tf-keras~=2.16.0", "verified: identical", kind="package"),
        remedy("e2", "cnn", "tf-keras~=2.18.0", "verified: identical", kind="package"),
        remedy("e1", "cnn", "v1-session", "verified: identical"),
        remedy("e2", "cnn", "v1-session", "verified: identical"),
        remedy("e1", "rnn", "v1-session", "verified: identical"),
    ]
    assert lines.cause_lines(report) == [
        "slots: Optimizer state (e1, e2: cnn, rnn)",
        "  error: why load-failed",
        "  fixed by loader v1-session (verified: identical)",
        "  fixed by package tf-keras~=2.16.0 or tf-keras~=2.18.0 (verified: identical): e1, e2: cnn",
        "  tried, does not help: loader keras (still load-failed: no): e1: cnn",
    ]
    assert lines.cause_lines(report, short=True) == lines.cause_lines(report)[:4]
    assert lines.cause_lines(report, most=1)[0] == "slots: Optimizer state (e1 and 1 more: cnn and 1 more)"


def together(row, *steps):
    return row.model_copy(update={"together": [StepRow(kind=kind, value=value) for kind, value in steps]})


LEGACY = ("variable", "A=1")


def test_a_set_is_named_with_all_of_its_steps_and_its_parts_do_not_help_alone(make):
    report = make({"cnn": {"e1": "load-failed", "e2": "load-failed"}})
    report.causes = [cause("e1", "cnn"), cause("e2", "cnn")]
    packages = {each: f"tf-keras~=2.1{number}.0" for number, each in enumerate(("e1", "e2"), 6)}
    report.remedies = [
        *(remedy(each, "cnn", value, "still", False, "package") for each, value in packages.items()),
        remedy("e1", "cnn", "keras", "still", mended=False),
        *(
            together(remedy(each, "cnn", value, "verified", kind="package"), LEGACY)
            for each, value in packages.items()
        ),
    ]
    assert lines.cause_lines(report)[2:] == [
        "  fixed by package tf-keras~=2.16.0 or tf-keras~=2.17.0 with variable A=1 (verified)",
        "  tried, does not help alone: package tf-keras~=2.16.0 or tf-keras~=2.17.0 (still)",
        "  tried, does not help: loader keras (still): e1: cnn",
    ]


def test_three_steps_are_one_fix(make):
    report = make({"cnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn")]
    report.remedies = [
        together(remedy("e1", "cnn", "a<2", "verified", kind="pin"), LEGACY, ("loader", "keras"))
    ]
    assert lines.cause_lines(report)[2:] == [
        "  fixed by pin a<2 with variable A=1 and loader keras (verified)"
    ]


def test_the_smallest_set_that_works_stands_for_larger_ones(make):
    report = make({"cnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn")]
    one = remedy("e1", "cnn", "a<2", "verified", kind="pin")
    report.remedies = [together(one, LEGACY), one]
    assert lines.cause_lines(report)[2:] == ["  fixed by pin a<2 (verified)"]


def test_fewer_steps_come_first(make):
    report = make({"cnn": {"e1": "load-failed", "e2": "load-failed"}})
    report.causes = [cause("e1", "cnn"), cause("e2", "cnn")]
    report.remedies = [
        *(together(remedy(each, "cnn", "a<2", "verified", kind="pin"), LEGACY) for each in ("e1", "e2")),
        remedy("e2", "cnn", "keras", "verified"),
    ]
    assert [fix.name for fix in lines.fixes(report, "slots", [("e1", "cnn"), ("e2", "cnn")])] == [
        "loader keras",
        "pin a<2 with variable A=1",
    ]


def test_a_fix_of_one_setting_is_not_said_to_fix_another(make):
    report = make({"cnn": {"e1": "load-failed"}})
    other = {"setting": "layer"}
    report.causes = [cause("e1", "cnn"), cause("e1", "cnn").model_copy(update=other)]
    one = remedy("e1", "cnn", "a<2", "verified", kind="pin")
    failed = remedy("e1", "cnn", "a<2", "now load-failed", False, "pin").model_copy(update=other)
    both = together(one, ("loader", "keras")).model_copy(update=other)
    report.remedies = [one, failed]
    assert lines.fixed_places(report, [("e1", "cnn")]) == set()
    report.remedies.append(both)
    assert lines.fixed_places(report, [("e1", "cnn")]) == {("e1", "cnn")}
    assert lines.cause_lines(report)[-3:] == [
        "  fixed by pin a<2 (verified): e1/default: cnn",
        "  fixed by pin a<2 with loader keras (verified): e1/layer: cnn",
        "  tried, does not help alone: pin a<2 (now load-failed): e1/layer: cnn",
    ]


def untried(value, because):
    return UntriedRow(
        environment="e1", setting="default", case="cnn", cause="slots", kind="pin", value=value,
        together=[StepRow(kind="loader", value="keras")], because=because,
    )  # fmt: skip


def test_what_was_not_tried_is_said_with_the_reason(make):
    report = make({"cnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn")]
    report.untried = [untried(f"a=={number}", "at most 12") for number in range(5)]
    every = ", ".join(f"pin a=={number} with loader keras" for number in range(5))
    assert lines.cause_lines(report)[2:] == [f"  not tried: {every} (at most 12)"]
    (short,) = lines.cause_lines(report, short=True)[2:]
    assert short.endswith("and 2 more (at most 12)")
    report.remedies = [remedy("e1", "cnn", "v1-session", "verified")]
    assert len(lines.cause_lines(report, short=True)) == 3, (
        "something works, so the rest is in the full report"
    )


def test_every_error_of_a_cause_is_shown_with_its_cases(make):
    cases = ["a", "b", "c", "d", "e"]
    report = make({case: {"e1": "load-failed"} for case in cases})
    report.causes = [cause("e1", case) for case in cases]
    for row in report.cells:
        row.reason = f"no {row.case}" if row.case != "b" else "no a"
    assert lines.cause_lines(report)[1:] == [
        "  error in a, b: no a",
        "  error in c: no c",
        "  error in d: no d",
        "  error in e: no e",
    ]
    assert lines.cause_lines(report, short=True)[1:] == [
        "  error in a, b: no a",
        "  error in c: no c",
        "  error in d: no d",
        "  1 more error with this cause",
    ]


def test_failed_attempts_are_shown_where_nothing_helps(make):
    report = make({"cnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn")]
    report.remedies = [remedy("e1", "cnn", "keras", "still load-failed: no", mended=False)]
    assert lines.cause_lines(report, short=True)[2:] == [
        "  tried, does not help: loader keras (still load-failed: no)"
    ]


def test_what_only_a_person_can_do_is_shown_where_nothing_works(make):
    report = make({"cnn": {"e1": "load-failed"}})
    candidates = ["loader: keras", "upgrade: >=2.9", "advice: Ask {x}: them.", "module: what registers A"]
    report.causes = [cause("e1", "cnn", candidates=candidates)]
    report.remedies = [remedy("e1", "cnn", "keras", "still load-failed: no", mended=False)]
    to_do = ["use TensorFlow >=2.9", "Ask {x}: them.", "list in `modules`: what registers A"]
    assert lines.cause_lines(report)[3:] == [f"  to do: {each}" for each in to_do]
    report.remedies = [remedy("e1", "cnn", "keras", "verified: identical")]
    assert len(lines.cause_lines(report)) == 3


def test_two_titles_of_one_cause_keep_their_own_errors_and_fixes(make):
    report = make({"a": {"e1": "load-failed"}, "b": {"e1": "load-failed"}})
    report.causes = [cause("e1", "a", title="Op A"), cause("e1", "b", title="Op B", candidates=["advice: B"])]
    report.remedies = [remedy("e1", "a", "keras", "verified: identical")]
    for row in report.cells:
        row.reason = f"no {row.case}"
    assert lines.cause_lines(report) == [
        "slots: Op A (e1: a)",
        "  error: no a",
        "  fixed by loader keras (verified: identical)",
        "slots: Op B (e1: b)",
        "  error: no b",
        "  to do: B",
    ]


def test_only_versions_of_one_package_are_one_fix(make):
    report = make({"cnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn")]
    report.remedies = [
        remedy("e1", "cnn", value, "verified: identical", kind="package")
        for value in ("tf-keras>=2", "tf-keras-nightly", "tf-keras[x]==2.16")
    ]
    assert [fix.values for fix in lines.fixes(report, "slots", [("e1", "cnn")])] == [
        [("tf-keras-nightly",)],
        [("tf-keras>=2",), ("tf-keras[x]==2.16",)],
    ], "the one with the fewest values first"


def test_an_unknown_failure_says_so_with_what_is_worth_searching(make):
    report = make({"cnn": {"e1": "load-failed"}})
    report.causes = [cause("e1", "cnn", name=None, title="unknown", useful="File x\n  ValueError: what")]
    assert lines.cause_lines(report) == ["unknown cause: File x ValueError: what (e1: cnn)"]
    assert lines.cause_lines(report, short=True) == []
    assert lines.failures(report, explained=False) == ["load-failed: e1/default, every case: why load-failed"]
    assert lines.cause_lines(make({"cnn": {"e1": "A"}})) == []


def test_predictions_that_did_not_come_true_are_named(make):
    report = make({"cnn": {"e1": "A", "e2": "load-failed", "e3": "crashed"}, "rnn": {"e1": "A"}})
    assert lines.predictions(report) == []
    for row, kind, because, right in zip(
        report.cells, ("loads", "loads", "fails", "needs"), ([], [], ["x"], ["slots"]),
        (True, False, None, False), strict=True,
    ):  # fmt: skip
        row.prediction = PredictionRow(
            kind=kind, because=because, needs=[], confidence="high", came_true=right
        )
    assert lines.predictions(report) == [
        "1 of 3 predictions were correct",
        "cnn: predicted loads (nothing speaks against it), but the outcome was load-failed: e2/default",
        "rnn: predicted needs (slots), but the outcome was recorded: e1/default",
    ]


def test_a_suggestion_says_what_it_would_tell_apart(make):
    row = ProposalRow(
        environment="e1", setting="default", change={"Python": "3.11"}, separates=["TensorFlow", "Python"],
        cases=["cnn"], added=False,
    )  # fmt: skip
    report = make({"cnn": {"e1": "A"}}, proposals=[row, row.model_copy(update={"added": True})])
    assert lines.suggestions(report) == [
        "e1/default with Python 3.11: separates TensorFlow from Python (cnn)"
    ]


def test_cases_of_which_the_same_is_said_share_a_line(make):
    report = make({"cnn": {"e1": "A"}, "rnn": {"e1": "A"}, "mlp": {"e1": "A"}})
    for case, says in zip(report.cases, ("same", "other", "same"), strict=True):
        case.says = says
    assert lines.case_lines(report) == ["cnn, mlp: same", "rnn: other"]


def test_what_was_not_selected_is_counted_and_is_no_failure(make):
    report = make({"cnn": {"e1": "A", "e2": "skipped", "e3": "load-failed"}})
    assert lines.unselected(report) == ""
    for row in report.cells:
        row.selected, row.recording = row.environment == "e1", None if row.environment == "e2" else "key"
    assert lines.unselected(report) == "1 of 3 cells × cases were not selected"
    assert lines.failures(report) == ["load-failed: e3/default, every case: why load-failed"]
