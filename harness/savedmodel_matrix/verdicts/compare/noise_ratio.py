"""Compares differences with a noise floor, block by block.

Everything here follows measurements on real models: a benign change of environment has a ratio of about 1,
a real change has tens to thousands (``docs/verdicts.md``).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.noise_floor import MovedRow, NoiseFloor, NoiseRatio
from savedmodel_matrix.domain.thresholds import NOISE
from savedmodel_matrix.verdicts.compare.blocks import BLOCK, BlockPair
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of
from savedmodel_matrix.verdicts.compare.local_noise import local_noise, scale, scale_at, ulp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.noise_floor import LocalNoise, MeasuredSpread
    from savedmodel_matrix.verdicts.compare.elements import Array, Element
    from savedmodel_matrix.verdicts.compare.metrics import Reader

#: If one unit in the last place of the input becomes more than this many in the output, it is no longer
#: rounding: it went through a Round, a Cast, a comparison, or a difference of nearly equal numbers.
_JUMP_ULP = 8192.0
_NORMAL = NormalDist()
#: A larger difference counts as this one, so that squares and their sums are finite.
_MOST = 1e140


def noise_floor(spread: MeasuredSpread, read: Reader) -> NoiseFloor | None:
    """Return the noise floor from replicates; None for exact types and lost replicates.

    Raises:
        OSError: if an object is missing.
        ValueError: if one is damaged.
    """
    element = element_of(spread.base.dtype)
    if spread.std is None or spread.lost is not None or element.kind not in (Kind.FLOAT, Kind.COMPLEX):
        return None
    if not math.prod(spread.base.shape):
        return None
    local = local_noise(spread, read, element)
    squares, variances = np.zeros(local.width), np.zeros(local.width)
    for start, stored, std in BlockPair(read(spread.base), read(spread.std), BLOCK):
        at = np.arange(start, start + std.size) % local.width
        values = np.abs(element.load(stored))
        squares += np.bincount(at, np.where(np.isfinite(values), values, 0.0) ** 2, local.width)
        variances += np.bincount(at, std * std, local.width)
    size = math.prod(spread.base.shape)
    column_rms = np.sqrt(squares / (size / local.width))
    rms = float(np.sqrt(squares.sum() / size))
    sigma = float(np.sqrt(variances.sum() / size))
    limits = _JUMP_ULP * np.maximum(ulp(column_rms, element), ulp(np.array([rms]), element) / _JUMP_ULP)
    jumps, flips, beyond = 0, 0, 0
    for start, stored, std in BlockPair(read(spread.base), read(spread.std), BLOCK):
        jumps += int(np.count_nonzero(std > limits[np.arange(start, start + std.size) % local.width]))
        flips += int(np.count_nonzero(std))
        beyond += int(np.count_nonzero(std > ulp(np.abs(element.load(stored)), element)))
    return NoiseFloor(
        spread=spread,
        sigma=max(sigma, float(ulp(np.array([rms]), element)[0]) / 2),
        rms=rms,
        local=local,
        jumps=jumps,
        flips=None if beyond else flips,
    )


def noise_ratio(floor: NoiseFloor, a: ArrayEntry, b: ArrayEntry, read: Reader) -> NoiseRatio:
    """Return the difference of two arrays, of the floor's type and shape, as a multiple of the floor.

    Elements that are not finite on both sides are left out: they are a separate mismatch.
    """
    if a == b:
        return NoiseRatio(0.0, 0.0)
    element = element_of(a.dtype)
    std = read(floor.spread.std or a)
    peaks = _Peaks(floor.local)
    total, count = 0.0, 0
    with np.errstate(all="ignore"):
        arrays = zip(BlockPair(read(a), read(b), BLOCK), BlockPair(std, std, BLOCK), strict=True)
        for (start, stored_a, stored_b), (_, own, _) in arrays:
            left, right = element.load(stored_a), element.load(stored_b)
            gap = np.abs(left - right)
            finite = np.isfinite(gap)
            gap = np.where(finite, gap, 0.0)
            count += int(np.count_nonzero(finite))
            total += float(np.vdot(gap, gap))
            if gap.any():
                peaks.add(start, gap / scale(floor.local, start, own, np.abs(right), element))
    if not count:
        return NoiseRatio(0.0, 0.0)
    both = math.sqrt(2) * floor.raised
    swing = floor.spread.swing
    overall = math.sqrt(total / count) / (both * floor.sigma * swing)
    return NoiseRatio(overall, peaks.worst(count, swing) / both)


class _Peaks:
    """Differences in units of the noise of their own scale, gathered where they may stand out."""

    def __init__(self, local: LocalNoise) -> None:
        self._local = local
        self._largest = 0.0
        self._rows, self._columns = np.zeros(len(local.rows)), np.zeros(len(local.columns))

    def add(self, start: int, ratios: Array) -> None:
        """Add those of the elements from the flat index ``start`` on."""
        at = np.arange(start, start + ratios.size)
        squares = np.minimum(ratios, _MOST) ** 2
        self._largest = max(self._largest, float(ratios.max()))
        self._rows += np.bincount(at // self._local.row, squares, len(self._rows))
        self._columns += np.bincount(at % self._local.width, squares, len(self._columns))

    def worst(self, count: int, swing: float) -> float:
        """Return the worst of ``count`` elements, of the rows, of the columns, and of the whole."""
        found = [self._largest / _expected(count), math.sqrt(self._rows.sum() / count) / swing]
        for groups in (each for each in (self._rows, self._columns) if len(each) > 1):
            each = count / len(groups)
            found.append(math.sqrt(float(groups.max()) / each) / _expected(len(groups)))
        return max(found)


def _expected(count: int) -> float:
    """Return the approximate largest of that many normal deviates, by size; at least 1.

    Blom's formula: the mean of the largest of n is close to the quantile of 1 - 0.56 / n, here of both tails.
    """
    return max(1.0, _NORMAL.inv_cdf(1 - 0.28 / max(count, 1)))


def moved_rows(floor: NoiseFloor, a: ArrayEntry, b: ArrayEntry, read: Reader) -> tuple[MovedRow, ...]:
    """Return the rows over the last axis whose argmax moved from the reference ``b`` to ``a``.

    Only for floats with rank >= 2 and a last axis >= 2; otherwise there are none.
    """
    element = element_of(a.dtype)
    if element.kind is not Kind.FLOAT or len(a.shape) < 2 or a.shape[-1] < 2 or not math.prod(a.shape):
        return ()
    width = a.shape[-1]
    flipped = np.asarray(read(floor.spread.flipped)).reshape(-1)
    std = np.asarray(read(floor.spread.std or a)).reshape(-1)
    noise = math.sqrt(2) * floor.raised * _expected(math.prod(a.shape[:-1]))
    moved = []
    for start, left, right in _rows(read(a), read(b), element, width):
        befores, nows = right.argmax(1), left.argmax(1)
        for row in np.flatnonzero(befores != nows).tolist():
            pair = np.array([befores[row], nows[row]])
            values = right[row, pair]
            at = (start + row) * width + pair
            each = scale_at(floor.local, at, std[at], np.abs(values), element)
            with np.errstate(all="ignore"):
                margin = float((values[0] - values[1]) / (noise * np.hypot(*each)))
            # A NaN margin does not count as within the noise.
            is_benign = margin <= NOISE or bool(flipped[start + row])
            moved.append(MovedRow(start + row, int(pair[0]), int(pair[1]), margin, is_benign))
    return tuple(moved)


def is_change_benign(
    a: ArrayEntry,
    b: ArrayEntry,
    spread: MeasuredSpread | None,
    moved: Iterable[tuple[ArrayEntry, tuple[MovedRow, ...]]],
    read: Callable[[ArrayEntry], Array],
) -> bool:
    """Whether noise alone explains every change between two exact arrays (integers, booleans, strings).

    An element's change is benign if replicates of the baseline change that element too, or if it only repeats
    a benign row of one of the batch's float outputs, which are given with their moved rows: an integer that
    was and is that row's argmax, or any element of an output with one element per row.
    """
    old, new = np.asarray(read(b)).reshape(-1), np.asarray(read(a)).reshape(-1)
    changed = np.flatnonzero(old != new)
    if spread is not None and spread.lost is None and spread.flipped.shape == a.shape:
        changed = changed[~np.asarray(read(spread.flipped)).reshape(-1)[changed]]
    for entry, rows in moved:
        if math.prod(entry.shape[:-1]) != old.size:
            continue
        benign = {row.row: row for row in rows if row.is_benign}
        repeats = [
            (found := benign.get(index)) is not None
            and (
                old.dtype.kind not in "iu" or (found.before, found.now) == (int(old[index]), int(new[index]))
            )
            for index in changed.tolist()
        ]
        changed = changed[~np.array(repeats, bool)]
    return not changed.size


def _rows(a: Array, b: Array, element: Element, width: int) -> Iterator[tuple[int, Array, Array]]:
    """Yield blocks of whole rows of both arrays, cast up, with the number of the first row."""
    flat_a, flat_b = np.asarray(a).reshape(-1, width), np.asarray(b).reshape(-1, width)
    step = max(1, BLOCK // width)
    for start in range(0, len(flat_a), step):
        parts = (np.ascontiguousarray(flat[start : start + step]) for flat in (flat_a, flat_b))
        left, right = (element.load(part.reshape(-1)).reshape(-1, width) for part in parts)
        yield start, left, right
