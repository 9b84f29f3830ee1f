"""8-bit rounding: images that agree within one level, without a trend, as two libraries' resizing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.describe import level_of
from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, numbers
from savedmodel_matrix.verdicts.diagnose.prove import distance

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: The share of elements within one level, the root mean square in levels, and the mean of any channel: those
#: that two correct roundings stay below. Truncation against rounding has a mean of half a level.
MOST, RMS, MEAN = 0.98, 0.75, 0.45
_LEVEL = 1.05
#: Fewer pixels show no distribution.
_LEAST = 256
#: The shares of elements that have to lie on levels, and the number of levels: others are no 8-bit image.
_ON_LEVELS, _LEAST_LEVELS = 0.999, 16


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
    mean = (
        np.abs(gap.mean(axis=tuple(range(gap.ndim - 1))))
        if gap.shape[-1] in (1, 3, 4)
        else np.abs(gap.mean())
    )
    return bool(
        (np.abs(gap) <= _LEVEL).mean() >= MOST
        and np.sqrt(np.square(gap).mean()) <= RMS
        and np.max(mean) <= MEAN
    )


def _on_levels(x: Array) -> bool:
    off = np.abs(x - np.rint(x))
    return bool((off <= 0.02).mean() >= _ON_LEVELS and np.unique(np.rint(x)).size >= _LEAST_LEVELS)


def explain(pair: Pair) -> Diagnosis | None:
    """Return that the two differ by 8-bit rounding only; None otherwise."""
    if not within(pair.train, pair.serve):
        return None
    apart = distance(pair.train, pair.serve)
    return Diagnosis(
        id="8-bit-rounding",
        title="the images are equal within one level of 8 bits: two libraries round differently",
        train="8-bit levels",
        serve="8-bit levels, at most one off in 98% of pixels, without a trend",
        mends="nothing to change: both are correct",
        before=apart.relative,
        residual=apart.relative,
        max_abs_before=apart.largest,
        max_abs_after=apart.largest,
        steps=("8-bit-rounding",),
        proof="at least 98% of pixels are within one level, and no channel is brighter or darker on average",
        harmless=True,
    )
