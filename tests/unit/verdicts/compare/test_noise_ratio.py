from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_metrics import Memory
from recordings import entry as stored_entry
from recordings import measured_floor, output
from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.domain.noise_floor import (
    MeasuredFloor,
    MeasuredSpread,
    MovedRow,
    OutputSpread,
    spreads_of,
)
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.verdicts.compare.noise_ratio import (
    is_change_benign,
    moved_rows,
    noise_floor,
    noise_ratio,
)

REPLICATES = 16


class Noisy:
    """An output with noise of a known size, its replicates, and further runs of it."""

    def __init__(self, base, sigma, seed=0, dtype="float32"):
        self.memory = Memory()
        self.random = np.random.default_rng(seed)
        self.exact = np.asarray(base, "f8")
        self.sigma = np.broadcast_to(np.asarray(sigma, "f8"), self.exact.shape)
        self.dtype = dtype
        self.base = self.run()
        gaps = np.array([self.run() for _ in range(REPLICATES)], "f8")
        rows = self.base.shape[:-1] if self.base.ndim > 1 and self.base.shape[-1] > 1 else ()
        flipped = np.zeros(rows, bool)
        if rows:
            flipped = (gaps.argmax(-1) != self.base.argmax(-1)).any(0)
        self.spread = MeasuredSpread(
            base=self.entry(self.base),
            std=self.memory.entry(gaps.std(0, ddof=1), "float64"),
            flipped=self.memory.entry(flipped, "bool"),
            replicates=REPLICATES,
            lost=None,
        )
        self.floor = noise_floor(self.spread, self.memory.read)

    def run(self):
        return (self.exact + self.sigma * self.random.normal(size=self.exact.shape)).astype("f4")

    def entry(self, values):
        return self.memory.entry(np.asarray(values, "f4"), "float32")

    def ratio(self, values):
        return noise_ratio(self.floor, self.entry(values), self.spread.base, self.memory.read)

    def moved(self, values):
        return moved_rows(self.floor, self.entry(values), self.spread.base, self.memory.read)


@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from([(1000,), (100, 10), (8, 1000), (20, 30, 4), (300, 1)]),
    sigma=st.sampled_from([1e-7, 1e-6, 1e-5]),
)
def test_another_run_is_noise(seed, shape, sigma):
    noisy = Noisy(np.random.default_rng(seed).normal(size=shape), sigma, seed + 1)
    found = noisy.ratio(noisy.run())
    assert 0.6 < found.overall < 1.4
    assert 0.3 < found.peak < 2.0
    assert noisy.floor.jumps == 0


@given(seed=st.integers(0, 10_000))
def test_a_change_of_everything_by_a_thousandth_is_real(seed):
    base = np.random.default_rng(seed).normal(size=(100, 10))
    noisy = Noisy(base, 1e-6, seed + 1)
    assert noisy.ratio(noisy.run() * np.float32(1.001)).overall > 300


def test_one_changed_element_of_many_is_seen_though_the_mean_hides_it():
    noisy = Noisy(np.ones((1000, 100)), 1e-6)
    changed = noisy.run()
    changed[123, 45] += 2e-4
    found = noisy.ratio(changed)
    assert found.overall < 3
    assert found.peak > 10
    assert found.worst == found.peak


def test_a_small_column_beside_a_large_one_is_seen():
    base = np.stack([np.full(500, 1e6), np.full(500, 1e-3)], axis=1)
    noisy = Noisy(base, base * 1e-6)
    changed = noisy.run()
    changed[:, 1] *= np.float32(1.01)
    assert noisy.ratio(changed).worst > 10
    assert noisy.ratio(noisy.run()).worst < 3


def normal(*shape, seed=3):
    return np.random.default_rng(seed).normal(size=shape)


