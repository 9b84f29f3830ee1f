"""A table per value: both sides are functions of the raw value alone, and of two different ones.

Gamma curves, display windows, bit depths, palettes and bins are all of this kind, whatever their form.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers, short
from savedmodel_matrix.verdicts.diagnose.prove import distance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: A table of fewer values could be anything, and each value has to be seen several times on average.
_LEAST_VALUES, _TIMES = 8, 4
#: Each side must have at least so many values: a mask is a function of too much.
_LEAST_MADE = 4
#: How far apart elements with one raw value may be, relative to the side's largest: float32 and a few steps.
_ROUNDING = 2e-6
#: How close a curve must come to every entry of a table, relative to its range: half a level of 8 bits.
_CURVE = 0.6 / 255
#: Usual exponents: displays, sRGB's nearest, old Macintoshes, and square roots.
_GAMMAS = (2.2, 1 / 2.2, 2.4, 1 / 2.4, 1.8, 1 / 1.8, 2.0, 0.5)
_SHOWN = 3
#: Indices of the next file begin here.
_PALETTE = 256


class _Table(NamedTuple):
    """The raw values, ascending, and what a side makes of each."""

    values: Array
    made: Array


def explain(pair: Pair) -> Diagnosis | None:
    """Return that both sides map each raw value by a table, and by different ones; None otherwise.

    The tables are read off one half of the elements and hold for the other half.
    """
    if not (is_numeric(pair.train) and is_numeric(pair.serve)) or pair.train.shape != pair.serve.shape:
        return None
    train, serve = numbers(pair.train), numbers(pair.serve)
    for raw in pair.raw.values():
        for kind, values in _readings(raw):
            pair.check_time("a table per raw value")
            if values.size != train.size or values.shape != tuple(n for n in train.shape if n > 1):
                continue
            tables = [_table(values.ravel(), side.ravel()) for side in (train, serve)]
            if tables[0] is not None and tables[1] is not None:
                return _diagnosis(pair, kind, tables[0], tables[1])
    return None


def _readings(raw: Array) -> Iterator[tuple[str, Array]]:
    """Yield the raw values of each element with what they are called, without axes of one."""
    if is_numeric(raw):
        yield "value", np.squeeze(numbers(raw))
    if not is_text(raw) or raw.ndim != 1:
        return
    from PIL import Image  # noqa: PLC0415 - nothing but a diagnosis of images needs it

    images: list[Array] = []
    for data in raw:
        try:
            with Image.open(io.BytesIO(data)) as image:
                has_palette = image.mode == "P"
                # Every file has a palette of its own, and so a table.
                images.append(np.asarray(image, np.float64) + has_palette * _PALETTE * len(images))
        except (OSError, ValueError, TypeError):
            return
    if images and all(each.shape == images[0].shape for each in images):
        yield "palette index" if has_palette else "value", np.squeeze(np.stack(images))


def _table(values: Array, made: Array) -> _Table | None:
    """Return what one side makes of each raw value, if it always makes the same of one."""
    if not (np.isfinite(values).all() and np.isfinite(made).all()):
        return None
    seen, of, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(seen) < _LEAST_VALUES or len(values) < _TIMES * len(seen):
        return None
    # Read off every other element of a value, in the order of a shuffle that is the same each time.
    order = np.random.default_rng(0).permutation(len(values))
    first = np.zeros(len(values), bool)
    first[order[::2]] = True
    fitted = np.full(len(seen), np.nan)
    fitted[of[first]] = made[first]
    held = ~first & ~np.isnan(fitted[of])
    limit = _ROUNDING * max(float(np.abs(made).max()), 1e-30)
    if held.sum() < len(values) / 4 or (counts > 1).sum() < _LEAST_VALUES:
        return None
    if np.abs(made[held] - fitted[of[held]]).max() > limit or np.unique(fitted).size < _LEAST_MADE:
        return None
    known = ~np.isnan(fitted)
    return _Table(seen[known], fitted[known])


def _diagnosis(pair: Pair, kind: str, train: _Table, serve: _Table) -> Diagnosis:
    before = distance(pair.train, pair.serve)
    one, other = _curve(train, kind), _curve(serve, kind)
    known, at, also = np.intersect1d(train.values, serve.values, return_indices=True)
    apart = np.argsort(-np.abs(train.made[at] - serve.made[also]), kind="stable")[:_SHOWN]
    named = known % _PALETTE if kind.startswith("palette") else known
    shown = ", ".join(
        f"{short(named[i])} becomes {short(train.made[at][i])} and {short(serve.made[also][i])}"
        for i in sorted(apart)
    )
    return Diagnosis(
        id="value-table",
        title=f"each {kind} of the raw input by {one} in training, by {other} in serving",
        train=one,
        serve=other,
        mends=f"in serving, map each {kind} like training: by {one}",
        before=before.relative,
        residual=0.0,
        max_abs_before=before.largest,
        max_abs_after=0.0,
        steps=("value-table",),
        proof=f"read off one half of the elements, both tables of {len(known)} values hold for the other "
        f"half; in training and serving, {shown}",
    )


def _curve(table: _Table, kind: str) -> str:
    """Return the form of a table in words."""
    values, made = table
    if np.array_equal(values % _PALETTE if kind.startswith("palette") else values, made):
        return f"the {kind} itself"
    if kind.startswith("palette"):
        return "the colours of each file's palette"
    low, high = float(made.min()), float(made.max())
    limit = _CURVE * (high - low)
    inside = (made > low) & (made < high)
    if inside.sum() >= _LEAST_MADE:
        slope, offset = np.polyfit(values[inside], made[inside], 1)
        if slope > 0 and np.abs(np.clip(slope * values + offset, low, high) - made).max() <= limit:
            ends = (low - offset) / slope, (high - offset) / slope
            clipped = values.min() < ends[0] - 1 or values.max() > ends[1] + 1
            span = f"{short(ends[0])}..{short(ends[1])} to {short(low)}..{short(high)}"
            return f"a window: {span}, clipped" if clipped else f"a line: {span}"
    largest = next((top for top in (1.0, 255.0, 4095.0, 65535.0) if values.max() <= top), values.max())
    scale = next((top for top in (1.0, 255.0, 65535.0) if high <= top * (1 + _ROUNDING)), high)
    if values.min() >= 0 and low >= 0:
        for gamma in _GAMMAS:
            if np.abs(scale * (values / largest) ** gamma - made).max() <= _CURVE * scale:
                return f"a gamma curve of {gamma:.3g}"
    return f"a table of {np.unique(made).size} values"
