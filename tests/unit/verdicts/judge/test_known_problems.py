from __future__ import annotations

import datetime as dt

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import Check, CheckVerdict
from savedmodel_matrix.domain.definition import Expect
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge.known_problems import Seen, Standing, check_expectations, remark_on

LAST_DAY = dt.date(2026, 12, 31)
BASELINE = CellId("e0", "default")


def expect(**changes):
    fields = {"cells": "e*", "reason": "known", "owner": "someone", "until": LAST_DAY}
    return Expect(**{**fields, **changes})


def seen(*what, case="cnn"):
    """Cells e1, e2, ... and what each came to: an outcome, or a verdict of what was recorded."""
    found = {}
    for number, each in enumerate(what, 1):
        recorded = each is None or each in list(Verdict)
        found[CellId(f"e{number}", "default"), case] = Seen(
            Outcome.RECORDED if recorded else Outcome(each), Verdict(each) if recorded and each else None
        )
    return found


def check(expectation, *what, today=LAST_DAY):
    found = check_expectations([expectation], today, seen(*what), BASELINE)
    (checked,) = found.checked
    assert set(found.covered.values()) <= {0}
    assert set(found.covered) <= set(checked.shown)
    return checked


def names(places):
    return [cell.environment for cell, _ in places]


@pytest.mark.parametrize("found", [each for each in Outcome if each is not Outcome.RECORDED] + [None])
@pytest.mark.parametrize("expected", [each for each in Outcome if each not in ("recorded", "skipped")])
def test_an_expected_outcome_covers_exactly_that(expected, found):
    checked = check_expectations([expect(outcome=expected)], LAST_DAY, seen(found), BASELINE)
    assert bool(checked.covered) is (found is expected)


@pytest.mark.parametrize(
    ("expected", "covered"),
    [
        ("float-noise", {"float-noise"}),
        ("suspicious", {"suspicious"}),
        ("diverged", {"suspicious", "diverged"}),
        ("incomparable", {"incomparable"}),
    ],
)
def test_an_expected_verdict_covers_none_that_is_worse(expected, covered):
    everything = [*Verdict, None, "load-failed", "skipped", "unavailable"]
    found = check_expectations([expect(verdict=expected)], LAST_DAY, seen(*everything), BASELINE)
    assert {everything[int(cell.environment[1:]) - 1] for cell, _ in found.covered} == covered


@pytest.mark.parametrize(
    ("expected", "found", "standing"),
    [
        ({"outcome": "load-failed"}, ["load-failed"], Standing.MET),
        ({"outcome": "load-failed"}, ["load-failed", "run-failed"], Standing.MET),
        ({"outcome": "load-failed"}, ["load-failed", "diverged"], Standing.PARTLY),
        ({"outcome": "load-failed"}, ["load-failed", None, "crashed"], Standing.PARTLY),
        # Loading is mended whatever comes out, which is judged by itself.
        ({"outcome": "load-failed"}, ["diverged", "skipped"], Standing.FIXED),
        ({"outcome": "load-failed"}, ["import-failed"], Standing.CHANGED),
        ({"outcome": "load-failed"}, ["identical", "crashed"], Standing.CHANGED),
        ({"outcome": "load-failed"}, ["unavailable", "skipped"], Standing.UNMATCHED),
        ({"outcome": "unavailable"}, ["unavailable", "skipped"], Standing.MET),
        ({"verdict": "diverged"}, ["diverged", "suspicious"], Standing.MET),
        ({"verdict": "diverged"}, ["suspicious", "float-noise"], Standing.PARTLY),
        ({"verdict": "diverged"}, ["float-noise", "identical"], Standing.FIXED),
        ({"verdict": "diverged"}, ["incomparable"], Standing.CHANGED),
        ({"verdict": "diverged"}, ["load-failed"], Standing.CHANGED),
        ({"verdict": "diverged"}, [None, "skipped", "unavailable"], Standing.UNMATCHED),
        ({"verdict": "suspicious"}, ["diverged"], Standing.CHANGED),
        ({"verdict": "suspicious"}, ["float-noise"], Standing.FIXED),
        ({"verdict": "float-noise"}, ["identical"], Standing.FIXED),
        ({"verdict": "float-noise"}, ["suspicious"], Standing.CHANGED),
        # It can be compared now, and it differs: that is another problem.
        ({"verdict": "incomparable"}, ["diverged"], Standing.CHANGED),
        ({"verdict": "incomparable"}, ["suspicious"], Standing.CHANGED),
        ({"verdict": "incomparable"}, ["float-noise"], Standing.FIXED),
    ],
)
def test_what_becomes_of_an_expectation(expected, found, standing):
    assert check(expect(**expected), *found).standing is standing


def test_cells_are_named_by_what_they_show():
    found = ["load-failed", "identical", "crashed", "skipped", "load-failed"]
    checked = check(expect(outcome="load-failed"), *found)
    assert (names(checked.shown), names(checked.fixed), names(checked.changed)) == (
        ["e1", "e5"],
        ["e2"],
        ["e3"],
    )


