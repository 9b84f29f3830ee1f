from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from savedmodel_matrix.verdicts.compare import blocks
from savedmodel_matrix.verdicts.compare.blocks import RUN, BlockPair, different_bits, squares


def test_every_element_once_in_order():
    a = np.arange(5 * RUN + 7)
    found = list(BlockPair(a.reshape(1, -1), a + 1, 2 * RUN))
    assert [start for start, _, _ in found] == [0, 2 * RUN, 4 * RUN]
    assert np.array_equal(np.concatenate([left for _, left, _ in found]), a)
    assert np.array_equal(np.concatenate([right for _, _, right in found]), a + 1)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not say what is resident")
def test_pages_of_memory_maps_are_given_back(tmp_path, monkeypatch):
    values = np.arange(1 << 21, dtype="f8")
    path = tmp_path / "a.npy"
    np.save(path, values)
    mapped = np.load(path, mmap_mode="r")
    monkeypatch.setattr(blocks, "_RELEASE_EVERY", 1 << 20)
    resident = []
    for start, left, right in BlockPair(mapped, mapped, RUN * 32):
        assert np.array_equal(left, values[start : start + left.size])
        assert left.sum() == right.sum()
        resident.append(_resident(path))
    assert 0 < max(resident) < values.nbytes // 2


def _resident(path):
    """Return how much of a mapped file is resident, in bytes."""
    is_ours, found = False, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if not first.endswith(":"):
            is_ours = line.endswith(str(path))
        elif is_ours and first == "Rss:":
            found += 1024 * int(line.split()[1])
    return found


@pytest.mark.parametrize("dtype", ["u1", "f2", "f4", "c8", "c16", "bool"])
def test_different_bits(dtype):
    a = np.zeros(3, dtype)
    b = a.copy()
    b.view("u1")[-1] = 1
    assert different_bits(a, b).tolist() == [False, False, True]


def test_sums_do_not_depend_on_where_blocks_end():
    values = np.abs(np.random.default_rng(1).standard_normal(3 * RUN + 100))
    whole = squares(values)
    assert whole == squares(values[:RUN]) + squares(values[RUN:])
    assert sum(whole) == pytest.approx(float((values**2).sum()))
