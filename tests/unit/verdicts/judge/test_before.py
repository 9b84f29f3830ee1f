"""Outputs that hide changes behind a saturated head, judged by what stands before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recordings import measured_floor, output, stored
from savedmodel_matrix.domain.definition import ToleranceDefinition
from savedmodel_matrix.domain.power import Noticed
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements.noise_floor import Spread
from savedmodel_matrix.verdicts.judge.case import Caveat, JudgedCase
from savedmodel_matrix.verdicts.judge.output import Measure
from savedmodel_matrix.verdicts.judge.power import UNCHANGED, changed_recordings, power_of

BASE, OTHER = "base/default", "other/default"
BEFORE = "before softmax"
LOGITS = (400 * np.eye(6)[[0, 3, 2, 5, 1]] + np.linspace(-3, 3, 30).reshape(5, 6)).astype("f4")
NOISE = 3e-5


def softmax(values):
    shown = np.exp(values - values.max(-1, keepdims=True))
    return (shown / shown.sum(-1, keepdims=True)).astype("f4")


class Case:
    """A classifier whose probabilities are one-hot, in the making."""

    def __init__(self, folder):
        self.folder, self.random = folder, np.random.default_rng(0)
        self.recorded, self.limits, self.floor = {}, {}, None

    def noisy(self):
        return (LOGITS + NOISE * self.random.normal(size=LOGITS.shape)).astype("f4")

    def outputs(self, logits=None, probs=None):
        found = [output(stored(self.folder, softmax(LOGITS) if probs is None else probs), "probs")]
        if logits is not None:
            found.append(output(stored(self.folder, logits), "probs", component=BEFORE))
        return tuple(found)

    def cell(self, cell, logits=None, probs=None, **known):
        self.recorded[cell] = RecordedOutputs(self.outputs(logits, probs), **known)

    def measure(self, power=None):
        spreads = [
            Spread("probs", None, softmax(LOGITS), "float32"),
            Spread("probs", BEFORE, LOGITS, "float32"),
        ]
        for _ in range(16):
            noisy = self.noisy()
            for spread, value in zip(spreads, (softmax(noisy), noisy), strict=True):
                spread.add(value)
        entries = [each.entry(str(self.folder), 0) for each in spreads]
        self.floor = measured_floor(self.outputs(LOGITS), entries, power=power)

    def read(self, entry):
        return read_array(str(self.folder), entry.to_json(), mmap=True)

    def judged(self):
        return JudgedCase(self.recorded, BASE, self.floor, None, self.limits, self.read, (), ())

    def verdict(self):
        (found,) = self.judged().judge(OTHER, BASE)
        return found


@pytest.fixture
def case(tmp_path):
    made = Case(tmp_path)
    made.cell(BASE, LOGITS)
    made.measure()
    return made


def test_equal_probabilities_over_other_logits_are_not_identical(case):
    case.cell(OTHER, LOGITS * np.float32(1.01))
    found = case.verdict()
    assert (found.judgement.verdict, found.judgement.by) == (Verdict.DIVERGED, Measure.NOISE_FLOOR)
    assert found.judgement.reason.startswith("equal only because its softmax hides it: before it, ")
    assert str(found.before.output) == "probs before softmax"
    assert not found.divergence.different


def test_a_few_times_the_noise_before_it_is_suspicious(case):
    case.cell(OTHER, (LOGITS + 6 * NOISE * case.random.normal(size=LOGITS.shape)).astype("f4"))
    assert case.verdict().judgement.verdict is Verdict.SUSPICIOUS


def test_logits_that_differ_by_rounding_leave_equal_probabilities_identical(case):
    case.cell(OTHER, case.noisy())
    found = case.verdict()
    assert found.judgement.verdict is Verdict.IDENTICAL
    assert found.before.judgement.verdict is Verdict.FLOAT_NOISE
    assert len(case.judged().groups) == 2, "cells that must be compared are in different classes"


def test_probabilities_that_differ_stay_as_bad_as_they_are(case):
    case.cell(OTHER, LOGITS, softmax(LOGITS)[::-1])
    found = case.verdict()
    assert found.judgement.verdict is Verdict.DIVERGED
    assert found.judgement.reason is None


def test_what_only_one_side_has_decides_nothing_and_is_said(case):
    case.cell(OTHER)
    found = case.verdict()
    assert found.judgement.verdict is Verdict.IDENTICAL
    assert found.judgement.reason == f"before softmax nothing is compared: only in {BASE}"


def test_without_a_noise_floor_logits_decide_nothing(case):
    case.floor = None
    case.cell(OTHER, case.noisy())
    assert case.verdict().judgement.verdict is Verdict.IDENTICAL
    assert Caveat.SATURATED in next(iter(case.judged().standings.values())).caveats


def test_limits_of_the_matrix_replace_it(case):
    case.limits = {"probs": ToleranceDefinition(atol=0.1)}
    case.cell(OTHER, LOGITS * np.float32(1.01))
    found = case.verdict()
    assert (found.judgement.verdict, found.before) == (Verdict.IDENTICAL, None)


def test_logits_of_an_output_that_is_not_compared_are_not_either(case):
    case.cell(OTHER, LOGITS * np.float32(1.01), unstable=frozenset({case.outputs()[0].id}))
    assert all(not each.output for each in case.judged().judge(OTHER, BASE))


def test_a_saturated_output_that_is_judged_before_its_head_no_longer_proves_nothing(case):
    standing = case.judged().standings
    assert [str(each) for each in standing] == ["probs", "probs before softmax"]
    (probs, before) = standing.values()
    assert (probs.caveats, probs.before) == ({}, before.output)
    assert before.floor is not None


def test_why_nothing_stands_before_it_is_said(case):
    case.cell(BASE, not_before=(("probs", "two runs of it differ"),))
    (standing,) = case.judged().standings.values()
    assert "nothing is judged before it: two runs of it differ" in standing.caveats[Caveat.SATURATED]


def test_a_weight_that_shows_only_before_the_head_counts_as_noticed(case):
    def nudge(weight, factor):
        (moved,) = case.outputs(LOGITS * np.float32(factor))[1:]
        changed = [moved.model_dump()] if factor != 1 else []
        return {"weight": weight, "size": 3, "level": 0.01, "outputs": changed, "lost": False}

    tried = [nudge("seen", 1.01), nudge("lost", 1)]
    case.measure({"seconds": 1.0, "weights": 2, "left_out": 0, "unused": 0, "tried": tried})
    part = case.floor.part.power
    case.recorded = changed_recordings(case.floor.run, part)
    judged = JudgedCase(case.recorded, UNCHANGED, case.floor, None, {}, case.read, (), ())
    found = power_of(part, judged)
    assert found.levels == (Noticed(0.01, 1, 2),)
    assert found.blind_to == ("lost",)


def test_a_floor_that_could_not_look_before_it_makes_nothing_nondeterministic(case):
    run = replace(case.floor.run, outputs=case.outputs())
    case.floor = replace(case.floor, run=run)
    case.cell(OTHER, LOGITS)
    assert case.verdict().judgement.verdict is Verdict.IDENTICAL
    assert not case.judged().nondeterministic
