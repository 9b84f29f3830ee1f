"""Every geometry and method of resizing, fitted to a few rows and columns of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.recipes.colours import sparse
from savedmodel_matrix.verdicts.diagnose.recipes.geometry import Geometry, geometries
from savedmodel_matrix.verdicts.diagnose.recipes.resample import METHODS, UNSCALED, Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.verdicts.diagnose.pair import Array
    from savedmodel_matrix.verdicts.diagnose.recipes.colours import Named

#: How many rows and columns of an image are used: enough to distinguish methods, and quick to resize.
_ROWS, _COLUMNS = 16, 64
MOST_IMAGES = 8


class Fitted(NamedTuple):
    """One way to make an image, the line from colours to channels, and what it leaves in levels of 8 bits."""

    levels: float
    geometry: Geometry
    method: Method
    line: Array  # (3 colours and one, channels)


def fits(image: Array, target: Array) -> Iterator[Fitted]:
    """Yield every way to make the target of the image, fitted to a part of its rows and columns."""
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
            line = sparse(x[known, :3], y[known], line, left)
            level = np.maximum(np.abs(line[:3]).sum(axis=0), 1e-12)
            yield Fitted(float(np.mean(left / level)), geometry, method, line)


def made_of(
    images: Sequence[Array], fitted: Fitted, named: Named, shape: tuple[int, ...], *, whole: bool = False
) -> Array | None:
    """Return what a fit makes of the first images, NaN for the others; None if one cannot be cut so.

    ``whole``: levels are rounded before the line is applied, as libraries do that resize 8-bit images.
    """
    made = np.full(shape, np.nan)
    h, w = shape[1:3]
    for index, image in enumerate(images[:MOST_IMAGES]):
        geometry = next(
            (g for g in geometries(image.shape[0], image.shape[1], h, w) if g.name == fitted.geometry.name),
            None,
        )
        if geometry is None:
            return None
        levels = np.clip(_resized(image, geometry, fitted.method, h, w), 0, 255)
        made[index] = _line(np.rint(levels) if whole else levels, named.line)
    return made


def _resized(
    image: Array, geometry: Geometry, method: Method, h: int, w: int, at: tuple[Array, Array] | None = None
) -> Array:
    rows, columns = at if at is not None else (None, None)
    vertical = geometry.rows.weights(method, image.shape[0], h, rows).astype(image.dtype)
    horizontal = geometry.columns.weights(method, image.shape[1], w, columns).astype(image.dtype)
    if at is not None:
        # A few rows and columns are made of few of the image's.
        used = [np.flatnonzero(np.nan_to_num(each).any(axis=0)) for each in (vertical, horizontal)]
        image = image[np.ix_(*used)]
        vertical, horizontal = vertical[:, used[0]], horizontal[:, used[1]]
    half = np.tensordot(vertical, image, axes=(1, 0))
    return np.moveaxis(np.tensordot(half, horizontal, axes=(1, 1)), -1, 1)


def _line(resized: Array, line: Array) -> Array:
    found: Array = resized @ line[:3] + line[3]
    return found
