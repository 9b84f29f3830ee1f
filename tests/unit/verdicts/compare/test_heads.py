from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import plain_metrics as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.verdicts.compare import heads
from savedmodel_matrix.verdicts.compare.elements import element_of
from savedmodel_matrix.verdicts.compare.heads import Heads, compare_heads, has_heads
from savedmodel_matrix.verdicts.compare.metrics import compare_arrays

FEW = st.sampled_from([0.0, -0.0, 1.0, 2.0, -3.0, math.nan, math.inf, -math.inf])
SCORES = FEW | st.floats(-30, 30, width=32)


def measured(a, b, dtype="float32", block=512):
    stored = [np.asarray(values, dtype=dtype) for values in (a, b)]
    return compare_heads(*stored, element_of(dtype), block)


@st.composite
def rows(draw, elements=SCORES, dtype="float32"):
    """Draw two arrays of rows, of which some may be alike but for noise."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(2, 9)))
    a, b = (draw(hnp.arrays(dtype, shape, elements=elements)) for _ in range(2))
    noise = 1 + draw(hnp.arrays(np.int8, shape)).astype(dtype) * np.asarray(2.0**-22, dtype)
    with np.errstate(over="ignore"):
        return np.where(draw(hnp.arrays(bool, (shape[0], 1))), a * noise, b), a


@st.composite
def probabilities(draw, dtype="float32"):
    a, b = draw(rows(st.floats(0, 1, width=32), dtype))
    b[:, 0] += 2.0**-10  # so that there is something to divide by
    return a, (b / b.sum(axis=1, keepdims=True)).astype(dtype)


@settings(deadline=None)
@given(rows())
def test_agreement_with_a_plain_reference(pair):
    a, b = pair
    found = measured(a, b)
    assert found.top1_agreement == (a.argmax(axis=1) == b.argmax(axis=1)).mean()
    assert found.top1_agreement == plain.agreement(a, b, 1)
    five = plain.agreement(a, b, 5) if a.shape[1] > 5 else None
    assert found.top5_agreement == (five if five is None else pytest.approx(five))


@settings(deadline=None)
@given(rows() | probabilities())
def test_kl_of_a_plain_reference(pair):
    a, b = pair
    expected, found = plain.kl(a, b, "float32"), measured(a, b).kl
    assert found == (expected if expected is None else pytest.approx(expected, rel=1e-6, abs=1e-17))


@settings(deadline=None)
@given(rows(st.floats(width=64), "float64"))
def test_any_scores_have_a_divergence_that_is_not_negative(pair):
    a, b = pair
    found = measured(a, b, "float64").kl
    finite = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    assert found is None if not finite.any() else found >= 0
    assert measured(b, b, "float64").kl in (0, None)


@settings(deadline=None)
@given(rows(SCORES.filter(math.isfinite)), st.integers(-20, 20))
def test_scores_may_be_shifted_and_probabilities_scaled(pair, shift):
    a, b = (values.astype("f8") for values in pair)
    expected = measured(a - 100, b - 100, "float64").kl
    assert measured(a - 100, b - 100 + shift, "float64").kl == pytest.approx(expected, rel=1e-6, abs=1e-12)
    likely = np.exp(b) / np.exp(b).sum(axis=1, keepdims=True)
    other = np.exp(a)
    scaled = measured(np.ldexp(other, shift), likely, "float64").kl
    assert scaled == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("width", [2, 5, 6, 30, 31, 32, 33, 511, 513, 1500])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_block_size_changes_no_number(dtype, width):
    rng = np.random.default_rng(width)
    # One row more than blocks of 512 hold, so that the last block has a single one.
    scores = rng.standard_normal((max(3, 512 // width + 1), width))
    scores[: len(scores) // 2] = np.exp(scores[: len(scores) // 2])
    scores[: len(scores) // 2] /= scores[: len(scores) // 2].sum(axis=1, keepdims=True)
    for row in (0, -1):  # either is the largest once
        noisy = scores * (1 + 1e-3 * rng.standard_normal(scores.shape))
        noisy[row] *= 1.5 + rng.standard_normal(width) / 3
        noisy[len(scores) // 3, 1] = math.nan
        found = [measured(noisy, scores, dtype, block) for block in (512, 1024, 3584, 1 << 15)]
        assert all(other == found[0] for other in found)
        assert found[0].kl > 1e-8


def test_of_rows_that_hardly_differ_nothing_is_lost():
    b = np.zeros((1, 2))
    a = np.array([[1e-9, 0.0]])  # softmax of a: 1/2 ± 1e-9/4, and KL is (1e-9)² / 8
    assert measured(a, b, "float64").kl == pytest.approx(1.25e-19, rel=1e-6, abs=0)
    likely = np.array([[0.5, 0.5]])
    noisy = likely * [[1 + 1e-9, 1 - 1e-9]]
    assert measured(noisy, likely, "float64").kl == pytest.approx(5e-19, rel=1e-6, abs=0)


def test_kl_is_of_the_other_from_the_reference():
    one, other = np.array([[0.5, 0.5]]), np.array([[0.75, 0.25]])
    assert measured(other, one).kl == pytest.approx(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25))
    assert measured(one, other).kl == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_the_worst_row_counts():
    b = np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    a = np.array([[0.5, 0.5], [0.9, 0.1], [0.6, 0.4]])
    assert measured(a, b).kl == measured(a[1:2], b[1:2]).kl > measured(a[2:], b[2:]).kl > 0


def test_rows_sum_up_to_one_as_their_reference_does():
    """1e-3 from one is probabilities still, and more is scores: 0.1 and 0.9 are far less sure as scores."""
    b = np.array([[0.1, 0.9]])
    likely, scores = (measured([[0.2, 0.8]], b + off).kl for off in (0.0004, 0.001))
    assert likely == pytest.approx(0.1 * math.log(0.5) + 0.9 * math.log(0.9 / 0.8), rel=1e-2)
    assert scores < likely / 2
    assert measured([[0.2, 0.8]], [[-0.1, 1.1]]).kl == pytest.approx(
        measured([[1.2, 1.8]], [[0.9, 2.1]]).kl, rel=1e-5
    )


def test_a_coarse_type_may_round_probabilities_away_from_one():
    b = np.array([[0.703, 0.2, 0.1]], ml_dtypes.bfloat16)
    assert abs(float(b.astype(float).sum()) - 1) > 1e-3
    a = b.copy()
    a[0, 0] = 0.5
    found = compare_heads(a.view("u2"), b.view("u2"), element_of("bfloat16"), 512)
    assert found.kl == pytest.approx(plain.kl(a.astype(float), b.astype(float), "bfloat16"))
    assert found.kl == pytest.approx(measured(a.astype(float), b.astype(float) / b.astype(float).sum()).kl)


def test_a_probability_flushed_to_zero_is_not_an_infinite_distance():
    b = np.array([[1e-40, 1.0]], "f4")
    flushed = np.array([[0.0, 1.0]], "f4")
    assert 0 < measured(flushed, b).kl < 1e-37
    gone = measured(np.array([[1.0, 0.0]], "f4"), np.array([[0.5, 0.5]], "f4")).kl
    assert gone == pytest.approx(math.log(0.5) - 0.5 * math.log(2.0**-149), rel=1e-6)


def test_what_has_nothing_positive_is_far_from_any_probabilities():
    least = math.log(2.0**-149)
    found = measured(np.zeros((1, 2), "f4"), np.array([[0.5, 0.5]], "f4")).kl
    assert found == pytest.approx(math.log(0.5) - least, rel=1e-6)


def test_rows_that_are_not_finite():
    a = np.array([[math.nan, 1.0], [0.0, math.inf], [1.0, 2.0]], "f4")
    b = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 2.0]], "f4")
    assert measured(a, b) == Heads(1.0, None, 0.0)
    assert measured(a[:2], b[:2]) == Heads(1.0, None, None)
    assert measured([[math.nan, 1.0]], [[0.0, 1.0]]).top1_agreement == 0


def test_ties_in_the_fifth_place_go_to_the_first():
    scores = np.array([[9.0, 8.0, 7.0, 6.0, 0.0, 0.0, 0.0]])
    assert measured(scores, scores).top5_agreement == 1
    other = scores.copy()
    other[0, 6] = 1e-9
    assert measured(other, scores).top5_agreement == pytest.approx(0.8)


def test_masked_scores_are_each_taken_once():
    masked = np.array([[-math.inf, -math.inf, -math.inf, 1.0, -math.inf, -math.inf, -math.inf]])
    assert measured(masked, masked).top5_agreement == 1
    first = masked[:, [3, 0, 1, 2, 4, 5, 6]]  # 3, 0, 1, 2, 4 against 0, 1, 2, 3, 4
    assert measured(first, masked).top5_agreement == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((2, 3), "float32", True),
        ((1, 2, 3), "bfloat16", True),
        ((61, heads.MOST_WIDTH), "float32", True),
        ((62, heads.MOST_WIDTH), "float32", False),
        ((1, heads.MOST_WIDTH + 1), "float32", False),
        ((2_000_001, 2), "float32", False),
        ((6,), "float32", False),
        ((), "float32", False),
        ((6, 1), "float32", False),
        ((0, 3), "float32", False),
        ((3, 0), "float32", False),
        ((2, 3), "int32", False),
        ((2, 3), "complex64", False),
        ((2, 3), "bool", False),
    ],
)
def test_what_has_heads(shape, dtype, expected):
    assert has_heads(shape, element_of(dtype)) is expected
    entry = plain.ArrayEntry(dtype, shape, ("a",), 0)
    identical = compare_arrays(entry, entry, lambda entry: pytest.fail("not to be read"))
    assert identical.top1_agreement == (1.0 if expected else None)
    assert identical.kl == (0.0 if expected else None)


def test_arrays_without_heads_are_not_read_for_them():
    empty = np.empty((3, 0), "f4")
    assert measured(empty, empty) == Heads(None, None, None)
