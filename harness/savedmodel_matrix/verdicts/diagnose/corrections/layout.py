"""The same values in different places: axes, channels, mirrored images, shapes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import NOTHING_FITTED, Fix, is_numeric, on_serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: By number of axes: the order of serving's axes in training, the id, and the words for either side.
_AXES: dict[int, tuple[tuple[tuple[int, ...], str, str, str], ...]] = {
    2: (((1, 0), "axes", "rows by columns", "columns by rows"),),
    3: (
        ((1, 2, 0), "layout", "HWC (channels last)", "CHW (channels first)"),
        ((2, 0, 1), "layout", "CHW (channels first)", "HWC (channels last)"),
        ((1, 0, 2), "transposed-image", "height by width", "width by height"),
        ((0, 2, 1), "axes", "axes 1 and 2 in order", "axes 1 and 2 swapped"),
    ),
    4: (
        ((0, 2, 3, 1), "layout", "NHWC (channels last)", "NCHW (channels first)"),
        ((0, 3, 1, 2), "layout", "NCHW (channels first)", "NHWC (channels last)"),
        ((0, 2, 1, 3), "transposed-image", "height by width", "width by height"),
        ((0, 1, 3, 2), "transposed-image", "height by width (channels first)", "width by height"),
        ((1, 0, 2, 3), "axes", "axes 0 and 1 in order", "axes 0 and 1 swapped"),
        ((3, 2, 0, 1), "axes", "kernel axes in order", "kernel axes swapped"),
    ),
    5: (
        ((0, 2, 3, 4, 1), "layout", "NDHWC (channels last)", "NCDHW (channels first)"),
        ((0, 4, 1, 2, 3), "layout", "NCDHW (channels first)", "NDHWC (channels last)"),
    ),
}
_CHANNELS = (3, 4)
_EXIF = "JPEG files store their orientation in EXIF, which some readers ignore"


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield every rearrangement that the shapes allow."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or min(train.size, serve.size) < 4:
        return
    for axes, name, one, other in _AXES.get(serve.ndim, ()):
        if tuple(serve.shape[axis] for axis in axes) == train.shape:
            how = f"np.transpose(x, {axes})"
            yield _fix(name, one, other, f"in serving, transpose the axes: {how}", partial(_permute, axes))
    if train.shape == serve.shape:
        yield from _channels(train)
        yield from _mirrored(train)
        yield from _reshaped(train)
    elif train.size == serve.size:
        yield from _shapes(train, serve)


def _channels(train: Array) -> Iterator[Fix]:
    for axis in dict.fromkeys((train.ndim - 1, train.ndim - 3)):
        if train.ndim > 2 and axis >= 0 and train.shape[axis] in _CHANNELS:
            order = (2, 1, 0, *range(3, train.shape[axis]))
            yield _fix(
                "channel-order",
                "RGB",
                "BGR",
                f"in serving, reverse the colour channels (axis {axis}): one side is RGB, the other BGR",
                partial(np.take, indices=order, axis=axis),
                title="serving's channel order is the reverse of training's (RGB versus BGR)",
            )


def _reshaped(train: Array) -> Iterator[Fix]:
    """Yield images whose axes were renamed by reshaping, which leaves every pixel in the wrong place."""
    if train.ndim != 4:
        return
    for last, channels in ((True, train.shape[3]), (False, train.shape[1])):
        if channels not in _CHANNELS:
            continue
        n, height, width = len(train), *(train.shape[1:3] if last else train.shape[2:])
        there = (n, channels, height, width) if last else (n, height, width, channels)
        to, back = ((0, 2, 3, 1), (0, 3, 1, 2)) if last else ((0, 3, 1, 2), (0, 2, 3, 1))
        yield _fix(
            "layout",
            "axes transposed",
            "axes reshaped, which scrambles the pixels",
            f"in serving, np.transpose(x, {to}) instead of reshape",
            lambda x, there=there, to=to: np.transpose(x.reshape(there), to),
            cost=NOTHING_FITTED + 0.2,
        )
        yield _fix(
            "layout",
            "axes reshaped, which scrambles the pixels",
            "axes transposed",
            "transpose in training too; until then reshape in serving",
            lambda x, back=back: np.transpose(x, back).reshape(x.shape),
            cost=NOTHING_FITTED + 0.2,
        )


def _mirrored(train: Array) -> Iterator[Fix]:
    if train.ndim not in (3, 4):
        return
    first = 1 if train.ndim == 4 and train.shape[1] in (1, *_CHANNELS) else 0
    height = train.ndim - 3 + first
    for axes, how in (
        ((height + 1,), "left to right"),
        ((height,), "upside down"),
        ((height, height + 1), "both ways"),
    ):
        yield _fix(
            "mirrored-image",
            "images upright",
            f"images flipped {how}",
            f"in serving, flip images {how}; {_EXIF}",
            partial(np.flip, axis=axes),
            cost=NOTHING_FITTED + 0.2,
        )
    for turns, how in ((1, "90 degrees left"), (3, "90 degrees right")):
        turned = partial(np.rot90, k=turns, axes=(height, height + 1))
        if train.shape[height] == train.shape[height + 1]:
            yield _fix(
                "mirrored-image",
                "images upright",
                f"images that need rotating {how}",
                f"in serving, rotate images {how}; {_EXIF}",
                turned,
                cost=NOTHING_FITTED + 0.2,
            )


def _shapes(train: Array, serve: Array) -> Iterator[Fix]:
    shapes = f"{list(train.shape)}", f"{list(serve.shape)}"
    yield _fix(
        "shape",
        f"shape {shapes[0]}",
        f"shape {shapes[1]}",
        f"in serving, reshape to {shapes[0]}",
        partial(np.reshape, shape=train.shape),
    )
    if serve.ndim == 2 and train.ndim > 2:
        yield _fix(
            "shape",
            f"shape {shapes[0]}, filled by columns (Fortran order)",
            f"shape {shapes[1]}",
            f"in serving, reshape to {shapes[0]} in Fortran order",
            lambda array: np.stack([row.reshape(train.shape[1:], order="F") for row in array]),
            cost=NOTHING_FITTED + 0.2,
        )


def _permute(axes: tuple[int, ...], array: Array) -> Array:
    return np.transpose(array, axes)


def _fix(
    name: str,
    train: str,
    serve: str,
    mends: str,
    change: object,
    *,
    title: str = "",
    cost: float = NOTHING_FITTED,
) -> Fix:
    assert callable(change)  # noqa: S101 - partial of NumPy's functions has no better type
    return Fix(
        id=name,
        title=title or f"{train} in training, {serve} in serving",
        train=train,
        serve=serve,
        mends=mends,
        apply=on_serve(change),
        cost=cost,
        levels=True,
        opens=True,
    )