#: Outputs of which a part is a millionth of the rest, and that part. Noise is a millionth of each scale.
UNEQUAL = {
    "small rows": (np.where(np.arange(40) % 4, 1e6, 1.0)[:, None] * np.ones(16), np.s_[::4]),
    "one item": (np.where(np.arange(8) == 5, 1.0, 1e6)[:, None, None] * np.ones((6, 5)), np.s_[5]),
    "one class": (np.where(np.arange(10) == 7, 1.0, 1e6) * np.ones((60, 1)), np.s_[:, 7]),
    "a third of a vector": (np.where(np.arange(300) < 200, 1e6, 1.0), np.s_[200:]),
    "a third of a row": (np.where(np.arange(300) < 200, 1e6, 1.0)[None], np.s_[:, 200:]),
    "one number": (np.where(np.arange(4096).reshape(64, 64) == 77, 1.0, 1e6), np.s_[1, 13]),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_a_hundredth_is_seen_beside_what_is_a_million_times_larger(name):
    scales, small = UNEQUAL[name]
    noisy = Noisy(scales * (2 + np.tanh(normal(*scales.shape))), scales * 1e-6)
    changed = noisy.run()
    changed[small] *= np.float32(1.01)
    assert noisy.ratio(changed).worst > 10


@pytest.mark.parametrize("name", UNEQUAL)
@given(seed=st.integers(0, 200))
def test_rounding_of_every_scale_is_noise(name, seed):
    scales, _ = UNEQUAL[name]
    noisy = Noisy(scales * (2 + np.tanh(normal(*scales.shape, seed=seed))), scales * 1e-6, seed)
    assert noisy.ratio(noisy.run()).worst < 3


def test_a_thousandth_of_a_row_of_two_is_seen_beside_a_row_of_half_a_million():
    base = np.stack([np.full(12, 5e5), np.full(12, 2.0)])
    noisy = Noisy(base, base * 1e-7)
    changed = noisy.run()
    changed[1] += np.float32(1e-3)
    assert noisy.ratio(changed).worst > 10


def test_a_large_row_does_not_excuse_the_flip_of_a_small_one():
    base = np.array([[2e6, 1e6, 1.5e6]] * 20 + [[2.0, 1.9, 1.0]])
    noisy = Noisy(base, base * 1e-6)
    changed = noisy.base.copy()
    changed[20, :2] = changed[20, 1::-1]
    (row,) = noisy.moved(changed)
    assert not row.is_benign


def test_few_replicates_that_happen_to_agree_are_helped_by_their_peers():
    noisy = Noisy(np.ones((50, 20)), 1e-5)
    std = np.array(noisy.memory.read(noisy.spread.std))
    std[7, 3] = 0
    spread = MeasuredSpread(
        noisy.spread.base, noisy.memory.entry(std, "float64"), noisy.spread.flipped, 16, None
    )
    noisy.floor = noisy_floor(noisy, spread)
    changed = noisy.base.copy()
    changed[7, 3] += np.float32(1e-5)
    assert noisy.ratio(changed).worst < 1


def test_rows_beyond_the_most_groups_are_pooled_with_their_neighbours():
    noisy = Noisy(np.ones((70_000, 8)), 1e-6)
    assert len(noisy.floor.local.rows) <= 65536
    assert noisy.ratio(noisy.run()).worst < 2


def test_saturated_outputs_have_the_noise_of_their_last_place():
    # Replicates of a softmax that is sure are all exactly 1: a neighbour of 1 is still the same answer.
    base = np.zeros((16, 10))
    base[np.arange(16), np.arange(16) % 10] = 1
    noisy = Noisy(base, 0.0)
    changed = noisy.run()
    changed[changed == 1] = np.nextafter(np.float32(1), np.float32(0))
    found = noisy.ratio(changed)
    assert 0 < found.worst < 3
    assert noisy.ratio(noisy.run()).worst == 0


def test_what_may_underflow_may_be_zero():
    base = np.array([[1.0, 1.3e-38], [1.0, 1e-30]])
    noisy = Noisy(base, base * 1e-6)
    assert noisy.ratio(noisy.base * np.float32([[1, 0], [1, 1]])).worst < 3
    assert noisy.ratio(noisy.base * np.float32([[1, 1], [1, 0]])).worst > 10


def test_the_ratio_is_the_formula():
    noisy = Noisy(np.random.default_rng(0).normal(size=(50, 10)), 1e-5)
    other = noisy.run()
    gap = other.astype("f8") - noisy.base.astype("f8")
    std = noisy.memory.read(noisy.spread.std)
    sigma = math.sqrt((std**2).mean())
    assert noisy.floor.sigma == pytest.approx(sigma, rel=1e-12)
    assert noisy.floor.rms == pytest.approx(np.sqrt((noisy.base.astype("f8") ** 2).mean()), rel=1e-12)
    assert noisy.ratio(other).overall == pytest.approx(
        math.sqrt((gap**2).mean()) / (math.sqrt(2) * sigma), rel=1e-12
    )
    assert noisy.floor.detectable == pytest.approx(3 * math.sqrt(2) * sigma / noisy.floor.rms, rel=1e-12)


def test_what_is_not_finite_is_left_to_its_own_verdict():
    noisy = Noisy(np.ones((10, 10)), 1e-6)
    changed = noisy.run()
    changed[3, 3] = np.nan
    assert noisy.ratio(changed).worst < 3


def test_jumps_are_counted():
    noisy = Noisy(np.random.default_rng(0).normal(size=(100, 10)), 1e-7)
    std = np.array(noisy.memory.read(noisy.spread.std))
    std[5, :3] = 0.25  # a Round that falls to either side
    spread = MeasuredSpread(
        noisy.spread.base, noisy.memory.entry(std, "float64"), noisy.spread.flipped, 16, None
    )
    assert noisy_floor(noisy, spread).jumps == 3


def noisy_floor(noisy, spread):
    return noise_floor(spread, noisy.memory.read)


def test_without_replicates_there_is_no_floor():
    memory = Memory()
    number, flag = memory.entry(np.ones(3, "f4"), "float32"), memory.entry(np.zeros(3, bool), "bool")
    std = memory.entry(np.zeros(3), "float64")
    whole = memory.entry(np.ones(3, "i4"), "int32")
    empty, nothing = memory.entry(np.ones((0, 3), "f4"), "float32"), memory.entry(np.ones((0, 3)), "float64")
    assert noise_floor(MeasuredSpread(number, None, flag, 0, None), memory.read) is None
    assert noise_floor(MeasuredSpread(number, std, flag, 16, "NaN comes and goes"), memory.read) is None
    assert noise_floor(MeasuredSpread(whole, None, flag, 16, None), memory.read) is None
    assert noise_floor(MeasuredSpread(empty, nothing, flag, 16, None), memory.read) is None


def test_a_tie_that_falls_to_the_other_side_is_benign():
    noisy = Noisy([[1.0, 1.0 - 2e-6], [5.0, 1.0], [0.0, 3.0]], 1e-6)
    changed = noisy.base.copy()
    changed[0] = changed[0, ::-1]
    (row,) = noisy.moved(changed)
    assert (row.row, row.before, row.now, row.is_benign) == (0, *row[1:3], True)
    assert row.before != row.now


def test_a_decision_beyond_the_noise_is_not():
    noisy = Noisy([[1.0, 0.5], [5.0, 1.0]], 1e-6)
    changed = noisy.base.copy()
    changed[1] = changed[1, ::-1]
    (row,) = noisy.moved(changed)
    assert (row.row, row.before, row.now, row.is_benign) == (1, 0, 1, False)
    assert row.margin > 1000


def test_a_row_that_replicates_move_is_benign_whatever_its_margin():
    noisy = Noisy([[1.0, 0.5]], 1e-6)
    spread = MeasuredSpread(
        noisy.spread.base, noisy.spread.std, noisy.memory.entry(np.array([True]), "bool"), 16, None
    )
    noisy.floor = noisy_floor(noisy, spread)
    (row,) = noisy.moved([[0.5, 1.0]])
    assert row.is_benign


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_without_rows_nothing_moves(shape):
    noisy = Noisy(np.arange(math.prod(shape)).reshape(shape), 1e-6)
    assert noisy.moved(noisy.base[::-1]) == ()


BENIGN, REAL = MovedRow(1, 0, 2, 0.5, True), MovedRow(2, 1, 0, 50.0, False)


def benign(old, new, flipped=None, rows=(BENIGN, REAL), dtype="int64"):
    memory = Memory()
    if dtype == "string":
        a, b = (ArrayEntry(dtype, (len(values),), (str(values),), 0) for values in (new, old))
        memory.arrays |= {str(values): np.array(values, object) for values in (new, old)}
    else:
        a, b = memory.entry(np.array(new), dtype), memory.entry(np.array(old), dtype)
    spread = None
    if flipped is not None:
        spread = MeasuredSpread(b, None, memory.entry(np.array(flipped), "bool"), 16, None)
    scores = memory.entry(np.zeros((3, 3), "f4"), "float32")
    return is_change_benign(a, b, spread, [(scores, tuple(rows))], memory.read)


def test_a_label_that_follows_a_benign_row_is_benign():
    assert benign([0, 0, 1], [0, 2, 1])
    assert benign([b"x", b"y", b"z"], [b"x", b"w", b"z"], dtype="string")


def test_a_label_that_follows_a_real_row_or_none_is_not():
    assert not benign([0, 0, 1], [0, 0, 0])
    assert not benign([0, 0, 1], [1, 0, 1])
    assert not benign([0, 0, 1], [0, 2, 0]), "one benign change does not excuse the other"


def test_another_integer_than_the_rows_own_is_not_its_argmax():
    assert not benign([0, 7, 1], [0, 2, 1])


def test_an_output_of_another_size_has_no_rows_to_follow():
    assert not benign([0, 0], [0, 2])


def test_what_replicates_change_is_benign():
    assert benign([4, 5], [4, 6], flipped=[False, True], rows=())
    assert not benign([4, 5], [3, 6], flipped=[False, True], rows=())


def test_elements_that_all_move_together_may_move_as_far_as_the_largest_replicate():
    noisy = Noisy(np.random.default_rng(0).normal(size=(50, 10)), 1e-5)
    shifted = noisy.base + np.float32(4.5e-5)
    alone = noisy.ratio(shifted)
    noisy.floor = noisy_floor(noisy, replace(noisy.spread, swing=2.0))
    together = noisy.ratio(shifted)
    assert together.overall == pytest.approx(alone.overall / 2)
    assert alone.worst > 3 > together.worst


def test_swing_is_that_of_the_replicates():
    spread = OutputSpread(
        batch=0,
        name="y",
        component=None,
        dtype="float32",
        replicates=16,
        lost=None,
        std=None,
        rms=(*[0.5] * 15, 2.0),
        flipped=stored_entry(),
    )
    run = RecordedOutputs((output(stored_entry()),))
    (found,) = spreads_of(MeasuredFloor(run, measured_floor((), [spread]).part)).values()
    assert found.swing == pytest.approx(2 / math.sqrt((15 * 0.25 + 4) / 16) / 1.5)
