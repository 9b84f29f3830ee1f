"""Whether an output varies at all. If it does not, agreement proves nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.probe.arrays import STRING
from savedmodel_matrix.verdicts.compare.blocks import BLOCK
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.verdicts.compare.elements import Array


def sameness(entry: ArrayEntry, read: Callable[[ArrayEntry], Array]) -> str | None:
    """Return how an output's elements are alike ("every element is the same"), or None if they vary.

    A single element or row cannot vary, so it is not a finding. Numbers count as equal if they differ by no
    more than a thousand units in the last place: such a model gives the same answer to everything.
    """
    size = math.prod(entry.shape)
    if size == 0:
        return "it has no elements"
    if size < 2:
        return None
    values = np.asarray(read(entry))
    if _alike(values.reshape(size), values.reshape(-1)[:1], entry.dtype):
        is_zero = entry.dtype != STRING and not values.reshape(-1)[:1].any()
        return "every element is zero" if is_zero else "every element is the same"
    rows = entry.shape[0]
    if rows > 1 and _alike(values.reshape(rows, -1), values.reshape(rows, -1)[:1], entry.dtype):
        return "every row is the same"
    return None


#: How near to 0 or 1 an element counts as one of them. Beyond that, a float32 sigmoid has few numbers left.
_NEAR = 1e-6
#: With a smaller share of rows, saturation is an exception.
_MOSTLY = 0.5


def saturation(entry: ArrayEntry, read: Callable[[ArrayEntry], Array]) -> str | None:
    """Return how many rows of a float output are only ones and zeros ("one-hot in all rows"), if most are.

    Rows are those over the last axis; an output of one axis is a column. A row of zeros alone does not count:
    small numbers are zero as well.
    """
    element = element_of(entry.dtype) if entry.dtype != STRING else None
    size = math.prod(entry.shape)
    if element is None or element.kind is not Kind.FLOAT or size < 2:
        return None
    width = entry.shape[-1] if len(entry.shape) > 1 else 1
    values = np.asarray(read(entry)).reshape(-1, width)
    step = max(1, BLOCK // max(1, width))
    full, hot, ones = 0, 0, 0
    for start in range(0, len(values), step):
        block = values[start : start + step]
        loaded = element.load(np.ascontiguousarray(block).reshape(-1)).reshape(block.shape)
        with np.errstate(all="ignore"):
            is_one = np.abs(loaded - 1) <= _NEAR
            is_either = is_one | (np.abs(loaded) <= _NEAR)
        in_row = is_one.sum(1)
        rows = is_either.all(1) & ((in_row > 0) | (width == 1))
        full += int(np.count_nonzero(rows))
        hot += int(np.count_nonzero(rows & (in_row == 1)))
        ones += int(is_one.sum())
    if full < _MOSTLY * len(values) or not 0 < ones < size:
        return None
    what = "one-hot" if width > 1 and hot == full else "nothing but zeros and ones"
    rows_text = "all rows" if full == len(values) else f"{full} of {len(values)} rows"
    return f"{what} in {rows_text}"


def _alike(values: Array, first: Array, dtype: str) -> bool:
    """Whether all ``values`` equal their first row or element; read block by block."""
    step = max(1, BLOCK // max(1, math.prod(values.shape[1:])))
    slack = 0.0
    if dtype != STRING:
        element = element_of(dtype)
        if element.kind in (Kind.FLOAT, Kind.COMPLEX):
            slack = math.ldexp(1000.0, -element.mantissa_bits)
            first = element.load(np.ascontiguousarray(first).reshape(-1)).reshape(first.shape)
    for start in range(0, len(values), step):
        block = values[start : start + step]
        if slack:
            loaded = element_of(dtype).load(np.ascontiguousarray(block).reshape(-1)).reshape(block.shape)
            with np.errstate(all="ignore"):
                near = np.abs(loaded - first) <= slack * np.abs(first)
            if not (near | (loaded == first) | (np.isnan(loaded) & np.isnan(first))).all():
                return False
        elif not (block == first).all():
            return False
    return True
