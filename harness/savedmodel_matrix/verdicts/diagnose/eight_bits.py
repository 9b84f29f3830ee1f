"""Images of 8 bits: the size of a level, and whether two differ by rounding to levels alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, numbers

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array

LEVELS = 255.0
#: The share of elements within one level, the root mean square in levels, and the mean of any channel: those
#: that two correct roundings stay below. Truncation against rounding has a mean of half a level.
MOST, RMS, MEAN = 0.98, 0.75, 0.45
_LEVEL = 1.05
#: Fewer pixels show no distribution.
_LEAST = 256
#: How far from a level an element may be, what share has to be on levels, and how many levels there have to
#: be: anything else is no 8-bit image.
_OFF, _ON_LEVELS, _LEAST_LEVELS = 0.02, 0.999, 16


def level_of(train: Array, serve: Array) -> float | None:
    """Return the size of one level of 0..255 if both sides are in the same usual range of images."""
    if train.dtype == serve.dtype == np.uint8:
        return 1.0
    ends = [numbers(each)[np.isfinite(numbers(each))] for each in (train, serve)]
    if not (ends[0].size and ends[1].size):
        return None
    low, high = min(each.min() for each in ends), max(each.max() for each in ends)
    if low >= 0 and high <= 1:
        return 1 / LEVELS
    if low >= -1 and high <= 1:
        return 2 / LEVELS
    # Values below half of the range could be anything: 0..16 is not an image with 255 levels.
    return 1.0 if low >= -LEVELS and LEVELS / 2 < high <= LEVELS else None


def within(train: Array, serve: Array) -> bool:
    """Whether two images differ by 8-bit rounding alone: both on levels, within one, without a trend."""
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape:
        return False
    if train.ndim not in (3, 4) or train.size < _LEAST:
        return False
    level = level_of(train, serve)
    if level is None:
        return False
    a, b = numbers(train) / level, numbers(serve) / level
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or not (_on_levels(a) and _on_levels(b)):
        return False
    gap = a - b
    by_channel = gap.ndim - 1 if gap.shape[-1] in (1, 3, 4) else None
    axes = tuple(range(gap.ndim - 1)) if by_channel else None
    return bool(
        (np.abs(gap) <= _LEVEL).mean() >= MOST
        and np.sqrt(np.square(gap).mean()) <= RMS
        and np.abs(gap.mean(axis=axes)).max() <= MEAN
    )


def _on_levels(x: Array) -> bool:
    # Levels of -1..1 begin at -1, which is half a level off.
    shift = float(np.median(x - np.rint(x)))
    off = np.abs(x - shift - np.rint(x - shift))
    return bool((off <= _OFF).mean() >= _ON_LEVELS and np.unique(np.rint(x - shift)).size >= _LEAST_LEVELS)
