from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.verdicts.compare.variation import sameness, saturation

EVERY_ELEMENT, EVERY_ROW = "every element is the same", "every row is the same"
ZERO = "every element is zero"


def found(values, dtype):
    values = np.asarray(values)
    stored = values.view("u2") if dtype == "bfloat16" else values
    return sameness(ArrayEntry(dtype, values.shape, ("x",), values.nbytes), lambda _: stored)


@pytest.mark.parametrize(
    ("values", "dtype", "says"),
    [
        (np.zeros((4, 3), "f4"), "float32", ZERO),
        (np.full(5, np.nan), "float64", EVERY_ELEMENT),
        (np.full(5, np.inf), "float64", EVERY_ELEMENT),
        (np.tile(np.arange(3, dtype="f4"), (4, 1)), "float32", EVERY_ROW),
        (np.tile(np.arange(3), (4, 1)), "int64", EVERY_ROW),
        (np.array([[b"a"], [b"a"]], object), "string", EVERY_ELEMENT),
        (np.array([[b"a", b"b"], [b"a", b"b"]], object), "string", EVERY_ROW),
        (np.array([True, True]), "bool", EVERY_ELEMENT),
        (np.ones(3, ml_dtypes.bfloat16), "bfloat16", EVERY_ELEMENT),
        (np.float32([1.0, 1.0 + 1e-6]), "float32", EVERY_ELEMENT),
        (np.arange(12, dtype="f4").reshape(4, 3), "float32", None),
        (np.float32([1.0, 1.001]), "float32", None),
        (np.float32([1.0, np.nan]), "float32", None),
        (np.array([1, 2]), "int64", None),
        (np.array([b"a", b"b"], object), "string", None),
        (np.arange(3, dtype="f4").reshape(1, 3), "float32", None),
        (np.float32(3), "float32", None),
        (np.zeros((0, 3), "f4"), "float32", "it has no elements"),
        (np.ones((1, 1), "f4"), "float32", None),
    ],
)
def test_what_does_not_vary_is_called_that(values, dtype, says):
    assert found(values, dtype) == says


def test_a_difference_in_the_last_of_many_blocks_is_seen():
    values = np.zeros((100_000, 3), "f4")
    assert found(values, "float32") == ZERO
    values[-1, -1] = 1
    assert found(values, "float32") is None


def saturated(values, dtype="float32"):
    values = np.asarray(values)
    return saturation(ArrayEntry(dtype, values.shape, ("x",), values.nbytes), lambda _: values)


HOT = np.eye(4, dtype="f4")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (HOT, "one-hot in all rows"),
        (HOT * np.float32(1 - 2e-7) + np.float32(1e-9), "one-hot in all rows"),
        (np.concatenate([HOT, [[0.3, 0.3, 0.2, 0.2]]]).astype("f4"), "one-hot in 4 of 5 rows"),
        (np.float32([[1, 1, 0], [0, 1, 0]]), "nothing but zeros and ones in all rows"),
        (np.float32([1, 0, 0, 1]), "nothing but zeros and ones in all rows"),
        (np.float32([[0.9, 0.1], [0.2, 0.8], [1, 0]]), None),
        (np.float32([[1e-9, 2e-9], [3e-9, 1e-9]]), None),
        (np.float32([[0, 0], [0, 0]]), None),
        (np.float32(1), None),
    ],
)
def test_rows_of_ones_and_zeros_are_saturated(values, says):
    assert saturated(values) == says


def test_integers_and_strings_are_not_saturated():
    assert saturated(np.eye(4, dtype="i8"), "int64") is None
    assert saturated(np.array([b"a", b"b"], object), "string") is None
