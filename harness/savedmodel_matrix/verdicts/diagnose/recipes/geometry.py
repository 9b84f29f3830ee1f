"""Which part of an image is used, and where it is placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array
    from savedmodel_matrix.verdicts.diagnose.recipes.resample import Method


@dataclass(frozen=True)
class Axis:
    """One axis: pixels ``start`` to ``stop`` are resized to ``size``, of which ``offset`` is the first used.

    A negative offset pads.
    """

    start: int
    stop: int
    size: int
    offset: int

    def weights(self, method: Method, length: int, wanted: int, at: Array | None = None) -> Array:
        """Return the matrix (wanted, length), of the rows ``at`` if given; rows that are padding are NaN."""
        place = (np.arange(wanted) if at is None else at) + self.offset
        inside = (place >= 0) & (place < self.size)
        out = np.full((len(place), length), np.nan)
        out[inside] = 0.0
        out[inside, self.start : self.stop] = method.weights(self.stop - self.start, self.size, place[inside])
        return out


@dataclass(frozen=True)
class Geometry:
    """The part of an image that is used, in words and for both axes."""

    name: str
    rows: Axis
    columns: Axis
    scaled: bool = True


def geometries(height: int, width: int, h: int, w: int) -> Iterator[Geometry]:
    """Yield the usual geometries that turn an image of (height, width) into one of (h, w)."""
    yield Geometry(
        "the whole image, stretched", Axis(0, height, h, 0), Axis(0, width, w, 0), (height, width) != (h, w)
    )
    if (height, width) == (h, w):
        return
    taken = min(height / h, width / w)
    ch, cw = round(h * taken), round(w * taken)
    y, x = (height - ch) // 2, (width - cw) // 2
    yield Geometry("the largest centre crop, resized", Axis(y, y + ch, h, 0), Axis(x, x + cw, w, 0))
    yield Geometry("the largest top-left crop, resized", Axis(0, ch, h, 0), Axis(0, cw, w, 0))
    # 256 to 224: torchvision's presets. 0.875: the same share, TF-Slim's central_fraction.
    for shorter in sorted({max(h, w), round(max(h, w) * 256 / 224), round(max(h, w) / 0.875)}):
        mh, mw = (
            (shorter, int(width * shorter / height))
            if height <= width
            else (int(height * shorter / width), shorter)
        )
        if mh >= h and mw >= w:
            for where, oy, ox in (
                ("centre", (mh - h) // 2, (mw - w) // 2),
                ("centre (rounded)", round((mh - h) / 2), round((mw - w) / 2)),
                ("top left", 0, 0),
            ):
                name = f"shorter side resized to {shorter}, cropped at the {where}"
                yield Geometry(name, Axis(0, height, mh, oy), Axis(0, width, mw, ox))
    fraction = 0.875  # central_fraction of TF-Slim's inception_preprocessing.py
    y, x = int((height - height * fraction) / 2), int((width - width * fraction) / 2)
    name = f"the central {fraction:g} of the image, resized"
    yield Geometry(name, Axis(y, height - y, h, 0), Axis(x, width - x, w, 0))
    fit = min(h / height, w / width)
    mh, mw = round(height * fit), round(width * fit)
    yield Geometry(
        "fitted and padded", Axis(0, height, mh, -((h - mh) // 2)), Axis(0, width, mw, -((w - mw) // 2))
    )
    yield Geometry("fitted and padded at the end", Axis(0, height, mh, 0), Axis(0, width, mw, 0))
    if height >= h and width >= w:
        y, x = (height - h) // 2, (width - w) // 2
        yield Geometry("a centre crop", Axis(0, height, height, y), Axis(0, width, width, x), scaled=False)
        yield Geometry("a top-left crop", Axis(0, height, height, 0), Axis(0, width, width, 0), scaled=False)
