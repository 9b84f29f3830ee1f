"""Time zone differences: in epochs, in hours of the day, and in the sine and cosine of hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NAMED_CONSTANTS,
    Fix,
    is_integer,
    is_numeric,
    numbers,
    on_serve,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Epochs from 1990 to 2100, in each unit.
_UNITS = (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9))
_SINCE, _UNTIL = 631_152_000, 4_102_444_800
_QUARTER = 900  # seconds; no time zone is finer
#: Fewer times may agree in some time zone by chance.
_LEAST = 8
#: Hours between the first and last time zones, UTC-12 and UTC+14.
_MOST_HOURS = 26


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield shifts by a time zone."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape or train.size < _LEAST:
        return
    yield from _epochs(pair)
    yield from _hours(pair)
    yield from _circles(pair)


def _fix(hours: float, what: str, change: object, cost: float = NAMED_CONSTANTS - 0.2) -> Fix:
    assert callable(change)  # noqa: S101
    ahead, behind = ("training", "serving") if hours > 0 else ("serving", "training")
    return Fix(
        id="timezone",
        title=f"{what} in two time zones: {ahead}'s clock is {abs(hours):g} hours ahead of {behind}'s",
        train=f"{hours:+g} hours relative to serving's clock",
        serve="a different time zone, such as UTC instead of local time",
        mends=f"in serving, convert to training's time zone ({hours:+g} hours) before computing {what}",
        apply=on_serve(change),
        cost=cost,
    )


def _epochs(pair: Pair) -> Iterator[Fix]:
    if not (is_integer(pair.train) and is_integer(pair.serve)) and pair.train.dtype != np.float64:
        return
    exact = np.int64 if is_integer(pair.train) else np.float64
    gap = pair.train.astype(exact).ravel()[0] - pair.serve.astype(exact).ravel()[0]
    middle = float(np.median(numbers(pair.train)))
    for unit, per_second in _UNITS:
        step = _QUARTER * per_second
        if gap and _SINCE * per_second <= middle <= _UNTIL * per_second and gap % step == 0:
            hours = float(gap) / (3600 * per_second)
            if (
                abs(hours) <= _MOST_HOURS
                and (pair.train.astype(exact) - pair.serve.astype(exact) == gap).all()
            ):
                yield _fix(hours, f"epochs in {unit}", lambda x: x.astype(exact) + gap)


def _hours(pair: Pair) -> Iterator[Fix]:
    t, s = numbers(pair.train), numbers(pair.serve)
    both = np.stack([t, s])
    if (
        not np.isfinite(both).all()
        or both.min() < 0
        or both.max() >= 24
        or np.unique(s).size < 5
        or (both % 1).any()
    ):
        return
    # Without a value that wraps around, it could be any offset.
    gap = int(np.round(np.median((t - s) % 24)))
    if gap and both.max() > 12 and np.unique(t - s).size == 2:
        hours = gap if gap <= 12 else gap - 24
        yield _fix(hours, "hours of the day", lambda x: (numbers(x) + gap) % 24)


def _circles(pair: Pair) -> Iterator[Fix]:
    """Yield rotations of (sine, cosine) pairs of columns by whole hours of 24."""
    t, s = numbers(pair.train), numbers(pair.serve)
    if t.ndim != 2 or t.shape[1] != 2 or len(t) < _LEAST:
        return
    if any(np.abs(np.square(each).sum(axis=1) - 1).max() > 1e-3 for each in (t, s)):
        return
    if not (np.isfinite(t).all() and np.isfinite(s).all()):
        return
    angle = np.arctan2(t[:, 0], t[:, 1]) - np.arctan2(s[:, 0], s[:, 1])
    quarters = float(np.median(angle % (2 * np.pi))) / (2 * np.pi) * 96
    gap = round(quarters) / 4
    if abs(quarters - round(quarters)) > 1e-2 or gap in (0.0, 24.0):
        return
    turn = 2 * np.pi * gap / 24

    def rotate(x: Array) -> Array:
        sine, cosine = numbers(x).T
        return np.stack(
            [sine * np.cos(turn) + cosine * np.sin(turn), cosine * np.cos(turn) - sine * np.sin(turn)], axis=1
        )

    yield _fix(gap if gap <= 12 else gap - 24, "hours as sine and cosine", rotate, NAMED_CONSTANTS - 0.3)
