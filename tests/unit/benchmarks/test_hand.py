import pytest

from benchmarks import hand
from benchmarks.cost import Cost


def test_a_row_says_how_many_times_faster():
    row = hand.row("cold", by_hand=Cost(cpu_s=120.0, wall_s=150.0), ours=Cost(cpu_s=40.0, wall_s=30.0))
    assert row["environments"] == "none yet"
    assert row["times faster"] == pytest.approx(5.0)
    assert row["times less CPU"] == pytest.approx(3.0)
