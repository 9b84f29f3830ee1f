"""Measures how far apart two arrays are, and decides when they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import ml_dtypes
import numpy as np

from savedmodel_matrix.verdicts.diagnose.eight_bits import within
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array, Fix, Pair

#: How many roundings a pipeline of a few operations may be off by; both sides contribute.
ROUNDINGS = 16
#: Each column has its own limit, because a column of thousands would hide one of tenths. An array with more
#: columns than this holds pixels or samples, which share a unit.
_MOST_COLUMNS = 4096
#: For sounds at two sample rates, equal numbers of samples have only part of their time in common.
_LEAST_PART = 1 / 8
#: The widest tables that are compared column by column.
_FEW_COLUMNS = 64
#: How many rows of two columns are compared before all of them.
_SAMPLE = 5_000
#: From this correlation on, two columns may lie on a line; only a fit that agrees is a proof.
_LINE = 0.99
#: A correction must remove most of the difference, even if its limit is wide.
_LEFT = 0.25
#: Of more elements than the first number, so many are looked at before all.
_LARGE, _LOOKED_AT = 20_000, 500


class Distance(NamedTuple):
    """Relative L2 distance from training, and the largest difference; see Diagnosis."""

    relative: float
    largest: float


def distance(train: Array, serve: Array) -> Distance:
    """Return the distance of serving from training."""
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
    """Whether two arrays are the same up to rounding.

    Elements may differ by ``slack`` plus 16 roundings of the coarser type (at least float32, which models
    usually get), relative to the largest number in their column of the last axis or to ``scale`` if that is
    larger. NaN agrees with NaN, and an infinity with itself. Strings agree if they are equal.
    """
    if train.shape != serve.shape or is_text(train) != is_text(serve):
        return False
    if is_text(train):
        return bool(np.array_equal(train, serve))
    if not (is_numeric(train) and is_numeric(serve)):
        return False
    a, b = numbers(train), numbers(serve)
    with np.errstate(invalid="ignore", over="ignore"):
        if a.size > _LARGE and not _may_agree(a, b, max(_rounding(train), _rounding(serve)), scale, slack):
            return False
        gap = np.where(_same(a, b), 0.0, np.abs(a - b))
        return bool(np.all(gap <= tolerance(train, serve, scale) + slack))


def _may_agree(a: Array, b: Array, rounding: float, scale: float | Array, slack: float) -> bool:
    """Whether a few elements agree within the widest limit of any: most attempts fail at the first look."""
    step = a.size // _LOOKED_AT
    one, other = a.ravel()[::step], b.ravel()[::step]
    sizes = [max(float(np.max(each, initial=0.0)), -float(np.min(each, initial=0.0))) for each in (a, b)]
    largest = max(*sizes, float(np.max(scale)))
    if not np.isfinite(largest):
        return True
    return bool(np.all(_same(one, other) | (np.abs(one - other) <= ROUNDINGS * rounding * largest + slack)))


def is_same(train: Array, serve: Array) -> bool:
    """Whether there is nothing to explain: the two agree as float32, even if their type is narrower."""
    if is_numeric(train) and is_numeric(serve):
        return agree(numbers(train), numbers(serve))
    return agree(train, serve)


def tolerance(train: Array, serve: Array, scale: float | Array = 0.0) -> Array:
    """Return how far apart rounding may put elements; it broadcasts against the arrays."""
    sizes = np.maximum(_sizes(train), _sizes(serve))
    found: Array = ROUNDINGS * max(_rounding(train), _rounding(serve)) * np.maximum(sizes, scale)
    return found


def is_proven(fix: Fix, pair: Pair, before: Distance) -> Distance | None:
    """Return the difference that remains after the correction, or None if the two do not agree."""
    applied = applied_to(fix, pair)
    if applied is None:
        return None
    train, serve = applied
    # Arrays of one value agree with too much, and so do the remains of a crop to almost nothing.
    if train.size < _LEAST_PART * min(pair.train.size, pair.serve.size) or not _says_something(train):
        return None
    if before.relative < fix.least:
        return None
    if not agree(train, serve, fix.scale, fix.slack) and not (fix.levels and within(train, serve)):
        return None
    after = distance(train, serve)
    return after if after.relative <= _LEFT * before.relative else None


def applied_to(fix: Fix, pair: Pair) -> tuple[Array, Array] | None:
    """Return both sides after the correction, or None if it cannot be applied."""
    try:
        with np.errstate(all="ignore"):
            return fix.apply(pair.train, pair.serve)
    except (ValueError, OverflowError, IndexError):
        return None


def follows(train: Array, serve: Array) -> float:
    """Return how linear the relation between the sides is, column by column: the median |r|.

    It is computed on a sample of rows. A column without two finite, different values does not count. If none
    counts, the result is zero.
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
    """Whether one side may be a linear function of the other, by column or by sample."""
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
    """Whether there is more than one value: a constant agrees with too much."""
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
    """Return half a unit in the last place of 1 in the array's type, or in float32 if that is coarser."""
    least = float(np.finfo(np.float32).eps)
    if array.dtype == ml_dtypes.bfloat16:
        return float(ml_dtypes.finfo(ml_dtypes.bfloat16).eps) / 2
    return max(least, float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0) / 2
