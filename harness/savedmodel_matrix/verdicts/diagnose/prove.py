"""How far two arrays are apart, and when they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import ml_dtypes
import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array, Fix, Pair

#: Rounding steps that a pipeline of a few operations may be off by; both sides make some.
ROUNDINGS = 16
#: Columns have a bar each, since one of thousands beside one of tenths would hide it. An array with more
#: columns than this holds pixels or samples, which share a unit.
_MOST_COLUMNS = 4096
#: Of sounds at two sample rates, as many samples of each have only some time in common.
_LEAST_PART = 1 / 8
#: Tables up to this wide are held against each other column by column.
_FEW_COLUMNS = 64
#: Rows of which columns are held against each other before they are all looked at.
_SAMPLE = 5_000
#: Correlation from which two columns may lie on a line; only what is then fitted and agrees is proven.
_LINE = 0.99
#: A correction must take away nearly all of the difference, also where its bar is wide.
_LEFT = 0.25


class Distance(NamedTuple):
    """Relative L2 against training, and the largest difference; see Diagnosis."""

    relative: float
    largest: float


def distance(train: Array, serve: Array) -> Distance:
    """Return how far serving is from training."""
    if is_text(train) or is_text(serve):
        if train.shape != serve.shape or not (is_text(train) and is_text(serve)):
            return Distance(1.0, 1.0)
        return Distance(float(np.mean(train != serve)) if train.size else 0.0, float(np.any(train != serve)))
    a = numbers(train)
    if train.shape != serve.shape or (train.dtype.kind == "c") != (serve.dtype.kind == "c"):
        finite = np.abs(a[np.isfinite(a)])
        return Distance(1.0, float(finite.max(initial=0.0)))
    b = numbers(serve)
    with np.errstate(all="ignore"):
        gap = np.where(
            _same(a, b), 0.0, np.nan_to_num(a, posinf=0, neginf=0) - np.nan_to_num(b, posinf=0, neginf=0)
        )
        norm = float(np.linalg.norm(np.nan_to_num(a, posinf=0, neginf=0)))
        size = float(np.linalg.norm(gap))
    return Distance(size / norm if norm else float(size > 0), float(np.abs(gap).max(initial=0.0)))


def agree(train: Array, serve: Array, scale: float | Array = 0.0, slack: float = 0.0) -> bool:
    """Whether two arrays are the same but for rounding.

    Elements may be apart by ``slack``, and by 16 roundings of the coarser type (float32 at least, for that is
    what models are fed) of the largest number in their column of the last axis, or of ``scale`` where that
    is larger. NaN agrees with NaN, infinities with themselves. Strings agree where they are equal.
    """
    if train.shape != serve.shape or is_text(train) != is_text(serve):
        return False
    if is_text(train):
        return bool(np.array_equal(train, serve))
    if not (is_numeric(train) and is_numeric(serve)):
        return False
    a, b = numbers(train), numbers(serve)
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.where(_same(a, b), 0.0, np.abs(a - b))
        return bool(np.all(gap <= tolerance(train, serve, scale) + slack))


def is_same(train: Array, serve: Array) -> bool:
    """Whether there is nothing to explain: the two agree as float32, whatever narrower type they have."""
    if is_numeric(train) and is_numeric(serve):
        return agree(numbers(train), numbers(serve))
    return agree(train, serve)


def tolerance(train: Array, serve: Array, scale: float | Array = 0.0) -> Array:
    """Return how far rounding may put elements apart; it broadcasts against the arrays."""
    sizes = np.maximum(_sizes(train), _sizes(serve))
    found: Array = ROUNDINGS * max(_rounding(train), _rounding(serve)) * np.maximum(sizes, scale)
    return found


def is_proven(fix: Fix, pair: Pair, before: Distance) -> Distance | None:
    """Return what is left of the difference after the correction, or None where the two do not agree."""
    applied = applied_to(fix, pair)
    if applied is None:
        return None
    train, serve = applied
    # Arrays of one value agree with too much, and so would what is left after a crop to nothing.
    if train.size < _LEAST_PART * min(pair.train.size, pair.serve.size) or not _says_something(train):
        return None
    if before.relative < fix.least or not agree(train, serve, fix.scale, fix.slack):
        return None
    after = distance(train, serve)
    return after if after.relative <= _LEFT * before.relative else None


def applied_to(fix: Fix, pair: Pair) -> tuple[Array, Array] | None:
    """Return both sides after the correction, or None where it cannot be applied."""
    try:
        with np.errstate(all="ignore"):
            return fix.apply(pair.train, pair.serve)
    except (ValueError, OverflowError, IndexError):
        return None


def follows(train: Array, serve: Array) -> float:
    """Return how closely one side follows the other in a straight line, column by column: the median |r|.

    Of a sample of rows; a column without two finite, different values does not count. Zero where none does.
    """
    columns = train.shape[-1] if train.ndim > 1 and train.shape[-1] <= _FEW_COLUMNS else 1
    a, b = (
        numbers(each).reshape(-1, columns)[:: max(train.size // columns // _SAMPLE, 1)]
        for each in (train, serve)
    )
    known = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    if known.sum() < 3:
        return 0.0
    a, b = (each[known] - each[known].mean(axis=0) for each in (a, b))
    sizes = np.sqrt(np.square(a).sum(axis=0) * np.square(b).sum(axis=0))
    found = np.abs((a * b).sum(axis=0))[sizes > 0] / sizes[sizes > 0]
    return float(np.median(found)) if found.size else 0.0


def may_be_lines(train: Array, serve: Array) -> bool:
    """Whether one side can be a straight line of the other, by column or by sample."""
    if follows(train, serve) > _LINE:
        return True
    first = (
        [follows(a.ravel(), b.ravel()) for a, b in zip(train[:4], serve[:4], strict=False)]
        if train.ndim > 1
        else [0.0]
    )
    return min(first, default=0.0) > _LINE or (
        train.ndim > 2 and follows(np.moveaxis(train, 1, -1), np.moveaxis(serve, 1, -1)) > _LINE
    )


def _says_something(train: Array) -> bool:
    """Whether there is more than one value: what is constant agrees with too much."""
    if is_text(train):
        return train.size > 0
    return _has_values(train)


def _has_values(array: Array) -> bool:
    x = numbers(array).ravel()
    x = x[np.isfinite(x)]
    return bool(x.size and x.min() < x.max())


def _same(a: Array, b: Array) -> Array:
    found: Array = (a == b) | (np.isnan(a) & np.isnan(b))
    return found


def _sizes(array: Array) -> Array:
    values = np.abs(numbers(array))
    values = np.where(np.isfinite(values), values, 0.0)
    by_column = array.ndim > 1 and 1 < array.shape[-1] <= _MOST_COLUMNS
    axes = tuple(range(array.ndim - 1)) if by_column else None
    found: Array = values.max(axis=axes, keepdims=True, initial=0.0)
    return found if by_column else found.reshape(())


def _rounding(array: Array) -> float:
    """Return half a unit in the last place of one, of the array's type but at least of float32."""
    least = float(np.finfo(np.float32).eps)
    if array.dtype == ml_dtypes.bfloat16:
        return float(ml_dtypes.finfo(ml_dtypes.bfloat16).eps) / 2
    return max(least, float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0) / 2
