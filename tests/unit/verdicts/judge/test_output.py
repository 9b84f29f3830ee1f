from __future__ import annotations

import math

import pytest
from savedmodel_matrix.domain.definition import ToleranceDefinition as Limits
from savedmodel_matrix.domain.divergence import EXACT, Divergence
from savedmodel_matrix.domain.noise_floor import MovedRow, NoiseRatio
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge.output import Decision, Measure, judge_output

BENIGN, REAL = MovedRow(0, 0, 1, 0.5, True), MovedRow(1, 0, 1, 50.0, False)


def numbers(**changes):
    fields = {
        "elements": 4, "different": 1, "beyond": 1, "max_abs": 1e-3, "scaled_ulp": 8.0,
        "nan_mismatches": 0, "inf_mismatches": 0,
    }  # fmt: skip
    return Divergence(EXACT, **{**fields, **changes})


def exact(**changes):
    return Divergence(
        EXACT, **{"elements": 4, "different": 1, "beyond": 1, "decision_changed": True, **changes}
    )


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (0.5, Verdict.FLOAT_NOISE),
        (3.0, Verdict.FLOAT_NOISE),
        (3.1, Verdict.SUSPICIOUS),
        (10.0, Verdict.SUSPICIOUS),
        (10.1, Verdict.DIVERGED),
        (math.inf, Verdict.DIVERGED),
    ],
)
@pytest.mark.parametrize("which", ["overall", "peak"])
def test_the_noise_floor_decides_by_the_larger_ratio(ratio, verdict, which):
    found = judge_output(numbers(), None, NoiseRatio(**{"overall": 0, "peak": 0, which: ratio}), ())
    assert (found.verdict, found.by) == (verdict, Measure.NOISE_FLOOR)


def test_equal_bits_are_identical_and_nothing_else_is():
    assert judge_output(numbers(different=0), None, NoiseRatio(99, 99), ()).verdict is Verdict.IDENTICAL
    assert judge_output(numbers(), None, NoiseRatio(0, 0), ()).verdict is Verdict.FLOAT_NOISE


def test_what_cannot_be_compared_says_why():
    found = judge_output(Divergence.not_comparable("only in a"), Limits(atol=9), NoiseRatio(0, 0), ())
    assert (found.verdict, found.reason) == (Verdict.INCOMPARABLE, "only in a")


@pytest.mark.parametrize("which", ["nan_mismatches", "inf_mismatches"])
def test_a_nan_on_one_side_is_never_noise(which):
    found = judge_output(numbers(**{which: 1}), None, NoiseRatio(0.1, 0.1), ())
    assert found.verdict is Verdict.DIVERGED
    assert "one side" in found.reason


def test_without_a_floor_the_tolerance_by_type_decides():
    assert judge_output(numbers(), None, None, ()).by is Measure.DEFAULT
    assert judge_output(numbers(), None, None, ()).verdict is Verdict.DIVERGED
    assert judge_output(numbers(beyond=0), None, None, ()).verdict is Verdict.FLOAT_NOISE


def test_a_decision_without_a_floor_is_not_judged():
    assert judge_output(exact(), None, None, ()).decision is Decision.UNJUDGED
    assert judge_output(exact(), None, None, ()).verdict is Verdict.DIVERGED


def test_a_benign_flip_leaves_the_verdict_alone():
    found = judge_output(numbers(decision_changed=True), None, NoiseRatio(1, 1), (BENIGN,))
    assert (found.verdict, found.decision) == (Verdict.FLOAT_NOISE, Decision.BENIGN)


def test_a_real_flip_is_suspicious_however_small_the_rest_is():
    found = judge_output(numbers(decision_changed=True), None, NoiseRatio(1, 1), (BENIGN, REAL))
    assert (found.verdict, found.decision) == (Verdict.SUSPICIOUS, Decision.REAL)


@pytest.mark.parametrize(
    ("benign", "verdict", "decision"),
    [(True, Verdict.FLOAT_NOISE, Decision.BENIGN), (False, Verdict.DIVERGED, Decision.REAL)],
)
def test_labels_are_exact_unless_noise_alone_changes_them(benign, verdict, decision):
    found = judge_output(exact(), None, None, (), benign_change=benign)
    assert (found.verdict, found.decision) == (verdict, decision)


@pytest.mark.parametrize(
    ("limits", "changes", "verdict"),
    [
        (Limits(atol=1), {"beyond": 0}, Verdict.FLOAT_NOISE),
        (Limits(atol=1), {}, Verdict.DIVERGED),
        (Limits(rtol=1), {}, Verdict.DIVERGED),
        (Limits(ulp=8), {}, Verdict.FLOAT_NOISE),
        (Limits(ulp=7.9), {}, Verdict.DIVERGED),
        (Limits(ulp=8), {"nan_mismatches": 1}, Verdict.DIVERGED),
        (Limits(ulp=8, atol=1), {"beyond": 0}, Verdict.FLOAT_NOISE),
        (Limits(ulp=8, atol=1), {}, Verdict.DIVERGED),
    ],
)
def test_the_matrixs_own_limits_come_before_the_floor(limits, changes, verdict):
    for ratio in (NoiseRatio(0, 0), NoiseRatio(1e6, 1e6), None):
        found = judge_output(numbers(**changes), limits, ratio, ())
        assert (found.verdict, found.by) == (verdict, Measure.TOLERANCE)


@pytest.mark.parametrize(
    ("agreement", "ratio", "verdict"),
    [
        (1.0, 1.0, Verdict.FLOAT_NOISE),
        (0.9, 1.0, Verdict.FLOAT_NOISE),
        (0.8, 1.0, Verdict.DIVERGED),
        (1.0, 50.0, Verdict.DIVERGED),
    ],
)
def test_agreement_of_rows_is_asked_for_on_top(agreement, ratio, verdict):
    found = judge_output(numbers(top1_agreement=agreement), Limits(top1=0.9), NoiseRatio(ratio, 0), ())
    assert found.verdict is verdict


def test_agreement_and_a_tolerance_are_both_held():
    limits = Limits(top1=0.9, atol=1)
    found = judge_output(numbers(top1_agreement=0.95, beyond=0), limits, NoiseRatio(1e6, 0), ())
    assert found.verdict is Verdict.FLOAT_NOISE
    assert judge_output(numbers(top1_agreement=0.95), limits, None, ()).verdict is Verdict.DIVERGED
