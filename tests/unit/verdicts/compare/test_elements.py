from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from savedmodel_matrix.probe.arrays import STORED_AS
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of


@pytest.mark.parametrize("dtype", STORED_AS)
def test_types_numpy_has_no_name_for_keep_their_width(dtype):
    element = element_of(dtype)
    assert element.dtype.itemsize == np.dtype(STORED_AS[dtype]).itemsize
    assert element.kind is (Kind.FLOAT if "float" in dtype else Kind.INTEGER)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "float8_e5m2"])
def test_grid_of_float_types(dtype):
    element = element_of(dtype)
    native = np.dtype(getattr(ml_dtypes, dtype, dtype))
    facts = ml_dtypes.finfo(native)
    assert 2.0**-element.mantissa_bits == float(facts.eps)
    assert 2.0 ** (element.least_exponent - element.mantissa_bits) == float(facts.smallest_subnormal)


@pytest.mark.parametrize(
    ("dtype", "stored", "loaded"),
    [
        ("bfloat16", np.array([0x3F80], "u2"), np.array([1.0])),
        ("float16", np.array([2.5], "f2"), np.array([2.5])),
        ("int4", np.array([0x0F], "i1"), np.array([-1.0])),
        ("uint4", np.array([0x0F], "u1"), np.array([15.0])),
        ("int64", np.array([2**60 + 1]), np.array([2**60 + 1])),
        ("complex64", np.array([1j], "c8"), np.array([1j])),
    ],
)
def test_load(dtype, stored, loaded):
    found = element_of(dtype).load(stored)
    assert found.dtype == loaded.dtype
    assert found.tolist() == loaded.tolist()


def test_what_cannot_be_recorded_cannot_be_compared():
    with pytest.raises(ValueError, match="variant"):
        element_of("variant")