@pytest.mark.parametrize("found", [["load-failed"], ["identical"], ["crashed"], ["skipped"], []])
def test_what_is_past_its_date_covers_nothing(found):
    expectation = expect(outcome="load-failed")
    late = check_expectations([expectation], LAST_DAY + dt.timedelta(1), seen(*found), BASELINE)
    assert not late.covered
    assert late.checked[0].standing is Standing.EXPIRED
    (in_time,) = check_expectations([expectation], LAST_DAY, seen(*found), BASELINE).checked
    assert (late.checked[0].shown, late.checked[0].fixed) == (in_time.shown, in_time.fixed)


def test_only_what_its_globs_select_counts():
    here = seen("load-failed", "load-failed") | seen("load-failed", "identical", case="rnn")
    found = check_expectations(
        [
            expect(outcome="load-failed", cells="e1/def*", cases="c*"),
            expect(outcome="load-failed", cells="x*"),
        ],
        LAST_DAY,
        here,
        BASELINE,
    )
    assert found.covered == {(CellId("e1", "default"), "cnn"): 0}
    assert [each.standing for each in found.checked] == [Standing.MET, Standing.UNMATCHED]


def test_the_first_that_covers_a_cell_is_given_and_all_are_met():
    late, first, second = (
        expect(outcome="load-failed", until=until) for until in (dt.date(2020, 1, 1), LAST_DAY, LAST_DAY)
    )
    found = check_expectations(
        [late, expect(verdict="diverged"), first, second], LAST_DAY, seen("load-failed"), BASELINE
    )
    assert set(found.covered.values()) == {2}
    assert [each.standing for each in found.checked] == [
        Standing.EXPIRED,
        Standing.CHANGED,
        Standing.MET,
        Standing.MET,
    ]
    assert [each.expectation for each in found.checked] == [late, expect(verdict="diverged"), first, second]


def test_nothing_is_expected_of_the_baseline_against_itself():
    here = {(BASELINE, "cnn"): Seen(Outcome.RECORDED, Verdict.IDENTICAL), **seen("diverged")}
    (checked,) = check_expectations([expect(verdict="diverged")], LAST_DAY, here, BASELINE).checked
    assert (checked.standing, checked.fixed) == (Standing.MET, ())
    failed = {(BASELINE, "cnn"): Seen(Outcome.LOAD_FAILED, None)}
    assert check_expectations([expect(outcome="load-failed")], LAST_DAY, failed, BASELINE).covered


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({}, ["load-failed"], None),
        (
            {},
            ["load-failed", "crashed"],
            "still there, but a different problem in e2/default cnn",
        ),
        (
            {},
            ["load-failed", "identical"],
            "fixed in part, so narrow it; still seen in e1/default cnn; no longer seen in e2/default cnn",
        ),
        (
            {},
            ["identical"] * 5,
            (
                "fixed, so remove it; no longer seen in e1/default cnn, e2/default cnn, "
                "e3/default cnn and 2 more"
            ),
        ),
        (
            {},
            ["identical", "crashed"],
            "changed; no longer seen in e1/default cnn; a different problem in e2/default cnn",
        ),
        ({}, [], "cells 'e*' and cases '*' match nothing that ran and could be compared"),
        (
            {"until": "2026-12-30"},
            ["load-failed"],
            "expired, so it no longer covers anything; still seen in e1/default cnn",
        ),
        (
            {"until": "2026-12-30"},
            [],
            "expired, so it no longer covers anything; nothing it matches ran",
        ),
    ],
)
def test_what_is_not_as_expected_is_told(expected, found, said):
    expectation = expect(outcome="load-failed", **expected)
    remark = remark_on(3, check(expectation, *found))
    start = f"expect.3 (load-failed, someone, until {expectation.until}): "
    assert remark == (said and f"{start}{said}")


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        ("fails", Standing.MET),
        ("pass", Standing.FIXED),
        ("float-noise", Standing.FIXED),
        ("could not run", Standing.UNMATCHED),
        (None, Standing.UNMATCHED),
    ],
)
def test_a_check_that_is_expected_to_fail_covers_itself_alone(found, standing):
    place = CellId("e1", "default"), "cnn"
    checks = {} if found is None else {Check.CONCURRENT: CheckVerdict(found)}
    what = {place: Seen(Outcome.RECORDED, Verdict.DIVERGED, {Check.REPEAT: CheckVerdict.FAILS, **checks})}
    expected = check_expectations([expect(check="concurrent")], LAST_DAY, what, BASELINE)
    assert expected.checked[0].standing is standing
    assert not expected.covered, "the cell's own verdict is another matter"
    covered = {(*place, Check.CONCURRENT): 0} if found == "fails" else {}
    assert expected.covered_checks == covered


def test_the_remark_names_the_check():
    place = CellId("e1", "default"), "cnn"
    what = {place: Seen(Outcome.RECORDED, None, {Check.LEAK: CheckVerdict.PASSES})}
    (checked,) = check_expectations([expect(check="leak")], LAST_DAY, what, BASELINE).checked
    assert remark_on(0, checked).startswith("expect.0 (leak fails, someone, until 2026-12-31): fixed, so ")
