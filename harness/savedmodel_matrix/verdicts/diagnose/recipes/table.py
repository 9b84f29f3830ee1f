"""Numbers from raw numbers of the same table, from longer sequences, or from strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.rounding import MODES
from savedmodel_matrix.verdicts.diagnose.corrections.statistics import scalings
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.prove import agree
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Usual factors before rounding to whole numbers: levels, percent, tenths, int8.
_FACTORS = (1.0, 255.0, 1 / 255, 100.0, 10.0, 127.0)
#: Channels of sounds and sensors; more are features.
_MOST_CHANNELS = 8
#: Statistics computed in float32 differ by only a few of its roundings (2**-24 each); the wider limit of
#: other recipes would hide them.
_FEW_ROUNDINGS = 6 * 2.0**-24


def recipes(side: Array, raw: Array) -> list[Recipe]:
    """Return the known table recipes that make this side."""
    found = []
    if is_numeric(raw) and raw.shape == side.shape:
        found += [
            recipe
            for recipe in (*_filled(raw), *_rounded(side, raw))
            if agree(side, recipe.made, scale=_size(recipe, raw))
        ]
        found += [recipe for recipe in _precise(raw) if _agrees_closely(side, recipe.made)]
    elif is_numeric(raw) and raw.ndim == side.ndim + 1 >= 2:
        found += [recipe for recipe in _mixed(raw, side.shape) if agree(side, recipe.made)]
    elif is_numeric(raw) and raw.ndim == side.ndim >= 2 and raw.shape[1] > side.shape[1]:
        found += [recipe for recipe in _cut(raw, side.shape[1]) if agree(side, recipe.made)]
    elif is_text(raw) and raw.shape == side.shape:
        found += [recipe for recipe in _read(raw) if agree(side, recipe.made)]
    return found


def _size(recipe: Recipe, raw: Array) -> float | Array:
    """Return the size of the numbers before scaling, in units of the result."""
    if recipe.parts.get("scaling", "no scaling") == "no scaling":
        return 0.0
    x = np.nan_to_num(numbers(raw))
    with np.errstate(all="ignore"):
        found = np.abs(x).max(axis=0) / np.where(np.ptp(x, axis=0) > 0, np.ptp(x, axis=0), 1.0)
    size: Array = np.minimum(10 * found, 1e3)
    return size


def _filled(raw: Array) -> Iterator[Recipe]:
    """Yield fillings of missing values, each followed by each scaling."""
    x = numbers(raw)
    missing = np.isnan(x)
    if not missing.any() or missing.all(axis=0).any():
        return
    ways = (
        ("zero for missing values", np.zeros(x.shape[1:])),
        ("minus one for missing values", np.full(x.shape[1:], -1.0)),
        ("the mean for missing values", np.nanmean(x, axis=0)),
        ("the median for missing values", np.nanmedian(x, axis=0)),
        ("the minimum for missing values", np.nanmin(x, axis=0)),
    )
    for fill, values in ways:
        filled = np.where(missing, values, x)
        yield Recipe({"missing-fill": fill, "scaling": "no scaling"}, filled)
        for scaling in scalings(filled):
            yield Recipe({"missing-fill": fill, "scaling": scaling.name}, scaling.apply(filled), 1.0)
    for words, filled in _from_neighbours(x):
        parts = {"missing-fill": f"{words} for missing values"}
        yield Recipe({**parts, "scaling": "no scaling"}, filled)
        if np.isfinite(filled).all():
            for scaling in scalings(filled):
                yield Recipe({**parts, "scaling": scaling.name}, scaling.apply(filled), 1.0)


def _from_neighbours(x: Array) -> Iterator[tuple[str, Array]]:
    """Yield gaps filled from the rows, or the columns, before and after them."""
    for axis, name in ((0, "row"), (1, "column")) if x.ndim == 2 else ((0, "row"),):
        lines = np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)
        before = _carried(lines)
        after = _carried(lines[::-1])[::-1]
        at = np.arange(len(lines))
        straight = np.stack(
            [
                np.interp(at, at[known], line[known]) if (known := np.isfinite(line)).any() else line
                for line in lines.T
            ],
            axis=1,
        )
        for words, filled in (
            (f"the previous {name}", before),
            (f"the previous {name}, else the next one,", np.where(np.isnan(before), after, before)),
            (f"the next {name}", after),
            (f"the next {name}, else the previous one,", np.where(np.isnan(after), before, after)),
            (f"a line between the {name}s around", straight),
            # pandas.DataFrame.interpolate fills nothing before the first value.
            (f"a line between the {name}s around, but not at the start,", straight + 0 * before),
        ):
            yield words, np.moveaxis(filled.reshape(np.moveaxis(x, axis, 0).shape), 0, axis)


def _carried(lines: Array) -> Array:
    at = np.maximum.accumulate(np.where(np.isnan(lines), 0, np.arange(len(lines))[:, None]), axis=0)
    found: Array = np.take_along_axis(lines, at, axis=0)
    return found


def _rounded(side: Array, raw: Array) -> Iterator[Recipe]:
    if raw.dtype.kind != "f" or (numbers(side) % 1).any() or np.unique(side).size < 3:
        return
    for factor in _FACTORS:
        for mode, apply in MODES:
            words = mode + (f" of {factor:.4g} times the value" if factor != 1 else "")
            # In the raw type, like the original computation: float64 would resolve ties differently.
            yield Recipe(
                {"rounding": words}, numbers(apply((raw * raw.dtype.type(factor)).astype(raw.dtype)))
            )


def _precise(raw: Array) -> Iterator[Recipe]:
    """Yield z-scores with statistics in float64 and float32, the latter computed in both usual ways."""
    if not np.isfinite(numbers(raw)).all() or raw.ndim < 1 or len(raw) < 8:
        return
    wide, narrow = numbers(raw), raw.astype(np.float32)
    for axis, over in ((0, "per column"), (None, "over the whole array")):
        ways = {
            "float64 statistics": (wide.mean(axis), wide.std(axis)),
            "float32 statistics": (narrow.mean(axis), narrow.std(axis)),
        }
        squares = np.maximum(np.square(narrow).mean(axis) - np.square(narrow.mean(axis)), 0)
        ways["float32 statistics by E[x²] - E[x]²"] = narrow.mean(axis), np.sqrt(squares)
        for words, (mean, std) in ways.items():
            if np.all(std > 0):
                for x in (wide, narrow):
                    made = (x - mean.astype(x.dtype)) / std.astype(x.dtype)
                    yield Recipe({"statistics-precision": words, "scaling": f"z-score {over}"}, numbers(made))


def _agrees_closely(side: Array, made: Array) -> bool:
    return bool(np.abs(numbers(side) - made).max() <= _FEW_ROUNDINGS * max(np.abs(made).max(), 1e-30))


def _mixed(raw: Array, shape: tuple[int, ...]) -> Iterator[Recipe]:
    """Yield ways to make one channel of a few: stereo to mono, axes of a sensor to one number."""
    for axis in {1, raw.ndim - 1}:
        if not 2 <= raw.shape[axis] <= _MOST_CHANNELS or raw.shape[:axis] + raw.shape[axis + 1 :] != shape:
            continue
        x = np.moveaxis(numbers(raw), axis, 0)
        ways = {
            "the mean of the channels": x.mean(axis=0),
            "the sum of the channels": x.sum(axis=0),
            "the first channel": x[0],
            "the last channel": x[-1],
            "the largest channel": x.max(axis=0),
            "the length over the channels": np.sqrt(np.square(x).sum(axis=0)),
        }
        yield from (Recipe({"channel-mix": words}, made) for words, made in ways.items())


def _cut(raw: Array, length: int) -> Iterator[Recipe]:
    x = numbers(raw)
    yield Recipe({"truncation-side": "the beginning of long sequences"}, x[:, :length])
    yield Recipe({"truncation-side": "the end of long sequences"}, x[:, -length:])
    middle = (x.shape[1] - length) // 2
    yield Recipe({"truncation-side": "the middle of long sequences"}, x[:, middle : middle + length])


def _read(raw: Array) -> Iterator[Recipe]:
    """Yield readings of strings as numbers; unreadable strings are NaN."""
    strings = [text.decode("utf-8", "replace").strip() for text in raw.ravel()]
    ways = (
        ("decimal commas", [text.replace(".", "").replace(",", ".") for text in strings]),
        ("commas dropped as thousands separators", [text.replace(",", "") for text in strings]),
        ("commas not parsed", strings),
        ("everything after the comma dropped", [text.split(",")[0] for text in strings]),
    )
    for words, texts in ways:
        values = np.array([_number(text) for text in texts]).reshape(raw.shape)
        yield Recipe({"decimal-comma": words, "missing-fill": "NaN for non-numbers"}, values)
        for value in (0.0, -1.0):
            fill = f"{value:g} for non-numbers"
            yield Recipe(
                {"decimal-comma": words, "missing-fill": fill}, np.where(np.isnan(values), value, values), 1.0
            )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
