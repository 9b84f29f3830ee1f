"""How weights are chosen and moved, and where their trials end."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from savedmodel_matrix.probe import power


def weights(*sizes, runs=lambda change: []):
    return [power.Weight(f"w{number}", size, runs) for number, size in enumerate(sizes)]


def trial(seconds, first=()):
    costs = {"load": {"wall_s": 3.0}, "first_run": {"wall_s": 0.5}, "floor": {"wall_s": 100.0}}
    job = SimpleNamespace(
        case={"measure": {"power_seconds": seconds, "seed": 1}},
        phases=SimpleNamespace(costs=costs),
        report=lambda text: None,
        request={"objects": "nowhere"},
        calls=[(number, 0) for number in range(len(first))],
        later=[],
        carries=False,
    )
    return power.Trial(job, list(first))


def test_every_element_moves_by_the_level_times_the_scale_of_all():
    array = np.float32([[3, 0], [-4, 0]])
    found = power.moved(array, 0.01, np.random.RandomState(1))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert np.allclose(np.abs(found - array), 0.01 * 2.5, rtol=1e-4)
    assert np.array_equal(found, power.moved(array, 0.01, np.random.RandomState(1)))


def test_what_is_not_finite_does_not_set_the_scale():
    assert power.scale(np.float32([3, np.nan, np.inf, 3])) == pytest.approx(3)
    assert power.scale(np.zeros(4)) == power.scale(np.float32([np.nan])) == 0.0


def test_the_largest_come_first_and_the_others_in_an_order_drawn_from_the_seed():
    found = power.in_order(weights(*range(1, 101)), 1)
    assert [each.size for each in found[:32]] == list(range(100, 68, -1))
    assert sorted(each.size for each in found[32:]) == list(range(1, 69))
    assert [each.size for each in found[32:]] != list(range(68, 0, -1))
    assert [each.name for each in found] == [each.name for each in power.in_order(weights(*range(1, 101)), 1)]


def test_by_default_the_trials_take_as_long_as_the_case_itself():
    assert trial(None).found["seconds"] == 3.5
    assert not trial(0).is_wanted


def test_trials_end_when_the_time_is_over(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(power.time, "perf_counter", lambda: next(clock))
    found = trial(4.5)
    found.over(weights(*range(1, 11), runs=lambda change: None), 2)
    # Each takes a second, and the fifth would end too late.
    assert [each["size"] for each in found.found["tried"]] == [10, 9, 8, 7]
    assert (found.found["weights"], found.found["left_out"]) == (10, 2)


def test_state_that_a_new_model_does_not_have_is_no_weight():
    def runs(change):
        assert not change(np.zeros(3)).any()
        return [[("y", None, np.float32([1, 2]), "float32")]]

    found = trial(100, first=[[("y", None, np.float32([1, 2]), "float32")]])
    found.over(weights(5, runs=runs), 1)
    assert (found.found["weights"], found.found["left_out"], found.found["tried"]) == (0, 2, [])


def test_what_changes_nothing_at_a_hundredth_is_not_run_at_a_thousandth():
    ran = []

    def runs(change):
        ran.append(change)
        return [[("y", None, np.float32([1, 2]), "float32")]]

    found = trial(100, first=[[("y", None, np.float32([1, 2]), "float32")]])
    found.over(weights(5, runs=runs), 0)
    assert len(ran) == 1
    assert [(each["level"], each["outputs"], each["lost"]) for each in found.found["tried"]] == [
        (0.01, [], False),
        (0.001, [], False),
    ]
