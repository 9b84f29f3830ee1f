"""Input values in memory, between a source and the store, and their element types.

Every source yields batches of :class:`Value`; ``make`` checks them against the signature and stores them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.probe.arrays import STORED_AS, STRING, stored_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from savedmodel_matrix.models.savedmodel.reader import Signature

#: TensorFlow's name by NumPy's ``dtype.name``; the two agree for every type that NumPy itself has.
_SHARED = {
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
}
#: NumPy's limit on dimensions.
DEEPEST = 64
_COMPONENTS = {"indices", "values", "dense_shape", "flat_values"}
_ROW_SPLITS = "row_splits_"


@dataclass(frozen=True, eq=False)
class Value:
    """One dense input, or one component of a sparse or ragged one.

    ``dtype`` is TensorFlow's name; ``array`` has the corresponding NumPy type (``element_type``), or holds
    ``bytes`` objects for strings.
    """

    name: str
    component: str | None
    dtype: str
    array: NDArray[Any]

    @property
    def label(self) -> str:
        """Return the name in readable form: ``input 'x'`` or ``input 'x.indices'``."""
        return f"input {self.name!r}" if self.component is None else f"input '{self.name}.{self.component}'"


Values = list[Value]


def element_type(dtype: str) -> np.dtype[Any]:
    """Return the NumPy type in which values of TensorFlow's type ``dtype`` are computed.

    Types that NumPy lacks come from ml_dtypes; quantized types are their plain integers. Not for strings,
    which have no fixed-width type. Raises ``InputsError`` for a type that cannot be fed (``resource``,
    ``variant``).
    """
    try:
        in_ml_dtypes = dtype in STORED_AS and hasattr(ml_dtypes, dtype)
        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, dtype) if in_ml_dtypes else stored_dtype(dtype))
    except ValueError as error:
        raise InputsError(
            f"inputs of type {dtype} are not supported; use a signature without them"
        ) from error
    return found


def fits(shape: Iterable[int], most: int) -> bool:
    """Return whether an array of ``shape`` can be made with at most ``most`` elements.

    Empty dimensions count as 1, because NumPy rejects ``(0, 2**62)`` too.
    """
    sizes = [max(size, 1) for size in shape]
    return len(sizes) <= DEEPEST and math.prod(sizes) <= most


def named_dtype(array: NDArray[Any]) -> str | None:
    """Return TensorFlow's name for the type of ``array``, or None if TensorFlow has none."""
    if array.dtype.kind in "US":
        return STRING
    name = array.dtype.name
    return name if name in _SHARED or (name in STORED_AS and array.dtype == element_type(name)) else None


def as_strings(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of ``bytes`` objects with the elements of a ``U`` (as UTF-8) or ``S`` array."""
    return string_array((_as_bytes(item) for item in array.reshape(-1).tolist()), array.shape)


def string_array(items: Iterable[bytes], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return ``items`` as an object array of ``shape``."""
    listed = list(items)
    # np.array(listed) would turn bytes into a fixed-width type, which loses trailing zeros.
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array.reshape(shape)


def split_key(key: str, names: Iterable[str]) -> tuple[str, str | None]:
    """Split ``"x.indices"`` into input and component; a key that is an input's name means a dense input."""
    if key in names:
        return key, None
    name, dot, component = key.rpartition(".")
    numbered = component.startswith(_ROW_SPLITS) and component.removeprefix(_ROW_SPLITS).isdigit()
    if dot and (component in _COMPONENTS or numbered):
        return name, component
    return key, None


def only_input(signature: Signature | None, instead: str) -> str:
    """Return the name of the signature's single input; ``instead`` is the advice if it has not one."""
    if signature is None:
        raise InputsError(f"without a signature the input's name is unknown; {instead}")
    if len(signature.inputs) != 1:
        names = listing(signature.inputs)
        raise InputsError(f"the signature has {len(signature.inputs)} inputs ({names}), not one; {instead}")
    return next(iter(signature.inputs))


def listing(names: Iterable[str]) -> str:
    """Return names in the form that messages use."""
    return ", ".join(repr(name) for name in names) or "none"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` if a known name is close, else an empty string."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _as_bytes(item: str | bytes) -> bytes:
    return item.encode("utf-8") if isinstance(item, str) else item
