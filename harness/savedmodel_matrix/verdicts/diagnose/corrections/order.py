"""Rows, columns and ids in a different order, found on one half of the data and proven on all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    FITTED,
    NAMED_CONSTANTS,
    NOTHING_FITTED,
    Fix,
    is_integer,
    is_numeric,
    numbers,
    on_serve,
    on_train,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Fewer rows may be in a different order by chance, or match in several orders.
_LEAST_ROWS = 8
_MOST_AXES = 3  # of tables and sequences; images have pixels
#: Each id must occur this often on average; otherwise any table of ids would fit.
_REPEATS = 3
#: Every column is compared with every other one, which takes a matrix of this size squared.
_MOST_COLUMNS = 4096
#: Correlation of two columns that are the same except for scaling and float16 rounding.
_MATCH = 0.9999


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield orders of rows and columns, and tables of ids."""
    train, serve = pair.train, pair.serve
    if train.shape != serve.shape or train.size == 0 or train.ndim == 0:
        return
    if train.dtype.kind == serve.dtype.kind or (is_numeric(train) and is_numeric(serve)):
        yield from _rows(pair)
    if is_numeric(train) and is_numeric(serve) and train.ndim <= _MOST_AXES:
        yield from _columns(pair)
        yield from _ids(pair)


def _rows(pair: Pair) -> Iterator[Fix]:
    train, serve = pair.train, pair.serve
    keys = [
        [
            row.tobytes() if row.dtype != object else repr(row.tolist()).encode()
            for row in np.ascontiguousarray(each.astype(train.dtype)).reshape(len(each), -1)
        ]
        for each in (train, serve)
    ]
    if len(train) < 3 or sorted(keys[0]) != sorted(keys[1]) or len(set(keys[0])) < 3:
        return
    order_train, order_serve = (np.array(sorted(range(len(each)), key=each.__getitem__)) for each in keys)
    order = np.empty(len(train), int)
    order[order_train] = order_serve
    yield Fix(
        id="row-order",
        title="training and serving have the same rows in a different order",
        train=f"{len(train)} rows in training's order",
        serve=f"the same {len(train)} rows, {int(np.sum(order != np.arange(len(order))))} of them moved",
        mends="in serving, do not shuffle, and read files in training's order",
        apply=on_serve(lambda array: array[order]),
        cost=FITTED,
    )


def _columns(pair: Pair) -> Iterator[Fix]:
    train, serve = numbers(pair.train), numbers(pair.serve)
    if train.ndim < 2 or not 2 <= train.shape[-1] <= _MOST_COLUMNS:
        return
    columns_t, columns_s = (each.reshape(-1, each.shape[-1]) for each in (train, serve))
    rows = len(columns_t)
    if rows < _LEAST_ROWS:
        return
    one_hot = all(_is_one_hot(each) for each in (columns_t, columns_s))
    order = _equal_columns(columns_t, columns_s)
    fits = order is not None
    if order is None:
        order = _alike_columns(columns_t, columns_s)
    if order is None or (order == np.arange(len(order))).all():
        return
    what = "one-hot categories" if one_hot else "columns"
    moved = int(np.sum(order != np.arange(len(order))))
    yield Fix(
        id="one-hot-order" if one_hot else "column-order",
        title=f"training and serving have {what} in a different order",
        train=f"{len(order)} {what}",
        serve=f"the same, {moved} of them in a different place",
        mends=f"in serving, use training's order of {what}: serving's {_shown(order)}",
        apply=on_serve(lambda array: np.take(array, order, axis=-1)),
        cost=NOTHING_FITTED + 0.5 if fits else FITTED,
        opens=True,
    )


