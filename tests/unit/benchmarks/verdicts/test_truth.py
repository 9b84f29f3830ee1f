import math

import numpy as np
import pytest

from benchmarks.verdicts.truth import BEYOND, times_benign

BASE = np.arange(1, 13, dtype="f4").reshape(3, 4)


def _times(changed, *benign, base=BASE):
    return times_benign({"y": np.array(changed)}, {"y": base}, [{"y": np.array(each)} for each in benign])


def test_a_change_is_measured_by_the_largest_benign_one():
    assert _times(BASE + 6, BASE + 1, BASE + 2, BASE) == pytest.approx(3)


def test_a_change_of_one_row_shows_beside_large_benign_ones_elsewhere():
    benign, changed = BASE.copy(), BASE.copy()
    benign[0] += 1000
    benign[2] += 0.001
    changed[2] += 1
    assert _times(changed, benign) == pytest.approx(1000, rel=1e-2)


def test_a_change_of_one_column_shows_too():
    benign, changed = BASE.copy(), BASE.copy()
    benign[:, :3] += 1000
    changed[:, 3] += 1
    assert _times(changed, benign) > 1e5


def test_without_benign_changes_half_a_unit_of_the_part_counts():
    assert _times(np.nextafter(BASE, np.float32(np.inf)), BASE) < BEYOND
    assert _times(BASE * np.float32(1 + 1e-5), BASE) > BEYOND


def test_equal_bits_are_silent():
    assert _times(BASE, BASE + 1) is None
    assert _times([np.nan, 1.0], base=np.array([np.nan, 1.0])) is None


@pytest.mark.parametrize("base", [np.array([1, 2]), np.array([b"a", b"b"], dtype=object)])
def test_what_has_no_rounding_is_real_where_no_benign_cell_differs(base):
    changed = base.copy()
    changed[0] = base[1]
    assert _times(changed, base, base=base) == math.inf
    assert _times(changed, changed, base, base=base) == 0


def test_another_shape_and_another_nan_are_real():
    assert _times(BASE[:2], BASE) == math.inf
    assert _times(np.where(BASE > 11, np.nan, BASE), BASE) == math.inf
