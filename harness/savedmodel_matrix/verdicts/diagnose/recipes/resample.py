"""Resizing along one axis as a matrix: every kernel, antialiased or not, for every pixel position convention.

The conventions and kernels are those of Pillow, OpenCV and tf.image; see docs/preprocessing-diagnoses.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.verdicts.diagnose.pair import Array


def _triangle(x: Array) -> Array:
    found: Array = np.maximum(1 - np.abs(x), 0)
    return found


def _cubic(a: float) -> Callable[[Array], Array]:
    def kernel(x: Array) -> Array:
        x = np.abs(x)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))

    return kernel


def _lanczos(x: Array) -> Array:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


# Pillow, src/libImaging/Resample.c: a Hamming window (0.54, 0.46) of width 1.
def _hamming(x: Array) -> Array:
    return np.where(np.abs(x) < 1, np.sinc(x) * (0.54 + 0.46 * np.cos(np.pi * x)), 0.0)


def _box(x: Array) -> Array:
    return ((x > -0.5) & (x <= 0.5)).astype(float)


@dataclass(frozen=True)
class Method:
    """One way to resize. ``places``, of pixels, is "half-pixel", "align-corners" or "corner" (TF 1)."""

    kernel: str
    support: float
    weight: Callable[[Array], Array] | None
    antialias: bool = False
    places: str = "half-pixel"
    renormalised: bool = False  # at the border: the weights, instead of repeated pixels

    summed: bool = False

    @property
    def name(self) -> str:
        """The method in words, the kernel first."""
        words = [self.kernel]
        if self.antialias:
            words.append("antialiased")
        if self.places != "half-pixel":
            words.append({"align-corners": "corners aligned", "corner": "no half-pixel centres"}[self.places])
        return ", ".join(words)

    def weights(self, size: int, wanted: int, at: Array | None = None) -> Array:
        """Return the matrix (wanted, size) that resizes a row of pixels; of the pixels ``at``, if given."""
        at = np.arange(wanted) if at is None else at
        if size == wanted:
            return np.eye(size)[at]
        scale = size / wanted
        if self.weight is None:
            return self._picked(size, wanted)[at]
        if self.kernel == "area":
            low, high = at[:, None] * scale, (at[:, None] + 1) * scale
            pixels = np.arange(size)
            covered = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None)
            return np.asarray(covered / covered.sum(axis=1, keepdims=True))
        centres = self._centres(size, wanted)[at]
        width = max(scale, 1.0) if self.antialias else 1.0
        reach = int(np.ceil(self.support * width)) + 1
        pixels = np.floor(centres)[:, None] + np.arange(-reach, reach + 1)
        weight = self.weight((pixels - centres[:, None]) / width)
        if self.antialias or self.renormalised:
            weight = np.where((pixels >= 0) & (pixels < size), weight, 0.0)
        total = weight.sum(axis=1, keepdims=True)
        weight = weight / np.where(total == 0, 1.0, total)
        out = np.zeros((len(at), size))
        np.add.at(out, (np.arange(len(at))[:, None], np.clip(pixels, 0, size - 1).astype(int)), weight)
        return out

    def _centres(self, size: int, wanted: int) -> Array:
        at = np.arange(wanted)
        if self.places == "align-corners":
            return at * (size - 1) / max(wanted - 1, 1)
        if self.places == "corner":
            return at * size / wanted
        return (at + 0.5) * size / wanted - 0.5

    def _picked(self, size: int, wanted: int) -> Array:
        centres = self._centres(size, wanted)
        if self.summed:  # like Pillow, which sums many steps, so that ties are resolved in the same way
            centres = np.cumsum(np.r_[0.5, np.ones(wanted - 1)] * (size / wanted)) - 0.5 - 1e-9
        nearest = np.floor(centres + 1e-9) if self.places == "corner" else np.floor(centres + 0.5 + 1e-9)
        out = np.zeros((wanted, size))
        out[np.arange(wanted), np.clip(nearest, 0, size - 1).astype(int)] = 1
        return out


#: The kernels of Pillow, OpenCV, tf.image (1 and 2) and PyTorch. Keys' cubic has a = -0.5 in Pillow and
#: tf.image, and -0.75 in OpenCV and PyTorch.
METHODS = (
    Method("nearest", 0, None),
    Method("nearest", 0, None, summed=True),
    Method("nearest", 0, None, places="corner"),
    Method("nearest", 0, None, places="align-corners"),
    Method("bilinear", 1, _triangle),
    Method("bilinear", 1, _triangle, antialias=True),
    Method("bilinear", 1, _triangle, places="align-corners"),
    Method("bilinear", 1, _triangle, places="corner"),
    Method("bicubic", 2, _cubic(-0.5), antialias=True),
    Method("bicubic", 2, _cubic(-0.5), renormalised=True),
    Method("bicubic (a = -0.75)", 2, _cubic(-0.75)),
    Method("bicubic (a = -0.75)", 2, _cubic(-0.75), places="align-corners"),
    Method("bicubic", 2, _cubic(-0.5), places="corner"),
    Method("area", 1, _box),
    Method("box", 0.5, _box, antialias=True),
    Method("hamming", 1, _hamming, antialias=True),
    Method("lanczos", 3, _lanczos, antialias=True),
    Method("lanczos", 3, _lanczos, renormalised=True),
)
#: For crops at the image's own scale.
UNSCALED = Method("no resizing", 0, None)
