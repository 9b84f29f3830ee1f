"""Element types: their storage, the type they are cast up to, and the spacing of their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from savedmodel_matrix.probe.arrays import STRING, stored_dtype

#: Any array: a flat piece of a stored one, or its values cast up.
Array = npt.NDArray[Any]

_FLOATS = {
    "float16": np.float16,
    "half": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
    "double": np.float64,
    "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8_e4m3b11fnuz": ml_dtypes.float8_e4m3b11fnuz,
    "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
}

# Stored one per byte, in the low bits; the high bits are not part of the value.
_NARROW_INTEGERS = {
    "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4,
    "int2": ml_dtypes.int2,
    "uint2": ml_dtypes.uint2,
}


class Kind(Enum):
    """The kind of an element type, which decides what can be measured."""

    FLOAT = auto()
    COMPLEX = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    STRING = auto()


@dataclass(frozen=True, slots=True)
class Element:
    """An element type: its kind, and the NumPy type its stored bits are viewed as.

    Between ``2**e`` and ``2**(e + 1)``, the numbers of a float type are ``2**(e - mantissa_bits)`` apart.
    Below ``2**least_exponent`` (subnormals), the spacing is the same as just above it.
    """

    kind: Kind
    dtype: np.dtype[Any]
    mantissa_bits: int = 0
    least_exponent: int = 0

    def load(self, stored: Array) -> Array:
        """Return a flat piece of a stored array, cast up.

        Floats, and integers that float64 holds exactly, become float64; complex numbers become complex128;
        64-bit integers stay the same. The result may be the piece itself: do not write to it.
        """
        values = stored.view(self.dtype)
        if self.kind is Kind.COMPLEX:
            return values.astype(np.complex128, copy=False)
        if self.kind is Kind.FLOAT or self.dtype.itemsize < 8:
            return values.astype(np.float64, copy=False)
        return values


def element_of(dtype: str) -> Element:
    """Return the properties of TensorFlow's element type ``dtype``.

    Raises:
        ValueError: for a type that cannot be recorded.
    """
    if dtype == STRING:
        return Element(Kind.STRING, np.dtype(np.uint8))
    if dtype in _FLOATS:
        numpy_type: np.dtype[Any] = np.dtype(_FLOATS[dtype])
        finfo: Any = ml_dtypes.finfo  # knows NumPy's own types as well
        facts = finfo(numpy_type)
        return Element(Kind.FLOAT, numpy_type, int(facts.nmant), int(facts.minexp))
    if dtype in _NARROW_INTEGERS:
        return Element(Kind.INTEGER, np.dtype(_NARROW_INTEGERS[dtype]))
    numpy_type = np.dtype(stored_dtype(dtype))
    if numpy_type.kind == "c":
        part = np.finfo(numpy_type)
        return Element(Kind.COMPLEX, numpy_type, int(part.nmant), int(part.minexp))
    return Element(Kind.BOOLEAN if numpy_type.kind == "b" else Kind.INTEGER, numpy_type)
