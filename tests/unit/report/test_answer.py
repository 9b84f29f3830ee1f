from __future__ import annotations

import pytest
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.answer import answer
from savedmodel_matrix.report.document import CauseRow, CheckRow, RemedyRow
from savedmodel_matrix.report.pipelines.document import EntryRow


def said(report):
    return " ".join(answer(report))


def test_agreement(make, differs):
    assert said(make({"cnn": {"e1": "A", "e2": "A"}})) == "Everything matches the baseline bit for bit."
    apart = differs("cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE)
    assert said(make({"cnn": {"e1": "A", "e2": "B"}}, [apart])) == (
        "Everything matches the baseline exactly or within float noise."
    )


@pytest.mark.parametrize("cells", [{"e1": "A"}, {"e1": "crashed", "e2": "A"}])
def test_nothing_to_compare_is_no_agreement(make, cells):
    assert said(make({"cnn": cells})).startswith("Nothing could be compared with the baseline.")


def test_a_difference_names_cases_and_places(make, differs):
    apart = [differs(case, "e2/default", "e1/default", Verdict.DIVERGED) for case in ("cnn", "rnn")]
    cells = {"e1": "A", "e2": "B", "e3": "A"}
    report = make({"cnn": cells, "rnn": cells, "mlp": {"e1": "A", "e2": "A", "e3": "A"}}, apart)
    assert said(report) == (
        "cnn and rnn differ from the baseline by more than noise in e2. "
        "All other results match the baseline bit for bit."
    )


def test_a_suspicion_is_no_certainty(make, differs):
    apart = differs("cnn", "e2/default", "e1/default", Verdict.SUSPICIOUS)
    assert said(make({"cnn": {"e1": "A", "e2": "B"}}, [apart])) == (
        "cnn may differ from the baseline by more than noise."
    )


@pytest.mark.parametrize(
    ("there", "proven"), [(Verdict.IDENTICAL, True), (Verdict.DIVERGED, False), (None, False)]
)
def test_preprocessing_is_blamed_only_where_that_is_proven(make, differs, there, proven):
    apart = differs("cnn", "e2/default", "e1/default", Verdict.DIVERGED)
    report = make({"cnn": {"e1": "A", "e2": "B"}}, [apart])
    report.entries = [
        EntryRow(
            case="cnn", stage="preprocess", cells=["e2/default"], libraries=["Pillow 9 → 11"], inputs="",
            end_to_end=Verdict.DIVERGED, given_baselines=Verdict.IDENTICAL, baseline_given_theirs=there,
            says="",
        )
    ]  # fmt: skip
    sentence = "Their inputs already differ (Pillow 9 → 11); on the same input, the models agree."
    assert (sentence in said(report)) is proven


def test_expected_differences_are_counted_apart(make, differs):
    apart = differs("cnn", "e2/default", "e1/default", Verdict.DIVERGED)
    report = make({"cnn": {"e1": "A", "e2": "B", "e3": "A"}}, [apart])
    report.cells[1].expected = "known"
    assert said(report) == "Everything else matches the baseline bit for bit. 1 known problem is as expected."


def failing(make, fixed):
    cells = {"e1": "A", "e2": "load-failed", "e3": "load-failed"}
    report = make({"cnn": cells, "rnn": {"e1": "A", "e2": "A", "e3": "A"}})
    for environment in ("e2", "e3"):
        place = {"environment": environment, "setting": "default", "case": "cnn", "cause": "slots"}
        report.causes.append(
            CauseRow(
                **place, title="optimizer slots", explanation=None, source=None, candidates=[], useful=None
            )
        )
        for kind, value in fixed.get(environment, ()):
            report.remedies.append(
                RemedyRow(**place, kind=kind, value=value, tried_in="x", outcome="recorded", verdict=None,
                          mended=True, says="verified: identical")
            )  # fmt: skip
    return said(report)


MISSING = (
    "Everything that ran matches the baseline bit for bit. 2 of 6 results are missing: "
    "cnn cannot be loaded in e2 and e3. Cause: optimizer slots."
)


def test_what_is_missing_comes_with_its_cause_and_the_simplest_fix(make):
    packages = {"e2": [("package", "a==1")], "e3": [("package", "a==2")]}
    assert failing(make, {}) == MISSING
    assert failing(make, packages) == f"{MISSING} Verified fix for all of them: package a==1 or a==2."
    loader = {name: [*fixes, ("loader", "v1-session")] for name, fixes in packages.items()}
    assert failing(make, loader) == f"{MISSING} Verified fix for all of them: loader v1-session."
    del loader["e3"]
    assert failing(make, loader) == f"{MISSING} 1 of 2 have a verified fix, see below."


def test_several_causes_are_left_to_the_list(make):
    report = make({"cnn": {"e1": "A", "e2": "load-failed", "e3": "crashed", "e4": "A"}})
    for environment, cause in (("e2", "slots"), ("e3", None)):
        report.causes.append(
            CauseRow(environment=environment, setting="default", case="cnn", cause=cause, title="t",
                     explanation=None, source=None, candidates=[], useful="u")
        )  # fmt: skip
    assert said(report).endswith(
        "cnn cannot be loaded in e2; cnn crashed in e3. They have 2 causes, see below."
    )


def test_skew_checks_faults_and_selection_are_said(make):
    report = make({"cnn": {"e1": "A", "e2": "A", "e3": "skipped"}}, faults=["Traceback"])
    report.cells[1].skew = Verdict.DIVERGED
    report.cells[2].selected = report.cells[2].required = False
    report.checks = [
        CheckRow(environment="e1", setting="default", case="cnn", check="leak", verdict="fails", kind="leaks",
                 says="", details=None, required=True, recording="k")
    ]  # fmt: skip
    report.cells[2].recording = None
    assert answer(report) == [
        "The harness itself failed; please report the traceback below.",
        "Everything matches the baseline bit for bit.",
        "Serving gives different results from training for cnn.",
        "1 check fails: leak of cnn.",
        "1 of 3 cells × cases were not selected.",
    ]
