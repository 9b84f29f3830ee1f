"""Signals with fewer samples: how they were left out, and what is no such thing."""

import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose
from scipy import signal

R = np.random.default_rng(81)
PULSES = R.normal(size=(5, 1200)).cumsum(1).astype(np.float32)
RAW = {"pulse": PULSES}


def strided(step, start=0):
    return PULSES[:, start::step]


@pytest.mark.parametrize(
    ("train", "serve"),
    [
        (signal.resample_poly(PULSES, 1, 3, axis=1), strided(3)),
        (signal.decimate(PULSES, 4, axis=1), strided(4)),
        (PULSES.reshape(5, -1, 4).mean(2), PULSES.reshape(5, -1, 4).max(2)),
        (strided(2), strided(2, 1)),
        (signal.resample(PULSES, 400, axis=1), strided(3)),
    ],
)
def test_the_way_of_decimation_is_named(train, serve):
    (found,) = diagnose({"x": train.astype(np.float32)}, {"x": serve.astype(np.float32)}, RAW)
    assert found.id in ("decimation", "shifted-window")
    assert found.residual < 1e-5


def test_one_way_in_two_types_is_no_difference_and_noise_is_no_filter():
    wide = signal.resample_poly(PULSES.astype(np.float64), 1, 2, axis=1)
    narrow = signal.resample_poly(PULSES, 1, 2, axis=1)
    assert diagnose({"x": wide.astype(np.float32)}, {"x": narrow}, RAW) == []
    noisy = narrow + R.normal(0, 0.05, narrow.shape).astype(np.float32)
    assert not [each for each in diagnose({"x": noisy}, {"x": strided(2)}, RAW) if "decimation" in each.steps]
