"""What must hold of any two arrays, and of every float type at the ends of its range."""

from __future__ import annotations

import math
from dataclasses import asdict

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import plain_metrics as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.divergence import EXACT
from savedmodel_matrix.probe.arrays import STORED_AS, stored_dtype
from savedmodel_matrix.verdicts.compare.blocks import BLOCK
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of
from savedmodel_matrix.verdicts.compare.metrics import compare_arrays
from savedmodel_matrix.verdicts.compare.numbers import compare_numbers
from test_metrics import FLOATS, measured, pairs

#: Numbers of every type of FLOATS, that are normal numbers of each when multiplied or divided by 8.
MODERATE = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1.0078125]) | st.builds(
    lambda mantissa, exponent, sign: sign * math.ldexp(1 + mantissa / 128, exponent),
    st.integers(0, 127),
    st.integers(-10, 10),
    st.sampled_from([1, -1]),
)
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7)

#: As NumPy's and ml_dtypes' own: every float type that can be recorded.
NATIVE = {dtype: np.dtype(getattr(ml_dtypes, dtype, dtype)) for dtype in (*FLOATS, *plain.FLOAT8)}


def stored(values, dtype):
    found = np.asarray(values).astype(NATIVE[dtype])
    return found.view(STORED_AS[dtype]) if dtype in STORED_AS else found


@st.composite
def moderate(draw, count):
    dtype, shape = draw(st.sampled_from(FLOATS)), draw(SHAPES)
    return dtype, [draw(hnp.arrays(float, shape, elements=MODERATE)) for _ in range(count)]


