from __future__ import annotations

import math

import pytest
from savedmodel_matrix.domain.arrays import ArrayEntry, Output, OutputId
from savedmodel_matrix.domain.definition import ToleranceDefinition as Limits
from savedmodel_matrix.domain.divergence import EXACT, Divergence, Tolerance
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge.tolerance import DEFAULTS, judge, limits_for, tolerance_for, unmatched


def output(name, dtype="float32", component=None):
    return Output.of(OutputId(0, name, component), ArrayEntry(dtype, (1,), ("0",), 4))


@pytest.mark.parametrize(
    ("divergence", "verdict"),
    [
        (Divergence(EXACT, elements=2, different=0, beyond=0), Verdict.IDENTICAL),
        (Divergence(EXACT, elements=2, different=1, beyond=0), Verdict.FLOAT_NOISE),
        (Divergence(EXACT, elements=2, different=1, beyond=1), Verdict.DIVERGED),
        (Divergence.not_comparable("only in a"), Verdict.INCOMPARABLE),
    ],
)
def test_verdicts(divergence, verdict):
    assert judge(divergence) is verdict


def tolerance(of, patterns):
    return tolerance_for(of, limits_for(of, patterns))


def test_the_last_matching_pattern_wins():
    patterns = {"*": Limits(rtol=1), "score*": Limits(rtol=2), "s*": Limits(rtol=3)}
    assert tolerance(output("scores"), patterns).rtol == 3
    assert tolerance(output("other"), patterns).rtol == 1


def test_without_a_pattern_the_type_decides():
    assert tolerance(output("x", "float64"), {"y": Limits(rtol=1)}) == DEFAULTS["float64"]
    assert tolerance(output("x", "float8_e5m2"), {}) == EXACT
    assert tolerance(output("x", "int32"), {}) == EXACT


@pytest.mark.parametrize("dtype", ["bool", "string"])
def test_what_has_no_distance_stays_exact(dtype):
    found = limits_for(output("x", dtype), {"*": Limits(rtol=1, atol=1)})
    assert found is None
    assert tolerance_for(output("x", dtype), found) == EXACT


def test_a_relative_tolerance_means_nothing_for_integers():
    patterns = {"*": Limits(rtol=1, atol=2)}
    assert tolerance(output("x", "int64"), patterns) == Tolerance(atol=2)
    assert limits_for(output("x", "int64"), {"*": Limits(rtol=1, ulp=4)}) is None


@pytest.mark.parametrize("component", ["indices", "dense_shape", "row_splits_0"])
def test_structure_stays_exact(component):
    assert tolerance(output("x", "int64", component), {"*": Limits(rtol=1, atol=1)}) == EXACT


def test_a_comparator_judges_whatever_its_pattern_matches():
    patterns = {"*": Limits(atol=1), "labels": Limits(comparator="mine")}
    assert limits_for(output("labels", "string"), patterns).comparator == "mine"


def test_units_in_the_last_place_leave_the_default_tolerance_alone():
    assert tolerance(output("x"), {"*": Limits(ulp=4)}) == DEFAULTS["float32"]


@pytest.mark.parametrize("component", [None, "values", "flat_values"])
def test_values_of_any_component_have_the_tolerance(component):
    assert tolerance(output("x", component=component), {"x": Limits(rtol=1, atol=1)}) == Tolerance(1, 1)


def test_patterns_that_match_nothing_are_told():
    assert unmatched(["scores", "s*", "Score", "x[0]", "x[1]"], ["scores", "x[0]"]) == ["Score", "x[1]"]


@pytest.mark.parametrize("value", [-1e-9, math.inf, math.nan])
def test_a_tolerance_is_finite_and_not_negative(value):
    with pytest.raises(ValueError, match="rtol must be a finite number"):
        Tolerance(rtol=value)
    with pytest.raises(ValueError, match="atol must be a finite number"):
        Tolerance(atol=value)
