"""Iterates over two arrays in parallel, block by block, in bounded memory whatever their size."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.compare.elements import Array

#: Sums are computed over runs of this many elements, and then over the runs in order. A block is a whole
#: number of runs, so every sum is independent of the block size, to the last bit.
RUN = 512

#: Elements in a block, so that the few float64 temporaries of one block stay in a core's cache.
BLOCK = 1 << 15

#: After this many bytes, the pages of a memory map are released. They stay in the system's page cache, but
#: resident memory does not grow to the size of the file.
_RELEASE_EVERY = 1 << 24


class BlockPair:
    """Flat views of two arrays of the same shape, stored in C order, in blocks of ``size`` elements.

    For sums over the blocks, ``size`` must be a multiple of ``RUN``.
    """

    def __init__(self, a: Array, b: Array, size: int) -> None:
        bases: list[Any] = [a.base, b.base]
        self._maps = [base for base in bases if isinstance(base, mmap.mmap)]
        # Plain arrays, because each slice of an np.memmap costs microseconds.
        self._a = np.asarray(a).reshape(-1)
        self._b = np.asarray(b).reshape(-1)
        self._size = size
        self._unreleased = 0

    def __iter__(self) -> Iterator[tuple[int, Array, Array]]:
        """Yield the flat index at which each block starts, and the blocks of both arrays."""
        for start in range(0, self._a.size, self._size):
            yield start, *self.at(start)

    def at(self, start: int) -> tuple[Array, Array]:
        """Return the blocks that start at a flat index."""
        a, b = self._a[start : start + self._size], self._b[start : start + self._size]
        self._unreleased += a.nbytes + b.nbytes
        if self._unreleased > _RELEASE_EVERY:
            self._unreleased = 0
            for mapped in self._maps:
                if hasattr(mapped, "madvise"):  # not on Windows
                    mapped.madvise(mmap.MADV_DONTNEED)
        return a, b


def different_bits(a: Array, b: Array) -> Array:
    """Return for each element of two flat arrays whether the bits differ."""
    if a.dtype.itemsize == 16:
        halves = a.view(np.uint64) != b.view(np.uint64)
        either: Array = halves[0::2] | halves[1::2]
        return either
    word = f"u{a.dtype.itemsize}"
    unequal: Array = a.view(word) != b.view(word)
    return unequal


def squares(values: Array) -> list[float]:
    """Return the sums of squares of float64 ``values``, run by run."""
    return products(values, values)


def products(a: Array, b: Array) -> list[float]:
    """Return the sums of the products of two blocks of float64, run by run."""
    whole = a.size // RUN * RUN
    sums: list[float] = np.vecdot(a[:whole].reshape(-1, RUN), b[:whole].reshape(-1, RUN)).tolist()
    if whole < a.size:
        sums.append(float(np.vecdot(a[whole:], b[whole:])))
    return sums
