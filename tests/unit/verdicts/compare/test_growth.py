"""Slopes of series, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.verdicts.compare.growth import settled_slope


def test_a_line_has_one_slope():
    slope = settled_slope([3.0 * step for step in range(12)])
    assert (slope.per_step, slope.low, slope.high) == (3.0, 3.0, 3.0)


def test_what_settles_has_none():
    slope = settled_slope([100 - 50 * 0.3**step for step in range(30)])
    assert slope.per_step < 1e-3
    assert slope.high < 0.1


def test_a_single_jump_is_no_growth():
    slope = settled_slope([7] * 20 + [8] * 10)
    assert slope.low == 0


def test_steps_that_come_in_pairs_are_growth():
    # As a model that keeps 1.4 MB of every second load.
    slope = settled_slope(np.cumsum([0, 1.4] * 15))
    assert 0.6 < slope.low <= slope.per_step <= slope.high < 0.9


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_the_true_slope_under_noise(seed):
    slope = settled_slope(np.arange(30) + np.random.RandomState(seed).standard_normal(30))
    assert slope.low < 1.0 < slope.high
    assert slope.high - slope.low < 0.5


@pytest.mark.parametrize("seed", range(10))
def test_wild_readings_hardly_move_it(seed):
    random = np.random.RandomState(seed)
    readings = np.arange(30) + 0.1 * random.standard_normal(30)
    readings[random.randint(10, 30, 3)] += 1000
    assert abs(settled_slope(readings).per_step - 1) < 0.1


def test_of_few_readings_nothing_is_known():
    assert settled_slope([1, 2, 3, 4, 5]) is None
    assert settled_slope([1, 2, 3, 4, 5, 6, 7]) is not None
