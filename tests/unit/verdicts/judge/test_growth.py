"""Verdicts on what grows with loads and calls."""

from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.domain.check import CheckVerdict, LeakPart, ReloadPart
from savedmodel_matrix.verdicts.judge.growth import CALL_BAR, LOAD_BAR, judge_leak, judge_open

KIB = 1024


def readings(per_step, count=30, noise=20 * KIB, seed=0):
    random = np.random.RandomState(seed)
    warm_up = 2000 * KIB * (1 - 0.5 ** np.arange(count))
    grown = warm_up + per_step * np.arange(count) + random.standard_normal(count) * noise
    return tuple(np.rint(grown).astype(int).tolist())


def part(loads=0.0, calls=0.0, **noise):
    return LeakPart(loads=readings(loads, **noise), calls=readings(calls * 10, **noise), calls_each=10)


@pytest.mark.parametrize("seed", range(10))
def test_a_megabyte_per_load_is_told_from_none(seed):
    leaks, clean = judge_leak(part(1024 * KIB, seed=seed)), judge_leak(part(60 * KIB, seed=seed))
    assert (leaks.verdict, leaks.kind) == (CheckVerdict.FAILS, "leaks")
    assert "MiB per load" in leaks.says
    assert clean.verdict is CheckVerdict.PASSES
    assert "per load" in clean.says


def test_what_settles_is_said_to():
    result = judge_leak(part(noise=0))
    assert result.says == "memory does not grow per load; memory does not grow per call"


def test_calls_have_a_bar_of_their_own():
    assert judge_leak(part(calls=2 * CALL_BAR)).says.startswith("memory grows by 16 KiB per call (")
    assert judge_leak(part(calls=2 * CALL_BAR)).verdict is CheckVerdict.FAILS
    assert judge_leak(part(calls=CALL_BAR / 4)).verdict is CheckVerdict.PASSES


def test_an_interval_across_the_bar_decides_nothing():
    result = judge_leak(part(LOAD_BAR, noise=4000 * KIB))
    assert (result.verdict, result.kind) == (CheckVerdict.NOT_RUN, "not decided")


def test_too_few_readings_decide_nothing():
    result = judge_leak(LeakPart(loads=(1, 2, 3), calls=readings(0), calls_each=10))
    assert result.verdict is CheckVerdict.NOT_RUN


def opened(descriptors, threads):
    return ReloadPart(cycles=12, descriptors=descriptors, threads=threads)


def test_descriptors_and_threads_that_grow():
    steady, growing = [7] * 12, list(range(12))
    assert judge_open(opened(steady, [5, 6, *[9] * 10])) is None
    assert judge_open(opened([None] * 12, [None] * 12)) is None
    result = judge_open(opened(growing, [2 * each for each in growing]))
    assert result.verdict is CheckVerdict.FAILS
    assert result.says == "not released: file descriptors, 1 per load (1 to 1); threads, 2 per load (2 to 2)"
