"""Raw images, in each way that their files can be read: turned, blended, of 8 or 16 bits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.choices import TURNS
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

_ORIENTATION = 0x0112


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
