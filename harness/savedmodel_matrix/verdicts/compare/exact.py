"""Compares booleans and strings, whose elements are either equal or not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.domain.divergence import Divergence, MinTolerance
from savedmodel_matrix.verdicts.compare.blocks import BlockPair, different_bits
from savedmodel_matrix.verdicts.compare.numbers import index_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.domain.divergence import Tolerance
    from savedmodel_matrix.verdicts.compare.elements import Array


def compare_booleans(a: Array, b: Array, tolerance: Tolerance, block: int) -> Divergence:
    """Return the divergence of two stored arrays of booleans."""
    pairs = BlockPair(a, b, block)
    found = ((start, different_bits(left, right)) for start, left, right in pairs)
    return _counted(found, a.shape, tolerance)


def compare_strings(
    a: ArrayEntry, b: ArrayEntry, read: Callable[[ArrayEntry], Array], tolerance: Tolerance, block: int
) -> Divergence:
    """Return the divergence of two arrays of strings of the same shape.

    Reads their joined bytes and their offsets, never all strings at once.
    """
    size = math.prod(a.shape)
    bytes_a, bytes_b = (np.asarray(read(_bytes_of(entry))).data for entry in (a, b))
    offsets_a, offsets_b = (read(_offsets_of(entry, size)) for entry in (a, b))

    def found() -> Iterator[tuple[int, Array]]:
        for start in range(0, size, block):
            ends_a = offsets_a[start : start + block + 1].tolist()
            ends_b = offsets_b[start : start + block + 1].tolist()
            spans = zip(ends_a, ends_a[1:], ends_b, ends_b[1:], strict=False)
            yield (
                start,
                np.array(
                    [
                        end_a - begin_a != end_b - begin_b
                        or bytes(bytes_a[begin_a:end_a]) != bytes(bytes_b[begin_b:end_b])
                        for begin_a, end_a, begin_b, end_b in spans
                    ]
                ),
            )

    return _counted(found(), a.shape, tolerance)


def _bytes_of(entry: ArrayEntry) -> ArrayEntry:
    return ArrayEntry("uint8", (entry.nbytes,), entry.objects[:1], entry.nbytes)


def _offsets_of(entry: ArrayEntry, size: int) -> ArrayEntry:
    return ArrayEntry("int64", (size + 1,), entry.objects[1:], 8 * (size + 1))


def _counted(found: Iterator[tuple[int, Array]], shape: tuple[int, ...], tolerance: Tolerance) -> Divergence:
    different, worst = 0, None
    for start, unequal in found:
        if worst is None and unequal.any():
            worst = start + int(unequal.argmax())
        different += int(np.count_nonzero(unequal))
    return Divergence(
        tolerance=tolerance,
        elements=math.prod(shape),
        different=different,
        beyond=different,
        worst=index_of(worst, shape),
        min_tolerance=MinTolerance(None, None) if different else MinTolerance(0.0, 0.0),
        decision_changed=bool(different),
    )
