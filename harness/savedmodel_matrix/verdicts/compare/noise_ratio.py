"""Compares differences with a noise floor, block by block.

Everything here follows measurements on real models: a benign change of environment has a ratio of about 1,
a real change has tens to thousands (``docs/verdicts.md``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.noise_floor import MovedRow, NoiseFloor, NoiseRatio
from savedmodel_matrix.domain.thresholds import NOISE
from savedmodel_matrix.verdicts.compare.blocks import BLOCK, BlockPair
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.noise_floor import MeasuredSpread
    from savedmodel_matrix.verdicts.compare.elements import Array, Element
    from savedmodel_matrix.verdicts.compare.metrics import Reader

#: A last axis longer than this is a signal rather than a set of columns (classes, channels, bins).
_MOST_COLUMNS = 65536
#: If one unit in the last place of the input becomes more than this many in the output, it is no longer
#: rounding: it went through a Round, a Cast, a comparison, or a difference of nearly equal numbers.
_JUMP_ULP = 8192.0


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
    width = _columns(spread.base.shape)
    squares, variances = np.zeros(width), np.zeros(width)
    for start, stored, std in BlockPair(read(spread.base), read(spread.std), BLOCK):
        at = _column_of(start, std.size, width)
        values = np.abs(element.load(stored))
        squares += np.bincount(at, np.where(np.isfinite(values), values, 0.0) ** 2, width)
        variances += np.bincount(at, std * std, width)
    rows = math.prod(spread.base.shape) / width
    column_rms = np.sqrt(squares / rows)
    rms = float(np.sqrt(squares.sum() / (rows * width)))
    sigma = float(np.sqrt(variances.sum() / (rows * width)))
    limits = _JUMP_ULP * np.maximum(_ulp(column_rms, element), _ulp(np.array([rms]), element) / _JUMP_ULP)
    jumps = 0
    stds = read(spread.std)
    for start, std, _ in BlockPair(stds, stds, BLOCK):
        jumps += int(np.count_nonzero(std > limits[_column_of(start, std.size, width)]))
    return NoiseFloor(
        spread=spread,
        sigma=max(sigma, float(_ulp(np.array([rms]), element)[0]) / 2),
        rms=rms,
        columns=tuple(np.sqrt(variances / rows).tolist()),
        jumps=jumps,
    )


def noise_ratio(floor: NoiseFloor, a: ArrayEntry, b: ArrayEntry, read: Reader) -> NoiseRatio:
    """Return the difference of two arrays, of the floor's type and shape, as a multiple of the floor.

    Elements that are not finite on both sides are left out: they are a separate mismatch.
    """
    if a == b:
        return NoiseRatio(0.0, 0.0)
    element = element_of(a.dtype)
    columns = np.array(floor.columns)
    std = read(floor.spread.std or a)
    total, worst, count = 0.0, 0.0, 0
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
                scale = _scale(own, columns, start, np.abs(right), element)
                worst = max(worst, float((gap / scale).max()))
    if not count:
        return NoiseRatio(0.0, 0.0)
    both = math.sqrt(2) * floor.raised
    overall = math.sqrt(total / count) / (both * floor.sigma)
    return NoiseRatio(overall, worst / both / math.sqrt(2 * math.log(max(count, 3))))


def moved_rows(floor: NoiseFloor, a: ArrayEntry, b: ArrayEntry, read: Reader) -> tuple[MovedRow, ...]:
    """Return the rows over the last axis whose argmax moved from the reference ``b`` to ``a``.

    Only for floats with rank >= 2 and a last axis >= 2; otherwise there are none.
    """
    element = element_of(a.dtype)
    if element.kind is not Kind.FLOAT or len(a.shape) < 2 or a.shape[-1] < 2 or not math.prod(a.shape):
        return ()
    width = a.shape[-1]
    columns = np.array(floor.columns)
    flipped = np.asarray(read(floor.spread.flipped)).reshape(-1)
    std = np.asarray(read(floor.spread.std or a)).reshape(-1)
    noise = math.sqrt(2) * floor.raised * math.sqrt(2 * math.log(max(math.prod(a.shape[:-1]), 3)))
    moved = []
    for start, left, right in _rows(read(a), read(b), element, width):
        befores, nows = right.argmax(1), left.argmax(1)
        for row in np.flatnonzero(befores != nows).tolist():
            pair = np.array([befores[row], nows[row]])
            values = right[row, pair]
            scale = np.maximum(std[(start + row) * width + pair], _ulp(np.abs(values), element) / 2)
            if len(columns) == width:
                scale = np.maximum(scale, columns[pair])
            with np.errstate(all="ignore"):
                margin = float((values[0] - values[1]) / (noise * np.hypot(*scale)))
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


def _columns(shape: tuple[int, ...]) -> int:
    """Return the number of columns of a floor: the last axis, or 1 if there are no rows."""
    return shape[-1] if len(shape) > 1 and 1 < shape[-1] <= _MOST_COLUMNS else 1


def _column_of(start: int, size: int, width: int) -> Array:
    if width == 1:
        return np.zeros(size, np.intp)
    return np.arange(start, start + size, dtype=np.intp) % width


def _scale(own: Array, columns: Array, start: int, moduli: Array, element: Element) -> Array:
    """Return the noise of each element: its own, its column's, or half a unit in its last place."""
    column = columns[_column_of(start, own.size, len(columns))]
    return np.maximum(np.maximum(own, column), _ulp(moduli, element) / 2)


def _ulp(moduli: Array, element: Element) -> Array:
    """Return one unit in the last place of non-negative numbers, in the element's own type."""
    exponents = np.frexp(np.where(np.isfinite(moduli), moduli, 0.0))[1] - 1
    units: Array = np.ldexp(1.0, np.maximum(exponents, element.least_exponent) - element.mantissa_bits)
    return units
