"""Images: the part, the resizing, the channels and the value range, all found from the raw image.

Every output channel is fitted as a linear function of the resized red, green and blue (4 numbers for tens of
thousands of pixels of one image). The function gives the names of channel order, grey weights and range,
which are then proven on every image.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.choices import TURNS
from savedmodel_matrix.verdicts.diagnose.corrections.encodings import ENCODINGS
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers, short, unlimited
from savedmodel_matrix.verdicts.diagnose.recipes.geometry import Geometry, geometries
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe
from savedmodel_matrix.verdicts.diagnose.recipes.resample import METHODS, UNSCALED, Method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Decoded

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
#: JPEG decoders: how far apart they may be in levels, and what is left in the light and in all.
_DECODER_LEVELS, _DECODER_LIGHT, _DECODER_RMS = 8.0, 0.75, 3.0
DECODER = "jpeg-decoder"
_ACCURATE, OTHER = "libjpeg's accurate decoder", "another JPEG decoder"
#: How many times as much the next best decoder of the stages' own libraries has to leave.
_BEATS = 1.5
_ORIENTATION = 0x0112
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


def recipes(
    side: Array, raw: Array, decoded: Decoded | None = None, check: Callable[[str], None] = unlimited
) -> list[Recipe]:
    """Return the recipe that best makes this side from the raw images, if one does.

    ``decoded`` are the raw images by the decoders of the stages' own libraries, to tell which one it was.
    """
    near: list[Recipe] = []
    for reading in readings(raw):
        for layout, target in _layouts(side):
            if len(target) != len(reading.images) or min(target.shape[1:3]) < 4:
                continue
            check("images from the raw input")
            found = _recipe(layout, target, reading, side, decoded or {})
            if found and found[0].parts.get(DECODER) != OTHER:
                return found
            near += found
    return near[:1] or _by_decoders(side, raw, decoded or {}, check)


def _by_decoders(side: Array, raw: Array, decoded: Decoded, check: Callable[[str], None]) -> list[Recipe]:
    """Return the recipe of a side that another decoder made, too far off to be seen from the usual one."""
    for reading in readings(raw) if decoded else ():
        for _, files in _alike(decoded):
            if not reading.is_jpeg or len(files) != len(reading.images):
                continue
            images = [reading.turned(at, image.astype(np.float64)) for at, image in enumerate(files)]
            for layout, target in _layouts(side):
                if len(target) != len(images) or min(target.shape[1:3]) < 4:
                    continue
                check("JPEG decoders")
                found = _recipe(layout, target, reading._replace(images=images), side, decoded)
                if found and found[0].parts[DECODER] not in (_ACCURATE, OTHER):
                    return found
    return []


def _recipe(layout: str, target: Array, reading: Reading, side: Array, decoded: Decoded) -> list[Recipe]:
    images = reading.images
    fitted = sorted(_fits(images[0], target[0]), key=lambda each: each.levels)
    for each in fitted[:_TRIED]:
        named = _name(each.line)
        if named is None:
            continue
        made = _made(images, each, named, target.shape)
        if made is None:
            return []
        padding = np.isnan(made[0]).any(axis=-1)
        values = _padding(target, made, padding)
        levels = np.abs(made - target)[: min(len(images), _MOST_IMAGES)] / named.level
        if np.isnan(levels).all():
            continue
        within = np.nanmean(levels <= _LEVEL), np.sqrt(np.nanmean(np.square(levels)))
        exact = within[0] >= _MOST and within[1] <= _MOST_LEVELS_RMS
        if not exact and not (reading.is_jpeg and _other_decoder(made - target, named.level)):
            continue
        parts = {
            **reading.parts,
            **({DECODER: _ACCURATE if exact else OTHER} if reading.is_jpeg else {}),
            "crop": each.geometry.name,
            "resize-method": each.method.name,
            "channel-order" if named.channels in _ORDERS.values() else "grey-weights": named.channels,
            "value-range": named.values,
            "layout": layout,
            **({"padding-value": f"padding with {values}"} if padding.any() and values else {}),
        }
        told = _told(target, each, named, reading, decoded)
        if told is not None:
            made, parts[DECODER] = told.made, told.decoders
        back = np.moveaxis(made, -1, 1) if layout.endswith("first") else made
        return [
            Recipe(
                parts,
                back.reshape(side.shape),
                each.levels,
                left=told.left if told else None,
                beaten=told.beaten if told else None,
            )
        ]
    return []


def _made(
    images: Sequence[Array], fitted: _Fitted, named: _Named, shape: tuple[int, ...], *, whole: bool = False
) -> Array | None:
    """Return what a fit makes of the first images, NaN for the others; None if one cannot be cut so.

    ``whole``: levels are rounded before the line is applied, as libraries do that resize 8-bit images.
    """
    made = np.full(shape, np.nan)
    h, w = shape[1:3]
    for index, image in enumerate(images[:_MOST_IMAGES]):
        geometry = next(
            (g for g in geometries(image.shape[0], image.shape[1], h, w) if g.name == fitted.geometry.name),
            None,
        )
        if geometry is None:
            return None
        levels = np.clip(_resized(image, geometry, fitted.method, h, w), 0, 255)
        made[index] = _line(np.rint(levels) if whole else levels, named.line)
    return made


class _Told(NamedTuple):
    """The decoders of a side and what they make.

    ``left`` and ``beaten`` are the root mean squares, in levels, that they and the next best ones leave.
    """

    decoders: str
    made: Array
    left: float
    beaten: float | None


def _told(target: Array, fitted: _Fitted, named: _Named, reading: Reading, decoded: Decoded) -> _Told | None:
    """Return which decoders make a side, given how it was resized; None if none does, or several do.

    Nothing is fitted to tell them apart.
    """
    levels = (target - named.line[3]) / named.level
    known = levels[np.isfinite(levels)]
    whole = (
        bool((np.abs(known - np.rint(known)) <= _NEAR).mean() >= _MOST) and named.channels in _ORDERS.values()
    )
    rated = []
    for names, files in _alike(decoded):
        images = [reading.turned(at, image.astype(np.float64)) for at, image in enumerate(files)]
        made = _made(images, fitted, named, target.shape, whole=whole)
        if made is not None:
            gap = np.abs(made - target) / named.level
            rms = float(np.sqrt(np.nanmean(np.square(gap))))
            within = np.nanmean(gap <= _LEVEL) >= _MOST and rms <= _MOST_LEVELS_RMS
            rated.append((rms, within, ", ".join(names), made))
    rated.sort(key=lambda each: each[0])
    if not rated or not rated[0][1]:
        return None
    left, _, together, made = rated[0]
    beaten = rated[1][0] if len(rated) > 1 else None
    if beaten is not None and beaten < _BEATS * left:
        return None
    return _Told(together, made, left, beaten)


def _alike(decoded: Decoded) -> list[tuple[list[str], Sequence[Array]]]:
    """Return the decoders with what they make of the files; those that make the same bits are together."""
    found: list[tuple[list[str], Sequence[Array]]] = []
    for name, files in decoded.items():
        for names, others in found:
            if len(files) == len(others) and all(map(np.array_equal, files, others)):
                names.append(name)
                break
        else:
            found.append(([name], files))
    return found


def _other_decoder(gap: Array, level: Array) -> bool:
    """Whether a recipe leaves what another JPEG decoder does: a few levels, in colours rather than in light.

    A decoder's inverse DCT and the way it enlarges the colour planes move colours by up to a handful of
    levels. Another way of resizing moves light as much, and by more at edges.
    """
    off = (gap / level)[:_MOST_IMAGES].reshape(-1, gap.shape[-1])
    off = off[~np.isnan(off).any(axis=1)]
    if off.shape[-1] != 3 or np.abs(off).max(initial=0.0) > _DECODER_LEVELS:
        return False
    light = off @ np.array(_WEIGHTS["grey by BT.601"])
    return bool(
        np.sqrt(np.square(light).mean()) <= _DECODER_LIGHT and np.sqrt(np.square(off).mean()) <= _DECODER_RMS
    )


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


class Reading(NamedTuple):
    """One way to read the raw images: what is done, by diagnosis, and (height, width, 3) each."""

    parts: dict[str, str]
    images: list[Array]
    is_jpeg: bool = False
    turns: tuple[int, ...] = ()
    """The EXIF orientation that is undone in each image; empty if none is."""

    def turned(self, at: int, image: Array) -> Array:
        """Return an image as it is stored, turned like image ``at`` of this reading."""
        return np.ascontiguousarray(TURNS[self.turns[at]][1](image)) if self.turns else image


def readings(raw: Array) -> Iterator[Reading]:
    """Yield raw images with levels 0 to 255 in each way that their files can be read, the usual one first."""
    if not is_text(raw):
        images = _of_numbers(raw)
        if images:
            yield Reading({}, images)
        return
    try:
        files = [_File.of(data) for data in raw.ravel()]
    except (OSError, ValueError):
        return
    if not files:
        return
    is_jpeg = all(each.is_jpeg for each in files)
    has_turned = any(each.orientation != 1 for each in files)
    has_alpha = any(each.alpha is not None for each in files)
    has_deep = any(each.is_deep for each in files)
    for turned in (False, True) if has_turned else (False,):
        for alpha, blend in _BLENDS if has_alpha else _BLENDS[:1]:
            for depth, narrow in _DEPTHS if has_deep else _DEPTHS[:1]:
                orientation = (
                    "photos turned as their EXIF data says" if turned else "photos as they are stored"
                )
                parts = {
                    **({"exif-orientation": orientation} if has_turned else {}),
                    **({"alpha": alpha} if has_alpha else {}),
                    **({"bit-depth": depth} if has_deep else {}),
                }
                images = []
                for each in files:
                    image = blend(narrow(each.pixels) if each.is_deep else each.pixels, each.alpha)
                    images.append(
                        np.ascontiguousarray(TURNS[each.orientation][1](image) if turned else image)
                    )
                turns = tuple(each.orientation for each in files) if turned else ()
                yield Reading(parts, images, is_jpeg, turns)


def _dropped(image: Array, alpha: Array | None) -> Array:  # noqa: ARG001 - the form of every way
    return image


def _over(background: float) -> Callable[[Array, Array | None], Array]:
    return lambda image, alpha: (
        image
        if alpha is None
        else image * (alpha / 255)[..., None] + background * (1 - alpha / 255)[..., None]
    )


#: What becomes of an alpha channel.
_BLENDS: tuple[tuple[str, Callable[[Array, Array | None], Array]], ...] = (
    ("images without their alpha channel", _dropped),
    ("images blended over white", _over(255)),
    ("images blended over black", _over(0)),
    ("images blended over grey", _over(128)),
)
#: What becomes of 16 bits.
_DEPTHS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("16 bits divided by 256", lambda x: np.floor(x / 256)),
    ("16 bits divided by 257", lambda x: x / 257),
    ("16 bits clipped at 255", lambda x: np.clip(x, 0, 255)),
    ("16 bits, the lower 8", lambda x: x % 256),
)


class _File(NamedTuple):
    pixels: Array
    alpha: Array | None
    is_deep: bool
    orientation: int
    is_jpeg: bool

    @classmethod
    def of(cls, data: bytes) -> _File:
        """Return a decoded file. Raises ``ValueError`` or ``OSError`` if it is no image."""
        from PIL import Image  # noqa: PLC0415 - nothing but a diagnosis of images needs it

        if not data.startswith((b"\xff\xd8", b"\x89PNG", b"BM", b"GIF8", b"RIFF", b"II*", b"MM")):
            raise ValueError("not an image")
        with Image.open(io.BytesIO(data)) as image:
            tag = image.getexif().get(_ORIENTATION, 1)
            deep = image.mode.startswith("I")
            alpha = None
            if "A" in image.getbands() or "transparency" in image.info:
                alpha = np.asarray(image.convert("RGBA"), np.float64)[..., 3]
            if deep:
                pixels = np.repeat(np.asarray(image, np.float64)[..., None], 3, axis=-1)
            else:
                pixels = (
                    np.asarray(image.convert("RGBA"), np.float64)[..., :3]
                    if alpha is not None
                    else np.asarray(image.convert("RGB"), np.float64)
                )
            return cls(
                pixels,
                alpha,
                deep,
                tag if tag in TURNS else 1,
                image.format == "JPEG" or data.startswith(b"\xff\xd8"),
            )


def _of_numbers(raw: Array) -> list[Array]:
    """Return raw arrays of pixels as (height, width, 3) with levels 0 to 255."""
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
