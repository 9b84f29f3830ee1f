"""Measures differences that have no name: how many elements differ, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.eight_bits import level_of
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.prove import distance

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array


@dataclass(frozen=True)
class Side:
    """One side's type, shape and statistics; these are None for strings, and NaN if nothing is finite."""

    dtype: str
    shape: tuple[int, ...]
    low: float | None
    high: float | None
    mean: float | None
    std: float | None
    not_finite: int


@dataclass(frozen=True)
class Description:
    """Two sides and how they differ, if their shapes allow a comparison.

    ``different`` is the fraction of elements that are not equal. ``different_pixels`` is the fraction of
    pixels with any such element (images with 1, 3 or 4 channels last). ``levels`` is the largest difference
    in levels of 0..255 if both sides look like images, else None. ``relative`` is the relative L2 distance.
    """

    train: Side
    serve: Side
    different: float | None
    different_pixels: float | None
    largest: float | None
    levels: float | None
    relative: float

    @property
    def sentence(self) -> str:
        """The facts in one sentence."""
        if self.different is None:
            return (
                f"{self.train.dtype} {list(self.train.shape)} in training, "
                f"{self.serve.dtype} {list(self.serve.shape)} in serving"
            )
        if self.different_pixels is not None and self.levels is not None:
            pixels = _percent(self.different_pixels)
            return f"{pixels} of pixels differ, by up to {self.levels:.3g} levels of 255"
        by = f", by up to {self.largest:.3g}" if self.largest is not None else ""
        return f"{_percent(self.different)} of elements differ{by}"


def describe(train: Array, serve: Array) -> Description:
    """Return the measurable differences of two forms of one tensor, whatever their types and shapes."""
    sides = _side(train), _side(serve)
    apart = distance(train, serve)
    if train.shape != serve.shape or is_text(train) != is_text(serve):
        return Description(*sides, None, None, None, None, apart.relative)
    if not (is_numeric(train) and is_numeric(serve)):
        return Description(
            *sides, float(np.mean(train != serve)) if train.size else 0.0, None, None, None, apart.relative
        )
    a, b = numbers(train), numbers(serve)
    unequal = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    pixels = levels = None
    if _is_image(train):
        pixels = float(unequal.any(axis=-1).mean())
        level = level_of(train, serve)
        levels = None if level is None else apart.largest / level
    return Description(
        *sides, float(unequal.mean()) if train.size else 0.0, pixels, apart.largest, levels, apart.relative
    )


def _is_image(array: Array) -> bool:
    """Whether an array has rows, columns and channels; with one channel, this is clear only for a batch."""
    return bool(array.size) and (array.ndim, array.shape[-1]) in {(3, 3), (3, 4), (4, 1), (4, 3), (4, 4)}


def _side(array: Array) -> Side:
    if not is_numeric(array):
        return Side("string" if is_text(array) else str(array.dtype), array.shape, None, None, None, None, 0)
    x = numbers(array)
    finite = x[np.isfinite(x)]
    measured = (finite.min, finite.max, finite.mean, finite.std)
    with np.errstate(over="ignore"):
        facts = [float(each()) if finite.size else float("nan") for each in measured]
    return Side(
        str(array.dtype), array.shape, facts[0], facts[1], facts[2], facts[3], int(x.size - finite.size)
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g}%"
