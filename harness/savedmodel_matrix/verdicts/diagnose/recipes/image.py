"""Images: the part, the resizing, the channels and the value range, all found from the raw image.

Every output channel is fitted as a linear function of the resized red, green and blue (4 numbers for tens of
thousands of pixels of one image). The function gives the names of channel order, grey weights and range,
which are then proven on every image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import numbers, short, unlimited
from savedmodel_matrix.verdicts.diagnose.recipes.colours import ORDERS, name_of
from savedmodel_matrix.verdicts.diagnose.recipes.decoders import (
    LEVEL,
    MOST,
    MOST_LEVELS_RMS,
    alike,
    is_other_decoder,
    told_by,
)
from savedmodel_matrix.verdicts.diagnose.recipes.fitting import MOST_IMAGES, fits, made_of
from savedmodel_matrix.verdicts.diagnose.recipes.readings import readings
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Decoded
    from savedmodel_matrix.verdicts.diagnose.recipes.readings import Reading

DECODER = "jpeg-decoder"
_ACCURATE, OTHER = "libjpeg's accurate decoder", "another JPEG decoder"
#: How many of the best fits to the sample are tried on whole images, where their ranking can change.
_TRIED = 4


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
        for _, files in alike(decoded):
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
    fitted = sorted(fits(images[0], target[0]), key=lambda each: each.levels)
    for each in fitted[:_TRIED]:
        named = name_of(each.line)
        if named is None:
            continue
        made = made_of(images, each, named, target.shape)
        if made is None:
            return []
        padding = np.isnan(made[0]).any(axis=-1)
        values = _padding(target, made, padding)
        levels = np.abs(made - target)[: min(len(images), MOST_IMAGES)] / named.level
        if np.isnan(levels).all():
            continue
        within = np.nanmean(levels <= LEVEL), np.sqrt(np.nanmean(np.square(levels)))
        exact = within[0] >= MOST and within[1] <= MOST_LEVELS_RMS
        if not exact and not (reading.is_jpeg and is_other_decoder(made - target, named.level)):
            continue
        parts = {
            **reading.parts,
            **({DECODER: _ACCURATE if exact else OTHER} if reading.is_jpeg else {}),
            "crop": each.geometry.name,
            "resize-method": each.method.name,
            "channel-order" if named.channels in ORDERS.values() else "grey-weights": named.channels,
            "value-range": named.values,
            "layout": layout,
            **({"padding-value": f"padding with {values}"} if padding.any() and values else {}),
        }
        told = told_by(target, each, named, reading, decoded)
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
