"""Missing values: the constant that replaces them on each side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NAMED_CONSTANTS,
    Fix,
    is_numeric,
    is_text,
    numbers,
    on_serve,
    short,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: A pair of numbers that differs only once is a plain difference, not filling.
_LEAST = 2
#: The other values must agree, and at least this many must be distinct: flags agree by chance.
_LEAST_VALUES = 3
#: Share of all elements: if nearly everything differs, the cause is something else.
_MOST = 0.9

#: What stands for a missing value: in text, as pandas.read_csv reads it, and among numbers.
_EMPTY = (b"", b"na", b"n/a", b"nan", b"null", b"none", b"?", b"-")
_SENTINELS = (-1.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)


class _Fill(NamedTuple):
    """Where values are missing in one column, and their replacements."""

    column: int
    where: Array
    train: float
    serve: float


def _has_gaps(raw: Array) -> bool:
    """Whether something may be missing in it: NaN, an empty string, or a number that stands for that."""
    if is_text(raw):
        return any(text.strip().lower() in _EMPTY for text in raw.ravel() if isinstance(text, bytes))
    if not is_numeric(raw):
        return True
    x = numbers(raw)
    return not np.isfinite(x).all() or bool(np.isin(x, _SENTINELS).any())


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield the filling of missing values, column by column, if each side fills a column with one value."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape or train.ndim > 2:
        return
    if pair.raw and not any(_has_gaps(each) for each in pair.raw.values()):
        return  # what is filled would be missing in the raw input
    t, s = (
        numbers(each).reshape(len(each), -1) if each.ndim else numbers(each).reshape(1, 1)
        for each in (train, serve)
    )
    fills = []
    for column in range(t.shape[1]):
        a, b = t[:, column], s[:, column]
        where = ~((a == b) | (np.isnan(a) & np.isnan(b)) | np.isclose(a, b, rtol=1e-6, atol=0))
        if not where.any():
            continue
        # The first difference gives the values; all others must confirm them.
        first = int(where.argmax())
        if not (_same(a[where], a[first]) and _same(b[where], b[first])):
            return
        fills.append(_Fill(column, where, float(a[first]), float(b[first])))
    count = sum(int(fill.where.sum()) for fill in fills)
    # Each column may have its own value, so there must be more places than values to confirm them. If all of
    # a column differs, nothing shows that the rest agrees.
    values = {(fill.train, fill.serve) for fill in fills if not np.isnan(fill.train + fill.serve)}
    one_value = len(values) == 1 and len(fills) > 1
    if count < max(_LEAST, 2 * len(fills)) or (any(fill.where.all() for fill in fills) and not one_value):
        return
    different = np.zeros(t.shape, bool)
    for fill in fills:
        different[:, fill.column] = fill.where
    # The other values must agree, and must not all be the same.
    if count > _MOST * t.size or np.unique(t[~different]).size < _LEAST_VALUES:
        return

    def fill_in(array: Array) -> Array:
        out = numbers(array).reshape(t.shape).copy()
        for fill in fills:
            out[fill.where, fill.column] = fill.train
        return out.reshape(train.shape)

    name, words = _names(fills, t, s)
    yield Fix(
        id=name,
        title=f"missing values become {words[0]} in training, {words[1]} in serving"
        if name == "missing-fill"
        else f"padding with {words[0]} in training, with {words[1]} in serving",
        train=f"{words[0]}, in {count} places",
        serve=f"{words[1]}, in the same {count} places",
        mends=f"in serving, fill them with {words[0]}, as saved by training",
        apply=on_serve(fill_in),
        cost=NAMED_CONSTANTS + 0.2 + (0.0 if one_value else 0.1 * len(fills)),
    )


def _names(fills: list[_Fill], train: Array, serve: Array) -> tuple[str, list[str]]:
    words = []
    for side in ("train", "serve"):
        described = {
            _describe(getattr(fill, side), (train if side == "train" else serve)[:, fill.column], fill.where)
            for fill in fills
        }
        words.append(
            described.pop()
            if len(described) == 1
            else "the column's own value"
            if side == "train"
            else "a different value"
        )
    values = {(fill.train, fill.serve) for fill in fills}
    if len(values) == 1 and train.shape[1] > 2 and _at_ends(fills, train.shape):
        return "padding-value", [short(value) for value in values.pop()]
    return "missing-fill", words


def _describe(value: float, column: Array, where: Array) -> str:
    if np.isnan(value):
        return "NaN"
    rest = column[~where & np.isfinite(column)]
    if rest.size and value != 0:
        for name, statistic in (("mean", rest.mean()), ("median", np.median(rest))):
            if np.isclose(value, statistic, rtol=1e-5):
                return f"the column's {name}"
        both = column[np.isfinite(column)]
        if np.isclose(value, np.median(both), rtol=1e-6):
            return "the column's median"
    return short(value)


def _at_ends(fills: list[_Fill], shape: tuple[int, ...]) -> bool:
    """Whether the places in every row form one run at its beginning or end."""
    places = np.zeros(shape, bool)
    for fill in fills:
        places[:, fill.column] = fill.where
    runs = np.diff(np.pad(places, ((0, 0), (1, 1))).astype(int), axis=1)
    return bool(
        ((runs == 1).sum(axis=1) <= 1).all() and (places[:, 0] | places[:, -1] | ~places.any(axis=1)).all()
    )


def _same(values: Array, first: float) -> bool:
    return (
        bool(np.all(np.isnan(values)))
        if np.isnan(first)
        else bool(np.allclose(values, first, rtol=1e-6, atol=0))
    )
