"""Checks for values that are scaled or normalised twice, or not at all.

The judge uses the model's own constants: a model subtracts the mean and divides by the deviation it expects.
Nothing is reported for few values, for constant columns, and for whole numbers that stand for fractions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.domain.expected_inputs import Confidence, Finding, StepKind

if TYPE_CHECKING:
    from savedmodel_matrix.domain.expected_inputs import InputExpectation, Step

Array = np.ndarray[Any, np.dtype[Any]]

#: With fewer values a tensor could be anything.
_FEWEST_VALUES = 64
_FEWEST_ROWS = 8
_FEWEST_LEVELS = 16
#: If there are more rows than this, only every n-th is used.
_MOST_ROWS = 200_000
#: What pixels are divided by: 255 or 256, or half of that.
_PIXEL_DIVISORS = (255.0, 256.0, 127.5, 128.0)
#: Values that fill less of 0..1 than this may be a dark picture.
_SPREAD = 0.3
#: The fraction of columns that have to agree.
_MOST = 0.8


@dataclass(frozen=True)
class _Columns:
    """Values as the model's arithmetic sees them, and the mean and deviation that it removes.

    ``values`` is float64 [rows, columns], ``mean`` and ``deviation`` float64 [columns].
    """

    values: Array
    mean: Array
    deviation: Array


def judge_values(expected: InputExpectation, tensor: Array) -> Finding | None:
    """Return the conflict between a tensor's numbers and the model's own scaling, if there is one."""
    columns = _columns(expected, tensor)
    if columns is None:
        return None
    values = columns.values
    enough = values.size >= _FEWEST_VALUES and len(values) >= _FEWEST_ROWS
    if not enough or not np.isfinite(values).all() or len(np.unique(values)) < _FEWEST_LEVELS:
        return None
    if _takes_pixels(columns):
        return _pixels(expected, values)
    if expected.layout and _takes_fractions(columns) and values.min() >= 0 and np.median(values) > 10:
        said = f"go up to {values.max():.4g}, not 1"
        return _said("scaling-missing", expected, said, values, columns)
    return _statistics(expected, columns)


def _pixels(expected: InputExpectation, values: Array) -> Finding | None:
    """Judge values for a model that divides pixels by 255 or the like."""
    low, high, mean = float(values.min()), float(values.max()), float(values.mean())
    if bool((values == np.round(values)).all()) or high - low < _SPREAD:
        return None
    if low >= -1 and high <= 1:
        return _said("scaled-twice", expected, f"are already within {low:.4g}..{high:.4g}", values)
    if low < -0.5 and high < 10 and -5 < mean < 5:
        return _said("normalised-twice", expected, "are already normalised", values)
    return None


def _statistics(expected: InputExpectation, columns: _Columns) -> Finding | None:
    """Judge values for a model that normalises by means and deviations."""
    told = _telling(columns)
    if told is None:
        return None
    values = told.values
    fractions = (values != np.round(values)).any(axis=0)
    after = (values - told.mean) / told.deviation
    displaced = np.abs(after.mean(axis=0)) > 5
    width = after.std(axis=0)
    largest, square = np.abs(values).max(axis=0), np.square(values).mean(axis=0)
    low, high = values.min(), values.max()
    scaled = fractions & (largest <= 1) & (np.ptp(values, axis=0) > _SPREAD)
    if (scaled & (displaced | (width < 0.05))).mean() >= _MOST:
        said = f"are already within {low:.4g}..{high:.4g}"
        return _said("scaled-before-normalising", expected, said, values, told)
    below = np.array([_below_zero(*pair) for pair in zip(told.mean, told.deviation, strict=True)])
    wrong_sign = ((values < 0).mean(axis=0) > 0.2) & (below < 0.05)
    normal = fractions & (values.std(axis=0) > 0.2) & (square > 0.2) & (square < 4) & (largest < 30)
    if (normal & (displaced | (width < 0.1) | (width > 5) | wrong_sign)).mean() >= _MOST:
        return _said("normalised-twice", expected, "are already normalised", values, told)
    return None


def _columns(expected: InputExpectation, tensor: Array) -> _Columns | None:
    """Return the values in the columns of the model's constants; None if these are unknown."""
    affine = next((each for each in expected.steps if each.kind is StepKind.AFFINE), None)
    if affine is None or not tensor.size or 0.0 in affine.scale:
        return None
    seen: Array | None = tensor
    for step in expected.steps[: expected.steps.index(affine)]:
        seen = _after(step, seen)
        if seen is None:
            return None
    assert seen is not None  # noqa: S101 - for the type checker: the loop returns on None
    scale, offset = np.broadcast_arrays(affine.scale, affine.offset)
    if len(scale) > 1 and (not seen.ndim or seen.shape[-1] != len(scale)):
        return None
    values = seen.reshape(-1, len(scale))
    values = values[:: max(1, math.ceil(len(values) / _MOST_ROWS))].astype(np.float64)
    return _Columns(values, -offset / scale, 1 / scale)


def _after(step: Step, values: Array | None) -> Array | None:
    """Return the values after a step that only moves them; None after one that changes them."""
    if values is None:
        return None
    if step.kind in {StepKind.CAST, StepKind.RESIZE, StepKind.CROP}:
        return values
    axes = [int(axis) for axis in step.method.split(", ")] if step.method else []
    if step.kind is StepKind.TRANSPOSE and sorted(axes) == list(range(values.ndim)):
        return values.transpose(axes)
    if step.kind is StepKind.REVERSE and axes in ([-1], [values.ndim - 1]):
        return values[..., ::-1]
    return None


def _takes_pixels(columns: _Columns) -> bool:
    one = len(columns.mean) == 1
    return one and any(
        math.isclose(columns.deviation[0], divisor, rel_tol=1e-3)
        and min(abs(columns.mean[0]), abs(columns.mean[0] - divisor)) < 1.5
        for divisor in _PIXEL_DIVISORS
    )


def _takes_fractions(columns: _Columns) -> bool:
    mean, deviation = columns.mean, columns.deviation
    return bool(((mean > 0.1) & (mean < 0.9) & (deviation > 0.05) & (deviation < 0.7)).all())


def _telling(columns: _Columns) -> _Columns | None:
    """Return the columns whose statistics differ from those of values that are already normalised."""
    wide = np.abs(columns.deviation)
    told = (np.abs(columns.mean) > 3) | (wide > 3) | (wide < 1 / 3)
    # A factor without an offset is not a statistic, so it says nothing about the expected values.
    if not told.any() or not columns.mean.any():
        return None
    return _Columns(columns.values[:, told], columns.mean[told], wide[told])


def _below_zero(mean: float, deviation: float) -> float:
    """Return the fraction of a normal distribution below zero."""
    return 0.5 * math.erfc(mean / deviation / math.sqrt(2))


def _said(
    name: str, expected: InputExpectation, said: str, values: Array, columns: _Columns | None = None
) -> Finding:
    affine = next(each for each in expected.steps if each.kind is StepKind.AFFINE)
    layer = f" in {affine.layer}" if affine.layer else ""
    evidence: dict[str, float | str] = {
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "mean": float(values.mean()),
        "deviation": float(values.std()),
    }
    if columns is not None:
        evidence["expected_mean"] = float(columns.mean.mean())
        evidence["expected_deviation"] = float(columns.deviation.mean())
    sentence = (
        f"{expected.name}: the model computes {affine.said}{layer} itself, but the values {said} "
        f"(mean {evidence['mean']:.3g}, standard deviation {evidence['deviation']:.3g})"
    )
    return Finding(name, expected.name, sentence, Confidence.LIKELY, evidence)
