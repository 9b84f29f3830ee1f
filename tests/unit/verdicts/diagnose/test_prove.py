import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.verdicts.diagnose.pair import Fix, Pair, on_serve
from savedmodel_matrix.verdicts.diagnose.prove import (
    agree,
    distance,
    follows,
    is_proven,
    is_same,
    may_be_lines,
)

X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


def fix(change, **options):
    return Fix("x", "x", "x", "x", "x", on_serve(change), **options)


@given(st.integers(0, 2**32), st.floats(1e-6, 1e6))
def test_rounding_to_float32_is_agreement_and_a_thousandth_is_not(seed, size):
    x = np.random.default_rng(seed).normal(size=(20, 2)) * size
    assert agree(x, x.astype(np.float32))
    assert not agree(x, x * 1.001)


def test_a_small_column_is_not_hidden_by_a_large_one():
    x = np.stack([np.linspace(1000, 2000, 20), np.linspace(0, 1, 20)], axis=1)
    y = x.copy()
    y[:, 1] += 1e-4
    assert not agree(x, y)
    assert agree(x[:, :1], y[:, :1])


def test_nan_agrees_with_nan_only_and_infinities_with_themselves():
    x = np.array([1.0, np.nan, np.inf])
    assert agree(x, x)
    assert not agree(x, np.array([1.0, 0.0, np.inf]))
    assert not agree(x, np.array([1.0, np.nan, -np.inf]))


def test_what_differs_by_half_precision_is_not_the_same():
    assert is_same(X, X.astype(np.float64))
    assert not is_same(X, X.astype(np.float16))


def test_the_distance_of_other_shapes_and_strings():
    assert distance(X, X[:10]) == (1.0, pytest.approx(np.abs(X).max()))
    one, other = (np.array(texts, object) for texts in ([b"a", b"b"], [b"a", b"c"]))
    assert distance(one, other) == (0.5, 1.0)
    assert distance(X, 2 * X).relative == pytest.approx(1)


def test_a_correction_is_proven_by_what_it_leaves():
    pair = Pair(X, X / 2)
    before = distance(*(pair.train, pair.serve))
    assert is_proven(fix(lambda x: x * 2), pair, before) is not None
    assert is_proven(fix(lambda x: x * 2.001), pair, before) is None
    assert is_proven(fix(lambda x: x * 2, least=2.0), pair, before) is None


def test_a_wide_bar_alone_proves_nothing():
    pair = Pair(X, X + np.float32(0.1))
    before = distance(pair.train, pair.serve)
    assert is_proven(fix(lambda x: x, slack=1.0), pair, before) is None
    assert is_proven(fix(lambda x: x - 0.1, slack=1.0), pair, before) is not None


def test_two_sides_made_constant_prove_nothing():
    nothing = Fix("x", "x", "x", "x", "x", lambda train, serve: (train * 0, serve * 0))
    pair = Pair(X, X[::-1])
    assert is_proven(nothing, pair, distance(pair.train, pair.serve)) is None


def test_a_correction_that_cannot_be_applied_is_none():
    pair = Pair(X, X[:, :2])
    assert is_proven(fix(lambda x: x.reshape(7, 7)), pair, distance(X, X[:, :2])) is None


def test_straight_lines_follow_and_other_data_does_not():
    assert follows(X, 3 - 2 * X) == pytest.approx(1)
    assert may_be_lines(X, 3 - 2 * X)
    assert not may_be_lines(X, X[::-1])