@settings(deadline=None)
@given(moderate(2), st.integers(-3, 3))
def test_a_power_of_two_on_both_sides(values, exponent):
    dtype, (a, b) = values
    one = measured(dtype, stored(a, dtype), stored(b, dtype))
    other = measured(dtype, *(stored(np.ldexp(x, exponent), dtype) for x in (a, b)))
    for name in ("max_rel", "rel_l2", "scaled_ulp", "cosine", "snr_db", "different", "worst"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("decision_changed", "top1_agreement", "top5_agreement"):
        assert getattr(one, name) == getattr(other, name), name
    assert other.max_abs == math.ldexp(one.max_abs, exponent)
    assert other.rms == math.ldexp(one.rms, exponent)


@settings(deadline=None)
@given(moderate(3))
def test_triangles(values):
    dtype, arrays = values
    a, b, c = (stored(x, dtype) for x in arrays)
    straight, first, second = measured(dtype, a, c), measured(dtype, a, b), measured(dtype, b, c)
    assert straight.max_abs <= (first.max_abs + second.max_abs) * (1 + 1e-15)
    assert straight.rms <= (first.rms + second.rms) * (1 + 1e-12)
    assert straight.different <= first.different + second.different


@settings(deadline=None)
@given(moderate(2))
def test_what_is_relative_is_so_to_the_second(values):
    dtype, (x, y) = values
    a, b = stored(x, dtype), stored(y, dtype)
    one, other = measured(dtype, a, b), measured(dtype, b, a)
    for found, reference in ((one, y), (other, x)):
        norm = math.sqrt(float((reference**2).sum()))
        if found.rel_l2 is None:
            assert norm == 0
            assert found.snr_db is None
        else:
            assert found.rel_l2 * norm == pytest.approx(found.rms * math.sqrt(x.size), rel=1e-12)
            decibels = -20 * math.log10(found.rel_l2) if found.rel_l2 else None
            assert found.snr_db == (decibels if decibels is None else pytest.approx(decibels, abs=1e-9))
        nonzero = reference != 0
        relative = np.abs(x - y)[nonzero] / np.abs(reference[nonzero])
        assert found.max_rel == relative.max(initial=0.0)


def test_the_other_way_round_is_another_relative_error():
    one, other = (measured("float32", *pair) for pair in (np.float32([[2], [1]]), np.float32([[1], [2]])))
    assert (one.max_rel, one.rel_l2, one.max_abs) == (1.0, 1.0, 1.0)
    assert (other.max_rel, other.rel_l2, other.max_abs) == (0.5, 0.5, 1.0)
    assert one.snr_db == 0
    assert other.snr_db == pytest.approx(20 * math.log10(2))


@settings(deadline=None)
@given(pairs())
def test_measuring_an_array_against_itself_finds_what_is_said_without_reading_it(pair):
    dtype, a, _ = pair
    entry = plain.Memory().entry(a, dtype)
    said = asdict(compare_arrays(entry, entry, lambda entry: pytest.fail("not to be read")))
    found = asdict(compare_numbers(a, a.copy(), element_of(dtype), EXACT, BLOCK))
    if not np.isfinite(plain.as_floats(a, dtype)).all():
        assert found.pop("kl") in (0.0, None)
        said.pop("kl")
    assert found == said


@settings(deadline=None)
@given(pairs())
def test_numbers_hang_together(pair):
    dtype, a, b = pair
    found = measured(dtype, a, b)
    is_real = element_of(dtype).kind is Kind.FLOAT
    assert (found.max_abs == 0) == (found.min_tolerance.atol == 0 or found.rms == 0)
    assert found.rms <= found.max_abs * (1 + 1e-12)
    assert found.max_abs <= found.rms * math.sqrt(a.size) * (1 + 1e-12) + 1e-320
    assert not is_real or found.cosine is None or -1 <= found.cosine <= 1
    assert found.decision_changed == (found.top1_agreement not in (None, 1.0))
    assert (found.worst is None) == (found.max_abs == found.nan_mismatches == found.inf_mismatches == 0)


@pytest.mark.parametrize("dtype", NATIVE)
def test_the_smallest_number_of_every_type(dtype):
    facts = ml_dtypes.finfo(NATIVE[dtype])
    least = float(facts.smallest_subnormal)
    found = measured(dtype, stored([[least, 0.0]], dtype), stored([[0.0, 0.0]], dtype))
    assert (found.different, found.max_abs, found.scaled_ulp, found.worst) == (1, least, 1, (0, 0))
    assert found.rms == pytest.approx(least / math.sqrt(2), rel=1e-12, abs=0)
    assert (found.rel_l2, found.cosine) == (None, None)
    doubled = measured(dtype, stored([2 * least], dtype), stored([least], dtype))
    assert (doubled.max_abs, doubled.rms, doubled.rel_l2, doubled.cosine) == (least, least, 1, 1)


@pytest.mark.parametrize("dtype", NATIVE)
def test_the_largest_numbers_of_every_type(dtype):
    most = float(ml_dtypes.finfo(NATIVE[dtype]).max)
    a, b = stored([[most, 1.0]], dtype), stored([[most / 2, 1.0]], dtype)
    found = measured(dtype, a, b)
    assert (found.max_abs, found.max_rel, found.worst) == (most / 2, 1, (0, 0))
    assert found.rms == pytest.approx(most / 2 / math.sqrt(2))
    assert found.cosine == pytest.approx(1, rel=1e-3)
    opposite = measured(dtype, a, stored([[-most, 1.0]], dtype))
    assert opposite.max_abs == 2 * most
    assert -1 <= opposite.cosine < -0.99


@pytest.mark.parametrize("dtype", NATIVE)
def test_nan_of_every_type(dtype):
    a, b = stored([[math.nan, 1.0, math.nan]], dtype), stored([[math.nan, 1.0, 1.0]], dtype)
    found = measured(dtype, a, b)
    assert (found.nan_mismatches, found.inf_mismatches, found.beyond, found.worst) == (1, 0, 1, (0, 2))
    assert (found.max_abs, found.rms, found.cosine, found.kl) == (0, 0, 1, None)
    assert measured(dtype, b, a).top1_agreement == found.top1_agreement == 1


HAVE_INFINITY = [dtype for dtype in NATIVE if np.isinf(np.array(math.inf, NATIVE[dtype]).astype(float))]


@pytest.mark.parametrize("dtype", HAVE_INFINITY)
def test_infinity_of_every_type(dtype):
    infinities = stored([[math.inf, -math.inf, math.inf, 1.0]], dtype)
    other = stored([[math.inf, math.inf, 1.0, 1.0]], dtype)
    found = measured(dtype, infinities, other)
    assert (found.nan_mismatches, found.inf_mismatches, found.beyond, found.worst) == (0, 2, 2, (0, 1))
    assert (found.max_abs, found.rms, found.cosine, found.kl) == (0, 0, 1, None)


@pytest.mark.parametrize("dtype", [dtype for dtype in NATIVE if not dtype.endswith("fnuz")])
def test_signed_zeros_of_every_type(dtype):
    found = measured(dtype, stored([[0.0, 1.0]], dtype), stored([[-0.0, 1.0]], dtype))
    assert (found.different, found.beyond, found.max_abs, found.rms, found.worst) == (1, 0, 0, 0, None)
    assert (found.cosine, found.snr_db, found.top1_agreement) == (1, None, 1)
    assert found.kl == 0


def test_types_with_infinities():
    assert set(HAVE_INFINITY) == {*FLOATS, "float8_e5m2"}


@pytest.mark.parametrize("dtype", [*NATIVE, "complex64", "complex128", "int8", "int64"])
@pytest.mark.parametrize("shape", [(), (0,), (0, 6), (3, 0)])
def test_scalars_and_empty_arrays_of_every_type(dtype, shape):
    ones, zeros = (np.full(shape, value).astype(NATIVE.get(dtype, dtype)) for value in (1, 0))
    a, b = (values.view(stored_dtype(dtype)) for values in (ones, zeros))
    found = measured(dtype, a, b)
    assert (found.elements, found.different, found.max_abs, found.rms) == (a.size,) * 2 + (float(a.size),) * 2
    assert found.worst == (() if a.size else None)
    assert found.snr_db is found.top1_agreement is found.top5_agreement is found.kl is None
    if element_of(dtype).kind is Kind.FLOAT:
        assert found.cosine == (None if a.size else 1)
