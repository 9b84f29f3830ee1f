"""Sequences: the end at which they are padded, and shifted or cut windows of the same signal or image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    FITTED,
    NAMED_CONSTANTS,
    NOTHING_FITTED,
    Fix,
    is_numeric,
    numbers,
    on_serve,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Steps. Slips of padding or framing are smaller; most signals have some larger shift that fits a little by
#: chance.
_MOST_SHIFT = 64
#: Fewer columns are no sequence. Steps of one vary as much as all of it; features, of their own place and
#: size, vary less than this share of that.
_LEAST_STEPS, _OWN = 3, 0.5


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield padding sides, reversed sequences, and images or signals shifted by whole steps."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape or train.ndim < 2:
        return
    if train.shape[1] > 1 and train.ndim <= 3:
        yield from _padding(pair)
    if train.shape[1] > 1 and train.ndim <= 3 and not _are_features(train):
        yield Fix(
            id="reversed-sequence",
            title="sequences run forwards in training, backwards in serving",
            train="forwards",
            serve="backwards",
            mends="in serving, reverse axis 1",
            apply=on_serve(lambda array: np.flip(array, axis=1)),
            cost=NOTHING_FITTED + 0.2,
        )
    yield from _shifted(pair)


def _are_features(array: Array) -> bool:
    """Whether the columns of a table have places and sizes of their own, as steps of a sequence have not."""
    if array.ndim != 2:
        return False
    x = numbers(array)
    whole = float(x.std())
    return bool(array.shape[1] < _LEAST_STEPS or np.median(x.std(axis=0)) < _OWN * whole)


def _padding(pair: Pair) -> Iterator[Fix]:
    padding = _padding_of(pair.serve)
    if padding is None:
        return
    value, at_end = padding
    ends = ("before", "after") if at_end else ("after", "before")
    yield Fix(
        id="padding-side",
        title=f"padding {ends[0]} the sequence in training, {ends[1]} it in serving",
        train=f"padded {ends[0]} (with {value:g})",
        serve=f"padded {ends[1]} (with {value:g})",
        mends=f"in serving, pad {ends[0]} the sequence",
        apply=on_serve(lambda array: _moved(array, value, to_start=not at_end)),
        cost=NOTHING_FITTED + 0.1,
    )


def _padding_of(array: Array) -> tuple[float, bool] | None:
    """Return the padding value of sequences, and whether it is at the end; None if none is padded."""
    rows = numbers(array).reshape(*array.shape[:2], -1)
    for at_end in (True, False):
        edge = rows[:, -1 if at_end else 0]
        values, counts = np.unique(edge, return_counts=True)
        value = values[counts.argmax()] if values.size else np.nan
        if np.isfinite(value) and (edge == value).all(axis=1).mean() >= 0.25:
            return float(value), at_end
    return None


def _moved(array: Array, value: float, *, to_start: bool) -> Array:
    out = np.full_like(array, value)
    for index, row in enumerate(array):
        padded = (row.reshape(len(row), -1) == value).all(axis=1)
        inner = row[: len(row) - _run(padded[::-1])] if not to_start else row[_run(padded) :]
        if to_start:
            out[index, : len(inner)] = inner
        else:
            out[index, len(row) - len(inner) :] = inner
    return out


def _run(flags: Array) -> int:
    return len(flags) if flags.all() else int((~flags).argmax())


def _shifted(pair: Pair) -> Iterator[Fix]:
    train, serve = numbers(pair.train), numbers(pair.serve)
    axes = _axes(train.shape)
    if not axes or not (np.isfinite(train).all() and np.isfinite(serve).all()):
        return
    steps = _shift(train, serve, axes)
    if steps is None or not any(steps):
        return
    images = len(axes) == 2
    words = " and ".join(
        f"{abs(step)} along axis {axis}" for axis, step in zip(axes, steps, strict=True) if step
    )

    def overlap(a: Array, b: Array) -> tuple[Array, Array]:
        for axis, step in zip(axes, steps, strict=True):
            size = a.shape[axis]
            first, second = (
                (slice(step, size), slice(0, size - step))
                if step > 0
                else (slice(0, size + step), slice(-step, size))
            )
            at: list[slice] = [slice(None)] * a.ndim
            at[axis] = first
            a = a[tuple(at)]
            at[axis] = second
            b = b[tuple(at)]
        return a, b

    yield Fix(
        id="crop" if images else "shifted-window",
        title=f"serving's {'crop' if images else 'window'} starts at a different place, shifted by {words}",
        train="one place" if not images else "one crop",
        serve=f"the same content, shifted by {words}",
        mends="in serving, start the crop where training does (at the centre or a corner)",
        apply=overlap,
        cost=NAMED_CONSTANTS + 0.3 if images else FITTED,
        opens=True,
    )


def _axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 4:
        return (1, 2) if shape[-1] in (1, 3, 4) else (2, 3)
    if len(shape) == 3 and shape[-1] in (1, 3, 4):
        return (0, 1)
    return (1,) if shape[1] >= 16 else ()


def _shift(train: Array, serve: Array, axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return by how many steps serving is later, per axis, from the peak of the phase correlation."""
    others = tuple(axis for axis in range(train.ndim) if axis not in axes)
    a, b = (each - each.mean() for each in (train, serve))
    spectrum = np.fft.fftn(a, axes=axes) * np.conj(np.fft.fftn(b, axes=axes))
    with np.errstate(all="ignore"):
        spectrum = np.nan_to_num(spectrum / np.abs(spectrum))
    correlation = np.real(np.fft.ifftn(spectrum, axes=axes)).sum(axis=others)
    peak = np.unravel_index(int(correlation.argmax()), correlation.shape)
    steps = tuple(
        int(at) if at <= size // 2 else int(at) - size
        for at, size in zip(peak, correlation.shape, strict=True)
    )
    return steps if all(abs(step) <= _MOST_SHIFT for step in steps) else None
