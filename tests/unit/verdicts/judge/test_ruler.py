"""The ruler of checks: the baseline's floors, and where they are not to be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import measured_floor, output
from savedmodel_matrix.domain.arrays import OutputId
from savedmodel_matrix.domain.definition import ToleranceDefinition
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.measurements.noise_floor import Spread
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.ruler import Ruler

BASE = "base/default"
Y = OutputId(0, "y", None)
ONE = np.ones((4, 5), np.float32)


@pytest.fixture
def ruler(tmp_path, store, read):
    """A ruler over an output of ones, whose replicates move it by about ``noise``."""

    def make(noise, *, split=0.0, limits=None, changing=()):
        random = np.random.RandomState(0)
        spread = Spread("y", None, ONE, "float32")
        for _ in range(16):
            spread.add(ONE + np.float32(noise) * random.standard_normal(ONE.shape).astype("f4"))
        parts = [output(store(ONE + np.float32(split)))] if split else []
        floor = measured_floor([output(store(ONE))], [spread.entry(str(tmp_path), 0)], split=parts)
        recorded = {BASE: RecordedOutputs((output(store(ONE)),))}
        judged = JudgedCase(recorded, BASE, floor, None, {}, read, (), ())
        return Ruler(judged, limits or {}, set(changing), read)

    return make


@pytest.fixture
def measure(store):
    def measured(ruler, change, *, bare=False):
        a, b = (store(each) for each in (ONE + np.float32(change), ONE))
        return ruler.measure(Y, a, b, bare=bare)

    return measured


def test_differences_are_held_against_the_floor(ruler, measure):
    noisy = ruler(1e-3)
    verdict, ratio, size = measure(noisy, 1e-3)
    assert verdict is Verdict.FLOAT_NOISE
    assert 0.3 < ratio < 3
    assert size.startswith("0.001, ")
    assert measure(noisy, 1e-1)[0] is Verdict.DIVERGED


def test_the_floor_of_what_changes_by_itself_is_not_used(ruler, measure):
    verdict, ratio, size = measure(ruler(1e-3, changing=[Y]), 1e-3)
    assert (verdict, ratio, size) == (Verdict.DIVERGED, None, "0.001")


def test_what_raised_the_floor_is_no_excuse_where_it_is_what_is_asked(ruler, measure):
    raised = ruler(1e-4, split=9e-4)
    assert measure(raised, 4e-3)[0] is Verdict.SUSPICIOUS
    assert measure(raised, 4e-3, bare=True)[0] is Verdict.DIVERGED


def test_what_would_only_raise_the_floor_is_noise_where_it_is_what_is_asked(ruler, measure):
    quiet = ruler(1e-4)
    assert measure(quiet, 8e-4)[0] is Verdict.SUSPICIOUS
    assert measure(quiet, 8e-4, bare=True)[0] is Verdict.FLOAT_NOISE
    assert measure(quiet, 1e-2, bare=True)[0] is Verdict.DIVERGED


def test_the_matrix_has_the_last_word(ruler, measure):
    limits = {"y": ToleranceDefinition(atol=0.5)}
    assert measure(ruler(1e-6, limits=limits), 0.4)[0] is Verdict.FLOAT_NOISE
    assert measure(ruler(1e-6, limits=limits), 0.6)[0] is Verdict.DIVERGED
