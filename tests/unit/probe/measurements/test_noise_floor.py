from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements.noise_floor import Spread, Variables, perturb

FLOATS = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


def random(seed=1):
    return np.random.RandomState([seed, 0])


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_every_element_moves_by_at_most_one_unit_in_the_last_place(dtype, data, seed):
    kind = FLOATS[dtype]
    array = data.draw(hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3)))
    moved = perturb(array, dtype, random(seed))
    assert (moved.shape, moved.dtype) == (array.shape, array.dtype)
    with np.errstate(over="ignore"):
        up, down = (np.nextafter(array, kind(towards)) for towards in (np.inf, -np.inf))
    stays = moved.view(f"u{kind().itemsize}") == array.view(f"u{kind().itemsize}")
    assert (stays | (moved == up) | (moved == down)).all()
    tiny = np.finfo(kind).tiny
    fixed = (array == 0) | ~np.isfinite(array) | (np.abs(array) < tiny)
    assert stays[fixed].all()
    assert (np.isfinite(moved) == np.isfinite(array)).all()
    assert (np.abs(moved[~fixed]) >= tiny).all(), "TensorFlow would flush a subnormal to zero"


def test_all_three_steps_are_taken_and_the_seed_decides_which():
    array = np.linspace(1, 2, 1000, dtype="f4")
    moved = perturb(array, "float32", random())
    steps = np.round((moved - array) / np.spacing(array)).astype(int)
    assert {-1, 0, 1} >= set(steps) >= {-1, 1}
    assert 200 < np.count_nonzero(steps == 0) < 470
    assert np.array_equal(moved, perturb(array, "float32", random()))
    assert not np.array_equal(moved, perturb(array, "float32", random(2)))
    assert array[0] == 1, "what was given is not written to"


def test_bfloat16_and_complex_numbers_move_too():
    values = np.linspace(1, 2, 100).astype(ml_dtypes.bfloat16)
    moved = perturb(values, "bfloat16", random())
    bits = moved.view(np.int16).astype(int) - values.view(np.int16).astype(int)
    assert set(bits) == {-1, 0, 1}
    numbers = (np.linspace(1, 2, 100) + 1j).astype("c8")
    moved = perturb(numbers, "complex64", random())
    assert (moved.real != numbers.real).any()
    assert (moved.imag != numbers.imag).any()
    assert np.abs(moved - numbers).max() < 1e-6


@pytest.mark.parametrize("dtype", ["int32", "bool", "string", "qint8", "float8_e5m2"])
def test_what_has_no_rounding_does_not_move(dtype):
    assert perturb(np.zeros(3, "i1"), dtype, random()) is None


class Variable:
    def __init__(self, value):
        self.value = value
        self.dtype = self
        self.base_dtype = self
        self.name = str(value.dtype)

    def numpy(self):
        return self.value.copy()

    def assign(self, value):
        self.value = value


def test_variables_are_moved_from_their_own_values():
    kernel, steps = Variable(np.ones(50, "f4")), Variable(np.array(7))
    variables = Variables([kernel, steps])
    assert variables.elements == 50
    for _ in range(3):
        variables.move(random())
        assert np.abs(kernel.value - 1).max() == np.spacing(np.float32(1)), "moves do not add up"
    assert steps.value == 7


def test_restored_variables_have_the_values_that_they_began_with():
    kernel = Variable(np.ones(50, "f4"))
    variables = Variables([kernel])
    variables.move(random())
    variables.restore()
    assert np.array_equal(kernel.value, np.ones(50, "f4"))


def test_what_cannot_be_restored_is_known():
    assert Variables([Variable(np.ones(2, "f4"))]).are_all
    assert not Variables([Variable(np.ones(2, "f4")), Variable(np.array(7))]).are_all


def entry_of(tmp_path, base, replicates, dtype):
    spread = Spread("y", None, base, dtype)
    for replicate in replicates:
        spread.add(replicate)
    entry = spread.entry(str(tmp_path), 0)
    arrays = {
        part: None if entry[part] is None else read_array(str(tmp_path), entry[part])
        for part in ("std", "flipped")
    }
    return entry, arrays


def test_the_spread_is_numpys(tmp_path):
    generator = np.random.default_rng(0)
    base = generator.normal(size=(4, 3)).astype("f4")
    replicates = [base + generator.normal(scale=1e-3, size=base.shape).astype("f4") for _ in range(16)]
    entry, arrays = entry_of(tmp_path, base, replicates, "float32")
    expected = np.std(np.array(replicates, "f8"), axis=0, ddof=1)
    assert np.allclose(arrays["std"], expected, rtol=1e-9)
    gaps = np.array(replicates, "f8") - base.astype("f8")
    assert np.allclose(entry["rms"], np.sqrt((gaps**2).mean(axis=(1, 2))))
    assert (entry["replicates"], entry["lost"], arrays["flipped"].shape) == (16, None, (4,))


def test_rows_whose_maximum_moves_are_told(tmp_path):
    base = np.array([[1.0, 0.0], [1.0, 0.999]], "f4")
    _, arrays = entry_of(tmp_path, base, [base, np.array([[1.0, 0.0], [1.0, 1.001]], "f4")], "float32")
    assert arrays["flipped"].tolist() == [False, True]


def test_what_is_exact_is_told_element_by_element(tmp_path):
    base = np.array([1, 2, 3], "i4")
    entry, arrays = entry_of(tmp_path, base, [base, np.array([1, 5, 3], "i4")], "int32")
    assert arrays["flipped"].tolist() == [False, True, False]
    assert (arrays["std"], entry["rms"]) == (None, [])
    words = np.array([b"a", b"b"], object)
    _, arrays = entry_of(tmp_path, words, [np.array([b"a", b"c"], object)], "string")
    assert arrays["flipped"].tolist() == [False, True]


def test_replicates_that_cannot_be_held_against_each_other_are_lost(tmp_path):
    base = np.ones(3, "f4")
    entry, _ = entry_of(tmp_path, base, [np.ones(2, "f4"), base], "float32")
    assert "shape" in entry["lost"]
    entry, _ = entry_of(tmp_path, base, [np.array([1, np.nan, 1], "f4"), base], "float32")
    assert "NaN" in entry["lost"]
    entry, _ = entry_of(tmp_path, np.ones(3, "i4"), [np.ones(2, "i4")], "int32")
    assert "shape" in entry["lost"]


def test_infinities_that_stay_are_no_noise(tmp_path):
    base = np.array([1.0, np.inf, np.nan])
    entry, arrays = entry_of(tmp_path, base, [base, base + 1e-9], "float64")
    assert entry["lost"] is None
    assert arrays["std"][0] > 0
    assert arrays["std"][1:].tolist() == [0, 0]


def test_complex_outputs_spread_in_both_parts(tmp_path):
    base = np.ones(2, "c8")
    _, arrays = entry_of(tmp_path, base, [base + 1e-3, base - 1e-3j], "complex64")
    assert np.allclose(arrays["std"], 1e-3, rtol=1e-3)
