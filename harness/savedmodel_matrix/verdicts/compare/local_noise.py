"""The noise of single elements: their own, and that of the elements of the same scale around them.

Few replicates show an element's own noise only roughly, and some show none at all. So an element has at least
the noise of its peers: the elements of its row, of its column or of its magnitude, whichever have the least.
Pooled over a whole column or tensor, the noise of a row of 5e5 would hide a change in a row of 2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.noise_floor import LocalNoise
from savedmodel_matrix.verdicts.compare.blocks import BLOCK, BlockPair

if TYPE_CHECKING:
    from savedmodel_matrix.domain.noise_floor import MeasuredSpread
    from savedmodel_matrix.verdicts.compare.elements import Array, Element
    from savedmodel_matrix.verdicts.compare.metrics import Reader

#: A last axis longer than this is a signal rather than a set of columns (classes, channels, bins). More rows
#: than this are pooled with their neighbours, so that memory does not grow with the output.
MOST_GROUPS = 65536
#: Rows and columns of fewer elements are not pooled.
_FEWEST = 8
#: How far, in normal deviates, the noise of a small group may lie below what its replicates would show if
#: there were more of them.
_CAUTION = 3.0
#: Powers of two in a group by magnitude, and what makes every float64 exponent positive.
_STEP, _BIAS = 2, 1100
#: TensorFlow flushes numbers below the least normal one to zero, and kernels of exponentials give up a little
#: above it, each at its own limit. So a number of a few times that may be zero in another kernel.
_UNDERFLOW = 4.0
_FLOAT32_LEAST = -126
_MAGNITUDES = 2 * _BIAS // _STEP


def local_noise(spread: MeasuredSpread, read: Reader, element: Element) -> LocalNoise:
    """Return the noise of each group of elements of a float output with replicates.

    Raises:
        OSError: if an object is missing.
        ValueError: if one is damaged.
    """
    shape = spread.base.shape
    size = math.prod(shape)
    width = shape[-1] if len(shape) > 1 and 1 < shape[-1] <= MOST_GROUPS else 1
    # Rows too short to pool are pooled per item of the batch instead.
    row = width if width >= _FEWEST else size // shape[0] if len(shape) > 1 else size
    row *= max(1, math.ceil(size / row / MOST_GROUPS))
    pools = _Pool(math.ceil(size / row)), _Pool(width), _Pool(_MAGNITUDES)
    assert spread.std is not None, "a float output with replicates has one"  # noqa: S101
    for start, stored, std in BlockPair(read(spread.base), read(spread.std), BLOCK):
        at = np.arange(start, start + std.size)
        variances = std * std
        places = at // row, at % width, magnitudes(np.abs(element.load(stored)))
        for pool, place in zip(pools, places, strict=True):
            pool.add(place, variances)
    each = spread.replicates - 1
    rows, columns, of_magnitude = pools
    return LocalNoise(
        width, row, rows.noise(each, _FEWEST), columns.noise(each, _FEWEST), of_magnitude.noise(each, 1)
    )


def scale(noise: LocalNoise, start: int, own: Array, moduli: Array, element: Element) -> Array:
    """Return the noise of the elements from the flat index ``start`` on.

    ``own`` is their standard deviation over replicates, ``moduli`` their absolute values. Nothing has less
    noise than half a unit in its last place, nor than the numbers that underflow.
    """
    return scale_at(noise, np.arange(start, start + own.size), own, moduli, element)


def scale_at(noise: LocalNoise, at: Array, own: Array, moduli: Array, element: Element) -> Array:
    """Return the noise of the elements at flat indices."""
    peers = np.minimum(noise.rows[at // noise.row], noise.columns[at % noise.width])
    peers = np.minimum(peers, noise.magnitudes[magnitudes(moduli)])
    peers = np.where(np.isfinite(peers), peers, 0.0)
    found: Array = np.maximum(np.maximum(own, peers), ulp(moduli, element) / 2)
    return np.maximum(found, _underflow(element))


def _underflow(element: Element) -> float:
    """Return the noise of what may or may not underflow; 0.0 for types whose small numbers are in use."""
    least = element.least_exponent
    return math.ldexp(_UNDERFLOW, least) if least <= _FLOAT32_LEAST else 0.0


def magnitudes(moduli: Array) -> Array:
    """Return the group by magnitude of non-negative numbers; zero and what is not finite are in group 0."""
    counts = np.isfinite(moduli) & (moduli > 0)
    exponents = np.frexp(np.where(counts, moduli, 1.0))[1]
    groups: Array = np.where(counts, (exponents + _BIAS) // _STEP, 0)
    return groups


def ulp(moduli: Array, element: Element) -> Array:
    """Return one unit in the last place of non-negative numbers, in the element's own type."""
    exponents = np.frexp(np.where(np.isfinite(moduli), moduli, 0.0))[1] - 1
    units: Array = np.ldexp(1.0, np.maximum(exponents, element.least_exponent) - element.mantissa_bits)
    return units


class _Pool:
    """The noise of numbered groups, from the variances of their elements over replicates."""

    def __init__(self, groups: int) -> None:
        self._counts, self._squares = np.zeros(groups), np.zeros(groups)

    def add(self, groups: Array, squares: Array) -> None:
        self._counts += np.bincount(groups, minlength=len(self._counts))
        self._squares += np.bincount(groups, squares, len(self._counts))

    def noise(self, each: int, fewest: int) -> Array:
        """Return the root mean square noise, with ``each`` degrees of freedom per element.

        It is raised by what so few replicates may have missed. It is infinite for groups of fewer than
        ``fewest`` elements, and for small ones without any noise.
        """
        freedom = np.maximum(self._counts, 1) * max(each, 1)
        # The lower bound of a chi-square's mean (Wilson and Hilferty, 1931).
        least = (1 - 2 / (9 * freedom) - _CAUTION * np.sqrt(2 / (9 * freedom))) ** 3
        pooled = np.sqrt(self._squares / np.maximum(self._counts, 1) / np.maximum(least, 0.1))
        tells = (self._counts >= fewest) & ((self._counts >= _FEWEST) | (self._squares > 0))
        found: Array = np.where(tells, pooled, np.inf)
        return found
