"""A choice per sample, made on half of its elements and proven on the rest: turned images, and gains."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    FITTED_PER_COLUMN,
    NAMED_CONSTANTS,
    Fix,
    is_numeric,
    is_text,
    numbers,
    on_serve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: How an image is turned upright: the axes are rows and columns. By the value of the EXIF tag 0x0112, in the
#: order of EXIF 2.32, section 4.6.4.
TURNS: dict[int, tuple[str, Callable[[Array], Array]]] = {
    1: ("as stored", lambda x: x),
    2: ("mirrored left to right", lambda x: x[:, ::-1]),
    3: ("turned by 180 degrees", lambda x: x[::-1, ::-1]),
    4: ("mirrored upside down", lambda x: x[::-1]),
    5: ("transposed", lambda x: np.swapaxes(x, 0, 1)),
    6: ("turned 90 degrees right", lambda x: np.rot90(x, -1)),
    7: ("transposed along the other diagonal", lambda x: np.swapaxes(x[::-1, ::-1], 0, 1)),
    8: ("turned 90 degrees left", lambda x: np.rot90(x, 1)),
}
_ORIENTATION = 0x0112
#: A choice has to leave this share of the next best one's difference on the elements that it was chosen on.
_CLEAR = 0.5
_LEAST_GAINS = 3
_LEAST_VALUES = 32


def orientations(raw: Array) -> list[int] | None:
    """Return what each encoded image says of its orientation; None if these are no images."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - nothing but images needs it

    if not is_text(raw) or raw.ndim != 1:
        return None
    found = []
    for data in raw:
        try:
            with Image.open(io.BytesIO(data)) as image:
                tag = image.getexif().get(_ORIENTATION, 1)
        except (UnidentifiedImageError, OSError, SyntaxError, TypeError):
            return None
        found.append(tag if tag in TURNS else 1)
    return found


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield a turn for each image, and a gain and an offset for each sample."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape or train.ndim < 2:
        return
    if train.ndim == 4 and len(train) > 1:
        yield from _turned(pair)
    if len(train) >= _LEAST_GAINS and train[0].size >= _LEAST_VALUES:
        yield from _gains(train, serve)


def _turned(pair: Pair) -> Iterator[Fix]:
    t, s = numbers(pair.train), numbers(pair.serve)
    first = t.shape[-1] not in (1, 3, 4) and t.shape[1] in (1, 3, 4)
    if first:
        t, s = np.moveaxis(t, 1, -1), np.moveaxis(s, 1, -1)
    choices = [_turn(a, b) for a, b in zip(t, s, strict=True)]
    if None in choices or (len(set(choices)) == 1 and choices[0] == 1):
        return
    chosen = [each for each in choices if each is not None]
    tags = next((found for raw in pair.raw.values() if (found := orientations(raw)) is not None), None)
    # Training turns as the tag says, or serving does and has to be turned back.
    turned = tags is not None and len(tags) == len(chosen) and chosen == tags
    back = {6: 8, 8: 6}
    unturned = tags is not None and chosen == [back.get(tag, tag) for tag in tags]
    if len(set(chosen)) == 1 and not (turned or unturned):
        return  # the same for every image: a mirrored image

    def turn(array: Array) -> Array:
        images = np.moveaxis(array, 1, -1) if first else array
        out = np.stack([TURNS[each][1](image) for each, image in zip(chosen, images, strict=True)])
        return np.moveaxis(out, -1, 1) if first else out

    kinds = ", ".join(f"{TURNS[each][0]} ({chosen.count(each)})" for each in dict.fromkeys(chosen))
    one, other = "photos turned as their EXIF data says", "photos as they are stored"
    if turned or unturned:
        sides = (one, other) if turned else (other, one)
        yield Fix(
            id="exif-orientation",
            title=f"{sides[0]} in training, {sides[1]} in serving",
            train=sides[0],
            serve=sides[1],
            mends=f"in serving, {'turn' if turned else 'do not turn'} photos as their EXIF data says; "
            f"here: {kinds}",
            apply=on_serve(turn),
            cost=NAMED_CONSTANTS - 0.9,
            levels=True,
            opens=True,
        )
        return
    yield Fix(
        id="per-sample-choice",
        title=f"each image is turned or mirrored in its own way in one of the stages: {kinds}",
        train="one way for each image",
        serve="another way for each image",
        mends="turn random flips and rotations off where inputs of the model are made",
        apply=on_serve(turn),
        cost=NAMED_CONSTANTS + 0.5,
        levels=True,
        opens=True,
    )


def _turn(train: Array, serve: Array) -> int | None:
    """Return the turn that fits half of the pixels clearly best; None if none does."""
    half = np.random.default_rng(0).random(train.shape[:2]) < 0.5
    left = []
    for tag, (_, change) in TURNS.items():
        turned = change(serve)
        if turned.shape == train.shape:
            left.append((float(np.square(train - turned)[half].mean()), tag))
    left.sort()
    if len(left) < 2 or left[0][0] > _CLEAR**2 * left[1][0]:
        return None
    return left[0][1]


def _gains(train: Array, serve: Array) -> Iterator[Fix]:
    t, s = (numbers(each).reshape(len(each), -1) for each in (train, serve))
    if not (np.isfinite(t).all() and np.isfinite(s).all()):
        return
    x, y = s[:, ::2], t[:, ::2]
    mean_x, mean_y = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    spread = np.square(x - mean_x).sum(axis=1)
    if (spread == 0).any():
        return
    gain = ((x - mean_x) * (y - mean_y)).sum(axis=1) / spread
    offset = mean_y[:, 0] - gain * mean_x[:, 0]
    size = np.abs(t).max()
    shape = (-1, *[1] * (train.ndim - 1))
    same_gain, same_offset = np.ptp(gain) < 1e-4 * np.abs(gain).max(), np.ptp(offset) < 1e-5 * size
    if (same_gain and same_offset) or (np.abs(gain) < 1e-9).any():
        return
    what = (
        "an offset"
        if same_gain
        else "a gain"
        if np.abs(offset).max() < 1e-5 * size
        else "a gain and an offset"
    )
    more = ", ..." if len(t) > 6 else ""
    shown = ", ".join(f"{value:.4g}" for value in (offset if same_gain else gain)[:6])
    yield Fix(
        id="per-sample-gain",
        title=f"training's samples are serving's with {what} of their own: {shown}{more}",
        train="one level for each sample",
        serve="another level for each sample",
        mends="in serving, scale each sample (to its peak, loudness or range) exactly as training does",
        apply=on_serve(lambda array: numbers(array) * gain.reshape(shape) + offset.reshape(shape)),
        cost=FITTED_PER_COLUMN + 0.01 * len(t),
        scale=float(np.abs(gain).max() * np.abs(s).max() + np.abs(offset).max()),
        least=1e-4,
    )