def _equal_columns(train: Array, serve: Array) -> Array | None:
    """Return serving's column for each of training's, by equal values in the first half of the rows."""
    # One-hot categories that never appear have columns of zeros; any order of these is right.
    at: dict[bytes, list[int]] = {}
    half = max(len(train) // 2, _LEAST_ROWS)
    for index, column in enumerate(serve[:half].T):
        at.setdefault(np.float32(column).tobytes(), []).append(index)
    order = []
    for index, column in enumerate(train[:half].T):
        found = at.get(np.float32(column).tobytes())
        if not found:
            return None
        order.append(found.pop(found.index(index) if index in found else 0))
    return np.array(order)


def _alike_columns(train: Array, serve: Array) -> Array | None:
    """Return serving's column for each of training's, by correlation; None if one is ambiguous."""
    with np.errstate(all="ignore"):
        z = [(each - each.mean(0)) / each.std(0) for each in (train, serve)]
        correlation = np.abs(z[0].T @ z[1]) / len(train)
    if not np.isfinite(correlation).all() or len(train) < 2 * _LEAST_ROWS:
        return None
    order = correlation.argmax(axis=1)
    best = correlation.max(axis=1)
    second = np.sort(correlation, axis=1)[:, -2]
    clear = (best > _MATCH).all() and (second < _MATCH).all() and len(set(order)) == len(order)
    return order if clear else None


def _is_one_hot(array: Array) -> bool:
    return bool(np.isin(array, (0, 1)).all() and (array.sum(axis=1) <= 1).all() and array.any())


def _ids(pair: Pair) -> Iterator[Fix]:
    train, serve = pair.train, pair.serve
    if not (is_integer(train) and is_integer(serve)) and not _whole(train, serve):
        return
    a, b = train.astype(np.int64).ravel(), serve.astype(np.int64).ravel()
    if a.size < _LEAST_ROWS or (a == b).all():
        return
    gaps = np.unique((a - b)[(a != 0) & (b != 0)]) if (a - b).any() else np.zeros(0)
    if gaps.size == 1 and gaps[0] and abs(gaps[0]) <= 4 and np.unique(b).size > 3:
        yield from _offsets(pair, int(gaps[0]))
    for one, other, to_serve in ((a, b, True), (b, a, False)):
        table = _table(one, other)
        if table is not None:
            yield _relabelled(*table, to_serve=to_serve)
            break


def _offsets(pair: Pair, gap: int) -> Iterator[Fix]:
    for kept in (False, True):
        words = ", with 0 (padding) unchanged" if kept else ""
        yield Fix(
            id="vocabulary-offset",
            title=f"training's ids are serving's ids {gap:+d}{words}",
            train=f"ids from {int(pair.train.min())} to {int(pair.train.max())}",
            serve=f"ids from {int(pair.serve.min())} to {int(pair.serve.max())}",
            mends=f"in serving, add {gap} to each id{words}: the vocabularies start at different numbers",
            apply=on_serve(
                lambda array, kept=kept: np.where((array == 0) & kept, 0, array + gap)  # type: ignore[misc]
            ),
            cost=NAMED_CONSTANTS + 0.25 * kept,
        )


def _table(train: Array, serve: Array) -> tuple[Array, Array] | None:
    """Return training's id for each of serving's ids, as two arrays, learned from every second element."""
    # There must be more elements than ids: a table with one entry per element proves nothing.
    ids, first = np.unique(serve, return_index=True)
    if ids.size < 3 or serve.size < _REPEATS * ids.size or np.unique(train).size < 3:
        return None
    # Learned from one half, it must hold for the other. The half is random, because sequences may repeat.
    half = np.random.default_rng(0).permutation(serve.size)[: serve.size // 2]
    known, learnt = np.unique(serve[half], return_index=True)
    at = np.clip(np.searchsorted(known, serve), 0, known.size - 1)
    covered = known[at] == serve
    holds = (train[half][learnt][at] == train)[covered].all()
    if covered.mean() < 0.8 or not holds or (train[first][np.searchsorted(ids, serve)] != train).any():
        return None
    return ids, train[first]


def _relabelled(known: Array, values: Array, *, to_serve: bool) -> Fix:
    def look_up(array: Array) -> Array:
        flat = array.astype(np.int64).ravel()
        found: Array = values[np.searchsorted(known, flat)].reshape(array.shape)
        return found

    merged = known.size - np.unique(values).size
    # Many ids of one side become a single one on the other: they are not in its vocabulary.
    counts = {
        int(value): int(count) for value, count in zip(*np.unique(values, return_counts=True), strict=True)
    }
    unknown = max(counts, key=lambda value: counts[value])
    changed = int(np.sum(known != values))
    if merged == 0:
        name, words = "vocabulary-order", f"{changed} of {known.size} ids stand for different entries"
        train, serve = "one order of the vocabulary", "a different order of the same vocabulary"
    elif counts[unknown] > merged:
        name, words = "out-of-vocabulary", f"{counts[unknown]} ids of one side are all {unknown} on the other"
        with_it, without = (
            f"{counts[unknown]} entries are all id {unknown} (out of vocabulary)",
            "they have their own ids",
        )
        train, serve = (with_it, without) if to_serve else (without, with_it)
    else:
        name, words = "vocabulary", f"{merged} ids are merged with others"
        train, serve = ("coarser ids", "finer ids") if to_serve else ("finer ids", "coarser ids")
    shown = ", ".join(f"{s} -> {t}" for s, t in list(zip(known.tolist(), values.tolist(), strict=True))[:5])
    direction = "serving to training" if to_serve else "training to serving"
    return Fix(
        id=name,
        title=f"training and serving use different vocabularies: {words}",
        train=train,
        serve=serve,
        mends=f"in serving, load the vocabulary saved by training ({direction}: {shown}, ...)",
        apply=(on_serve if to_serve else on_train)(look_up),
        cost=FITTED,
        # Merged ids alone do not tell one vocabulary from one look-up of changed text.
        ties=("text is changed before the look-up, so that different words become one",) if merged else (),
        experiment="print the words of the merged ids on both sides" if merged else "",
    )


def _whole(train: Array, serve: Array) -> bool:
    return all(
        np.isfinite(numbers(each)).all()
        and (numbers(each) % 1 == 0).all()
        and np.abs(numbers(each)).max(initial=0) < 2**31
        for each in (train, serve)
    )


def _shown(order: Array) -> str:
    return ", ".join(map(str, order[:12].tolist())) + (", ..." if len(order) > 12 else "")
