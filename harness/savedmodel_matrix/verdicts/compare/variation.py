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
        return "every element is the same"
    rows = entry.shape[0]
    if rows > 1 and _alike(values.reshape(rows, -1), values.reshape(rows, -1)[:1], entry.dtype):
        return "every row is the same"
    return None


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
