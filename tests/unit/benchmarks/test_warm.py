import pytest

from benchmarks.cost import BenchError, Cost
from benchmarks.warm import Warm, cases_ran, rows


def test_each_environment_and_the_whole_are_held_against_their_allowance():
    warm = Warm(Cost(30.0, 20.0), Cost(33.0, 21.0), {"a": 10.0, "b": 20.0}, {"a": 10.0, "b": 22.0})
    a, b, whole = rows(warm)
    assert a["environment"] == "a"
    assert a["allowance, CPU s"] == pytest.approx(10.0 * 1.05 + 0.5)
    assert a["ours / allowance"] == pytest.approx(10.0 / 11.0)
    assert b["ours beyond, s"] == pytest.approx(2.0)
    assert b["ours / floor"] == pytest.approx(1.1)
    assert whole["ours, CPU s"] == 33.0
    assert whole["allowance, CPU s"] == pytest.approx(30.0 * 1.05 + 2 * 0.5)


def test_the_floors_count_is_found_among_tensorflows_own_words():
    assert cases_ran("W tensorflow: ran 7 ops\nran 3\nI tensorflow: freeing\n") == 3


def test_a_floor_that_said_nothing_is_an_error():
    with pytest.raises(BenchError, match="Killed"):
        cases_ran("W tensorflow: ran 7 ops\nKilled\n")
