"""Images: the part, the resizing, the channels and the value range, all found from the raw image.

Every output channel is fitted as a linear function of the resized red, green and blue (4 numbers for tens of
thousands of pixels of one image). The function gives the names of channel order, grey weights and range,
which are then proven on every image.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.encodings import ENCODINGS
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers, short
from savedmodel_matrix.verdicts.diagnose.recipes.geometry import Geometry, geometries
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe
from savedmodel_matrix.verdicts.diagnose.recipes.resample import METHODS, UNSCALED, Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Resizing in whole numbers rounds to levels of 0..255, in some libraries after each axis: two half levels,
#: and a little for the fit.
_LEVEL = 1.05
#: This share of pixels must be within a level; libraries treat borders in different ways.
_MOST = 0.98
#: Uniform rounding twice has a root mean square of 0.41 levels (1 / sqrt(12) each); this leaves room for
#: borders.
_MOST_LEVELS_RMS = 0.75
#: How many rows and columns of an image are used: enough to distinguish methods, and quick to resize.
_ROWS, _COLUMNS = 16, 64
#: How many of the best fits to the sample are tried on whole images, where their ranking can change.
_TRIED = 4
_MOST_IMAGES = 8
#: How close a fitted factor must be to a named one, relatively; rounding to 8 bits moves a fit by less.
_NEAR = 0.01

#: How colours become one channel. ITU-R BT.601: Pillow, OpenCV, tf.image. ITU-R BT.709: scikit-image.
_WEIGHTS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "grey by BT.601": (0.299, 0.587, 0.114),
    "grey by BT.601 with red and blue swapped": (0.114, 0.587, 0.299),
    "grey by BT.709": (0.2126, 0.7152, 0.0722),
    "grey as the mean": (1 / 3, 1 / 3, 1 / 3),
}
_ORDERS: dict[tuple[str, ...], str] = {("red", "green", "blue"): "RGB", ("blue", "green", "red"): "BGR"}


class _Fitted(NamedTuple):
    levels: float
    geometry: Geometry
    method: Method
    line: Array  # (3 colours and one, channels)


class _Named(NamedTuple):
    """The name of a fitted line, and the line itself, exact if it has a name."""

    channels: str
    values: str
    line: Array
    level: Array  # the size of one level of 0..255 in each channel


def recipes(side: Array, raw: Array) -> list[Recipe]:
    """Return the recipe that best makes this side from the raw images, if one does."""
    images = _images(raw)
    if not images:
        return []
    for layout, target in _layouts(side):
        if len(target) != len(images) or min(target.shape[1:3]) < 4:
            continue
        found = _recipe(layout, target, images, side)
        if found:
            return found
    return []


def _recipe(layout: str, target: Array, images: Sequence[Array], side: Array) -> list[Recipe]:
    h, w = target.shape[1:3]
    fitted = sorted(_fits(images[0], target[0]), key=lambda each: each.levels)
    for each in fitted[:_TRIED]:
        named = _name(each.line)
        if named is None:
            continue
        made = np.zeros(target.shape)
        for index, image in enumerate(images):
            if index < _MOST_IMAGES:
                geometry = next(
                    (
                        g
                        for g in geometries(image.shape[0], image.shape[1], h, w)
                        if g.name == each.geometry.name
                    ),
                    None,
                )
                if geometry is None:
                    return []
                levels_of = np.clip(_resized(image, geometry, each.method, h, w), 0, 255)
                made[index] = _line(levels_of, named.line)
            else:
                made[index] = np.nan
        padding = np.isnan(made[0]).any(axis=-1)
        values = _padding(target, made, padding)
        levels = np.abs(made - target)[: min(len(images), _MOST_IMAGES)] / named.level
        within = np.nanmean(levels <= _LEVEL), np.sqrt(np.nanmean(np.square(levels)))
        if within[0] < _MOST or within[1] > _MOST_LEVELS_RMS:
            continue
        parts = {
            "crop": each.geometry.name,
            "resize-method": each.method.name,
            "channel-order" if named.channels in _ORDERS.values() else "grey-weights": named.channels,
            "value-range": named.values,
            "layout": layout,
            **({"padding-value": f"padding with {values}"} if padding.any() and values else {}),
        }
        back = made.reshape(target.shape)
        back = np.moveaxis(back, -1, 1) if layout.endswith("first") else back
        return [Recipe(parts, back.reshape(side.shape), each.levels)]
    return []


def _fits(image: Array, target: Array) -> Iterator[_Fitted]:
    h, w = target.shape[:2]
    rows, columns = (
        np.unique(np.linspace(0, size - 1, min(size, most)).astype(int))
        for size, most in ((h, _ROWS), (w, _COLUMNS))
    )
    narrow, wanted = image.astype(np.float32), target[np.ix_(rows, columns)]
    for geometry in geometries(image.shape[0], image.shape[1], h, w):
        for method in METHODS if geometry.scaled else (UNSCALED,):
            resized = _resized(narrow, geometry, method, h, w, (rows, columns)).astype(np.float64)
            x = np.concatenate([resized, np.ones((*resized.shape[:2], 1))], axis=-1).reshape(-1, 4)
            y = wanted.reshape(len(x), -1)
            known = ~np.isnan(x).any(axis=1)
            if known.mean() < 0.25:
                continue
            line = np.linalg.lstsq(x[known], y[known], rcond=None)[0]
            left = np.sqrt(np.mean(np.square(x[known] @ line - y[known]), axis=0))
            line = _sparse(x[known, :3], y[known], line, left)
            level = np.maximum(np.abs(line[:3]).sum(axis=0), 1e-12)
            yield _Fitted(float(np.mean(left / level)), geometry, method, line)


def _sparse(x: Array, y: Array, line: Array, left: Array) -> Array:
    """Return the line with one colour per channel if that fits as well: colours correlate."""
    colours, wanted = x - x.mean(axis=0), y - y.mean(axis=0)
    squares = np.maximum(np.square(colours).sum(axis=0), 1e-12)
    factors = colours.T @ wanted / squares[:, None]
    gaps = np.sqrt(np.maximum(np.square(wanted).sum(axis=0) - factors**2 * squares[:, None], 0) / len(x))
    out = line.copy()
    for channel in range(y.shape[1]):
        # The same or the reverse order first, then whichever is closest.
        for colour in (channel, 2 - channel, int(gaps[:, channel].argmin())) if y.shape[1] == 3 else ():
            factor = factors[colour, channel]
            if gaps[colour, channel] <= 1.1 * left[channel] + _NEAR * abs(factor):
                out[:, channel] = 0
                out[colour, channel] = factor
                out[3, channel] = y[:, channel].mean() - factor * x[:, colour].mean()
                break
    return out


def _name(line: Array) -> _Named | None:
    """Return the names of a fitted line; None if a channel is not a known mixture of colours."""
    level = line[:3].sum(axis=0)
    if (np.abs(level) < 1e-9).any():
        return None
    mixture = line[:3] / level
    colours = []
    for channel in mixture.T:
        name, weights = min(
            _WEIGHTS.items(), key=lambda item: float(np.abs(np.array(item[1]) - channel).max())
        )
        if np.abs(np.array(weights) - channel).max() > 3 * _NEAR:
            return None
        colours.append(name)
    order = _ORDERS.get(tuple(colours), colours[0] if len(set(colours)) == 1 else ", ".join(colours))
    weights_of = np.array([_WEIGHTS[name] for name in colours]).T
    factor, offset = level, line[3]
    values = f"{short(float(factor.mean()))} times the level, plus {short(float(offset.mean()))}"
    at = [("red", "green", "blue").index(name) if name in ("red", "green", "blue") else 1 for name in colours]
    for encoding in ENCODINGS:
        f, o = encoding.factor[at], encoding.offset[at]
        if np.allclose(factor, f, rtol=_NEAR) and np.all(np.abs(offset - o) <= 2 * np.abs(f)):
            factor, offset, values = f, o, f"values {encoding.name}"
            break
    return _Named(order, values, np.concatenate([weights_of * factor, offset[None]]), np.abs(factor))


def _resized(
    image: Array, geometry: Geometry, method: Method, h: int, w: int, at: tuple[Array, Array] | None = None
) -> Array:
    vertical = geometry.rows.weights(method, image.shape[0], h)
    horizontal = geometry.columns.weights(method, image.shape[1], w)
    if at is not None:
        vertical, horizontal = vertical[at[0]], horizontal[at[1]]
    vertical, horizontal = (each.astype(image.dtype) for each in (vertical, horizontal))
    half = np.tensordot(vertical, image, axes=(1, 0))
    return np.moveaxis(np.tensordot(half, horizontal, axes=(1, 1)), -1, 1)


def _line(resized: Array, line: Array) -> Array:
    found: Array = resized @ line[:3] + line[3]
    return found


def _padding(target: Array, made: Array, padding: Array) -> str:
    """Fill in the padding if all of it has one value, and return that value."""
    if not padding.any():
        return ""
    values = np.unique(target[:, padding])
    if len(values) > 1:
        return ""
    made[:, padding] = values[0]
    return short(float(values[0]))


def _layouts(side: Array) -> Iterator[tuple[str, Array]]:
    x = numbers(side)
    if x.ndim == 4 and x.shape[-1] in (1, 3):
        yield "channels last", x
    if x.ndim == 4 and x.shape[1] in (1, 3):
        yield "channels first", np.moveaxis(x, 1, -1)
    if x.ndim == 3:
        if x.shape[-1] in (1, 3):
            yield "channels last", x[None]
        if x.shape[0] in (1, 3):
            yield "channels first", np.moveaxis(x, 0, -1)[None]
        yield "channels last", x[..., None]
    if x.ndim == 2:
        yield "channels last", x[None, ..., None]


def _images(raw: Array) -> list[Array]:
    """Return raw images as (height, width, 3) with levels 0 to 255, decoded if they are encoded."""
    if is_text(raw):
        try:
            return [_decoded(data) for data in raw.ravel()]
        except (OSError, ValueError):
            return []
    if not is_numeric(raw) or raw.ndim not in (3, 4):
        return []
    x = numbers(raw)[None] if raw.ndim == 3 else numbers(raw)
    if x.shape[-1] not in (1, 3, 4) and x.shape[1] in (1, 3):
        x = np.moveaxis(x, 1, -1)
    if x.shape[-1] not in (1, 3, 4) or min(x.shape[1:3]) < 4:
        return []
    if x.max(initial=0.0) <= 1 and raw.dtype.kind == "f":
        x = x * 255
    return [np.ascontiguousarray(np.broadcast_to(image[..., :3], (*image.shape[:2], 3))) for image in x]


def _decoded(data: bytes) -> Array:
    from PIL import Image  # noqa: PLC0415 - nothing but a diagnosis of images needs it

    if not data.startswith((b"\xff\xd8", b"\x89PNG", b"BM", b"GIF8", b"RIFF")):
        raise ValueError("not an image")
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.float64)
