"""Each column as a line of all of the other side's columns: categories, colours, rotations and weights.

Least squares on every second row; the other rows prove it. The matrix then gets a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    FITTED,
    FITTED_PER_COLUMN,
    NAMED_CONSTANTS,
    Fix,
    is_numeric,
    numbers,
    on_serve,
    on_train,
    short,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: More columns than this need too many rows.
_MOST_COLUMNS = 64
#: So many rows for each fitted number of a column.
_ROWS = 3
#: Entries below this share of the largest are none, and entries this close to a whole number are that.
_NONE, _WHOLE = 1e-5, 1e-4
#: An unnamed matrix has to explain more than rounding.
_BEYOND_ROUNDING = 1e-4
#: Rows of pixels that are fitted.
_PIXELS = 20_000

#: Colour matrices: rows of (red, green, blue). ITU-R BT.601 and BT.709, full range as in JFIF, and the video
#: range of 16..235 as in ITU-R BT.601 and in OpenCV's and FFmpeg's conversions.
_JFIF = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_BT709 = np.array([[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]])
_VIDEO = np.array([219 / 255, 224 / 255, 224 / 255])[:, None]
#: tf.image.rgb_to_yuv; BT.470.
_YUV = np.array(
    [[0.299, 0.587, 0.114], [-0.14714119, -0.28886916, 0.43601035], [0.61497538, -0.51496512, -0.10001026]]
)
#: tf.image.rgb_to_yiq; NTSC.
_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.59590059, -0.27455667, -0.32134392], [0.21153661, -0.52273617, 0.31119955]]
)
_COLOURS = {
    "RGB": np.eye(3),
    "YCbCr (BT.601, full range)": _JFIF,
    "YCrCb (BT.601, full range, as in OpenCV)": _JFIF[[0, 2, 1]],
    "YCbCr (BT.709, full range)": _BT709,
    "YCbCr (BT.601, video range)": _JFIF * _VIDEO,
    "YCbCr (BT.709, video range)": _BT709 * _VIDEO,
    "YUV": _YUV,
    "YIQ": _YIQ,
}


class _Named(NamedTuple):
    id: str
    train: str
    serve: str
    mends: str
    cost: float


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield the matrix that makes each of training's columns of all of serving's."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.ndim < 2 or train.ndim != serve.ndim:
        return
    axes = [train.ndim - 1]
    if train.ndim == 4 and train.shape[1] == 3 == serve.shape[1]:
        axes.append(1)
    for axis in axes:
        yield from _along(pair, axis)


def _along(pair: Pair, axis: int) -> Iterator[Fix]:
    t, s = (np.moveaxis(numbers(each), axis, -1) for each in (pair.train, pair.serve))
    if (
        t.shape[:-1] != s.shape[:-1]
        or not 1 < min(t.shape[-1], s.shape[-1]) <= max(t.shape[-1], s.shape[-1]) <= _MOST_COLUMNS
    ):
        return
    rows_t, rows_s = t.reshape(-1, t.shape[-1]), s.reshape(-1, s.shape[-1])
    if not (np.isfinite(rows_t).all() and np.isfinite(rows_s).all()):
        return
    if _is_categories(rows_t) and _is_categories(rows_s):
        yield from _categories(rows_t, rows_s)
        return
    matrix = _fit(rows_t, rows_s)
    forwards = matrix is not None
    if matrix is None:
        # Serving may have lost what training has: a projection, a dropped column.
        matrix = _fit(rows_s, rows_t)
    if matrix is None:
        return
    named = _name(matrix, rows_t, rows_s, forwards=forwards)
    if named is None:
        return

    def change(array: Array) -> Array:
        moved = np.moveaxis(numbers(array), axis, -1)
        return np.moveaxis(moved @ matrix[:-1] + matrix[-1], -1, axis)

    scale = (
        np.abs(matrix[:-1]).sum(axis=0).max() * np.abs(rows_s if forwards else rows_t).max()
        + np.abs(matrix[-1]).max()
    )
    yield Fix(
        id=named.id,
        title=f"{named.train} in training, {named.serve} in serving",
        train=named.train,
        serve=named.serve,
        mends=named.mends,
        apply=on_serve(change) if forwards else lambda train, serve: (change(train), serve),
        cost=named.cost,
        scale=4 * float(scale),
        least=_BEYOND_ROUNDING,
    )


def _fit(aim: Array, given: Array) -> Array | None:
    """Return the matrix (columns of ``given`` and one, columns of ``aim``), or None if it does not hold."""
    step = max(len(aim) // _PIXELS, 1)
    aim, given = aim[::step], given[::step]
    columns = given.shape[1] + 1
    if len(aim) < 2 * _ROWS * columns:
        return None
    x = np.concatenate([given, np.ones((len(given), 1))], axis=1)
    sizes = np.abs(x).max(axis=0)
    x = x / np.where(sizes > 0, sizes, 1.0)
    half = np.zeros(len(aim), bool)
    half[np.random.default_rng(0).permutation(len(aim))[: len(aim) // 2]] = True
    found, _, rank, _ = np.linalg.lstsq(x[half], aim[half], rcond=1e-9)
    spread = np.abs(aim).max()
    gap = np.abs(x[~half] @ found - aim[~half]).max()
    # Where columns depend on each other, as categories do, many matrices fit: the smallest is taken.
    if rank < 2 or not np.isfinite(gap) or gap > 1e-4 * spread:
        return None
    matrix: Array = found / np.where(sizes > 0, sizes, 1.0)[:, None]
    return matrix


def _name(matrix: Array, train: Array, serve: Array, *, forwards: bool) -> _Named | None:
    if _is_categories(train) or _is_categories(serve):
        return None
    if matrix.shape[1] == 3 == matrix.shape[0] - 1:
        colours = _colours(matrix if forwards else np.linalg.pinv(np.vstack([matrix[:-1]])))
        if colours is not None:
            return colours
    if train.shape[1] != serve.shape[1]:
        return None
    weights = matrix[:-1]
    strong = np.abs(weights) > _NONE * np.abs(weights).max()
    if (strong.sum(axis=0) <= 1).all() and (strong.sum(axis=1) <= 1).all():
        return _alone(weights, matrix[-1], strong, train)
    return _mixed(weights, matrix[-1], forwards=forwards)


def _is_categories(x: Array) -> bool:
    return bool(np.isin(x, (0, 1)).all() and x.any())


def _categories(train: Array, serve: Array) -> Iterator[Fix]:
    """Yield the categories that one side lacks, if all others agree in place."""
    if train.shape != serve.shape:
        return
    lost = [
        [column for column in range(train.shape[1]) if other[:, column].any() and not one[:, column].any()]
        for one, other in ((train, serve), (serve, train))
    ]
    gone = lost[0] or lost[1]
    kept = [column for column in range(train.shape[1]) if column not in gone]
    if bool(lost[0]) == bool(lost[1]) or not kept or not np.array_equal(train[:, kept], serve[:, kept]):
        return
    in_training = bool(lost[0])
    plural = len(gone) > 1
    places = f"{'columns' if plural else 'column'} {', '.join(map(str, gone))}"
    lacks = f"{places} {'are' if plural else 'is'} always 0"
    has = "every category has a column"
    sides = (lacks, has) if in_training else (has, lacks)
    yield Fix(
        id="dropped-category",
        title=f"{sides[0]} in training, {sides[1]} in serving: a category has no column there"
        if in_training
        else f"{sides[0]} in training; {sides[1]} in serving: the category there has no column",
        train=sides[0],
        serve=sides[1],
        mends=f"in serving, {'drop' if in_training else 'keep'} {places}, as training does",
        apply=(on_serve if in_training else on_train)(
            lambda array: np.where(np.isin(np.arange(array.shape[-1]), gone), 0, numbers(array))
        ),
        cost=NAMED_CONSTANTS - 0.5,
    )


def _colours(matrix: Array) -> _Named | None:
    weights = matrix[:3].T  # (training's channels, serving's channels)
    for of_train, one in _COLOURS.items():
        for of_serve, other in _COLOURS.items():
            if of_train == of_serve:
                continue
            for order in (slice(None), slice(None, None, -1)):
                wanted = (one[:, order] if of_serve == "RGB" else one) @ np.linalg.inv(other)
                if of_train == "RGB":
                    wanted = wanted[order]
                scale = float((weights * wanted).sum() / np.square(wanted).sum())
                if scale <= 0 or np.abs(weights / scale - wanted).max() > 5e-3:
                    continue
                if np.count_nonzero(np.abs(wanted) > _NONE) <= 3:
                    continue
                swapped = " with red and blue swapped" if order.step else ""
                train, serve = (
                    of_train + swapped * (of_train == "RGB"),
                    of_serve + swapped * (of_serve == "RGB"),
                )
                if "RGB" not in (of_train, of_serve):
                    train, serve = of_train, of_serve
                return _Named(
                    "colour-space",
                    train,
                    serve,
                    f"in serving, convert to {train} before anything else",
                    NAMED_CONSTANTS - 0.5,
                )
    return None


def _alone(weights: Array, offsets: Array, strong: Array, train: Array) -> _Named | None:
    """Return the name of a matrix in which each column comes from at most one: signs, or lost columns."""
    order = np.abs(weights).argmax(axis=0)
    values = weights[order, np.arange(weights.shape[1])]
    gone = np.flatnonzero(~strong.any(axis=0))
    if gone.size and not np.ptp(train[:, gone], axis=0).any():
        return None
    moved = bool((order != np.arange(len(order))).any())
    signs = np.flatnonzero(values < 0)
    if (
        np.allclose(np.abs(values), 1, atol=_WHOLE)
        and not gone.size
        and signs.size
        and np.allclose(offsets, 0, atol=_WHOLE * np.abs(train).max())
    ):
        places = ", ".join(map(str, signs[:12]))
        what = (
            "columns in another order, some with the other sign"
            if moved
            else f"the sign of columns {places} reversed"
        )
        return _Named(
            "sign", "one sign", what,
            f"in serving, load the matrix that training fitted (or negate columns {places})", NAMED_CONSTANTS,
        )  # fmt: skip
    # Scaled columns in place are another correction's, and so is an order alone.
    return None


def _mixed(weights: Array, offsets: Array, *, forwards: bool) -> _Named:
    square = weights.shape[0] == weights.shape[1]
    gram = weights.T @ weights
    rotation = square and np.allclose(gram, np.eye(len(gram)) * gram[0, 0], atol=1e-4 * gram[0, 0])
    full = np.linalg.matrix_rank(weights, tol=1e-6 * np.abs(weights).max()) == min(weights.shape)
    kind = (
        "a rotation" if rotation and abs(gram[0, 0] - 1) < 1e-3
        else "a rotation with a factor" if rotation
        else "an invertible mixture" if full and square
        else f"a projection to {np.linalg.matrix_rank(weights, tol=1e-6 * np.abs(weights).max())} dimensions"
    )  # fmt: skip
    first = ", ".join(short(float(value)) for value in weights[:6, 0])
    shift = " plus an offset" if np.abs(offsets).max() > 1e-6 * np.abs(weights).max() else ""
    one, other = ("training", "serving") if forwards else ("serving", "training")
    says = f"each column is {kind} of all of {other}'s columns{shift}"
    return _Named(
        "linear-mixture",
        says if forwards else "its own columns",
        "its own columns" if forwards else says,
        f"in serving, load the matrix that training fitted instead of fitting it again; {one}'s first "
        f"column is {first}{', ...' if len(weights) > 6 else ''} times {other}'s",
        FITTED_PER_COLUMN + FITTED,
    )
