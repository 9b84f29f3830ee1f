"""Outputs that change from call to call and begin the same in every process: compared call by call."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import measured_floor, output, stored, unstable
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements.noise_floor import Spread
from savedmodel_matrix.verdicts.judge.calls import repeating
from savedmodel_matrix.verdicts.judge.case import JudgedCase

BASE, OTHER = "base/default", "other/default"
FIRST, SECOND = np.float32([[1.0, 2.0]]), np.float32([[3.0, 5.0]])
NOISE = 1e-6


@pytest.fixture
def judged(tmp_path):
    """Return judged recordings of two calls, each cell's as ``(first, second)``."""

    def recorded(calls):
        first, second = (stored(tmp_path, value) for value in calls)
        later = (unstable("y", second),) if first != second else ()
        return RecordedOutputs((output(first),), frozenset(each.id for each in later), later=later)

    def spread(value, call):
        random, made = np.random.default_rng(call), Spread("y", None, value, "float32", call)
        for _ in range(16):
            made.add((value + NOISE * random.normal(size=value.shape)).astype("f4"))
        return made.entry(str(tmp_path), 0)

    def judged(other, floor=(FIRST, SECOND), *, measured=True):
        noise = measured_floor([], [spread(FIRST, 1), spread(SECOND, 2)], anew=True)
        noise = type(noise)(recorded(floor), noise.part) if measured else None
        return JudgedCase(
            {BASE: recorded((FIRST, SECOND)), OTHER: recorded(other)},
            BASE,
            noise,
            None,
            {},
            lambda entry: read_array(str(tmp_path), entry.to_json(), mmap=True),
            {"y"},
            {"y"},
        )

    return judged


def verdicts(case):
    return {str(each.output): each.judgement.verdict for each in case.judge(OTHER, BASE)}


def test_every_call_is_compared_with_the_same_call_elsewhere(judged):
    same = judged((FIRST, SECOND))
    assert same.groups == [(BASE, OTHER)]
    assert verdicts(same) == {"y": Verdict.IDENTICAL, "y, call 2": Verdict.IDENTICAL}
    assert verdicts(judged((FIRST, SECOND + np.float32(1e-6)))) == {
        "y": Verdict.IDENTICAL,
        "y, call 2": Verdict.FLOAT_NOISE,
    }
    changed = judged((FIRST, SECOND * np.float32(1.001)))
    assert verdicts(changed) == {"y": Verdict.IDENTICAL, "y, call 2": Verdict.DIVERGED}
    assert changed.groups == [(BASE,), (OTHER,)]


def test_a_cell_that_does_not_change_between_calls_differs(judged):
    assert verdicts(judged((FIRST, FIRST)))["y, call 2"] is Verdict.DIVERGED


def test_each_call_has_a_floor_of_its_own(judged):
    standings = judged((FIRST, SECOND)).standings
    assert {str(name): standing.floor is not None for name, standing in standings.items()} == {
        "y": True,
        "y, call 2": True,
    }


def test_calls_that_differ_between_processes_are_not_compared(judged):
    case = judged((FIRST, SECOND), floor=(FIRST, SECOND + 1))
    assert {str(each): why for each, why in case.nondeterministic.items()} == {
        "y, call 2": "two processes differ in base/default"
    }
    assert verdicts(case) == {"y": Verdict.IDENTICAL}


def test_without_a_second_process_nothing_tells_that_calls_repeat(judged):
    assert verdicts(judged((FIRST, SECOND), measured=False)) == {"None": Verdict.INCOMPARABLE}


def test_without_the_graph_two_processes_tell_what_repeats(tmp_path):
    def recorded(**second):
        first = stored(tmp_path, FIRST)
        later = tuple(unstable(name, stored(tmp_path, value)) for name, value in second.items())
        return RecordedOutputs(tuple(output(first, name) for name in second), later=later)

    floor = type(measured_floor([], []))(recorded(state=SECOND, random=SECOND), measured_floor([], []).part)
    assert repeating(recorded(state=SECOND, random=SECOND + 1), floor) == {"state"}
    assert repeating(recorded(state=SECOND), None) == frozenset()
