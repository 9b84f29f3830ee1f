"""Random values that are bit-identical on every machine and with every NumPy.

NumPy keeps the raw words of its bit generators stable, but not the values of its distributions (NEP 19,
https://numpy.org/neps/nep-0019-rng-policy.html), and the C library's logarithm differs between machines.
So the words come from Philox4x64-10, keyed by a digest, and are processed only with integer arithmetic and
single IEEE operations.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_BLOCK = 1 << 16  # elements made at a time, so that a large input's random bits are never all in memory
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_WORD_LENGTHS = (3, 8)


class Stream:
    """Random values under the key ``fields``; every method starts from the stream's beginning."""

    def __init__(self, *fields: int | str) -> None:
        # JSON, so that different lists of fields are always different bytes. Philox takes a key of 128 bits.
        digest = hashlib.sha256(json.dumps(fields).encode("ascii")).digest()
        self._key = int.from_bytes(digest[:16], "little")

    def integers(self, count: int, low: int, high: int) -> NDArray[np.int64]:
        """Return ``count`` integers from ``low`` to ``high`` inclusive, of at most 64 bits.

        Integers of 2**63 and above are returned as their two's complement, which a cast to uint64 undoes. The
        remainder's bias, below 2**-32 for spans under 2**32, does not matter here.
        """
        span = high - low + 1

        def make(words: NDArray[np.uint64]) -> NDArray[np.int64]:
            offsets = words[:, 0] if span == 1 << 64 else words[:, 0] % np.uint64(span)
            return (offsets + np.uint64(low % (1 << 64))).view(np.int64)

        return self._made(count, 1, np.int64, make)

    def uniform(self, count: int, low: float, high: float) -> NDArray[np.float64]:
        """Return ``count`` floats from ``low`` up to ``high``."""

        def make(words: NDArray[np.uint64]) -> NDArray[np.float64]:
            fractions: NDArray[np.float64] = (words[:, 0] >> np.uint64(11)).astype(np.float64) * 2.0**-53
            scaled: NDArray[np.float64] = low + (high - low) * fractions
            return scaled

        return self._made(count, 1, np.float64, make)

    def normal(self, count: int) -> NDArray[np.float64]:
        """Return ``count`` floats of mean 0 and deviation 1, within -6 to 6.

        The sum of twelve uniform numbers is close enough to normal and needs no logarithm. Twelve numbers of
        16 bits are summed, and 32 random bits fill the lower places, so that the full mantissa of a float32
        is used, as in real inputs. Everything is exact in 52 bits.
        """

        def make(words: NDArray[np.uint64]) -> NDArray[np.float64]:
            lanes = np.ascontiguousarray(words[:, :3]).view(np.uint16).sum(axis=1, dtype=np.int64)
            below = (words[:, 3] >> np.uint64(32)).astype(np.int64)
            middle = (6 * 0xFFFF << 32) + (1 << 31)
            made: NDArray[np.float64] = ((lanes << 32) + below - middle).astype(np.float64) * 2.0**-48
            return made

        return self._made(count, 4, np.float64, make)

    def words(self, count: int) -> Iterator[bytes]:
        """Yield ``count`` words of 3 to 8 lower-case ASCII letters."""
        shortest, longest = _WORD_LENGTHS
        for number in self.integers(count, 0, (1 << 63) - 1).tolist():
            rest, size = divmod(number, longest - shortest + 1)
            letters = bytearray()
            for _ in range(shortest + size):
                rest, letter = divmod(rest, len(_LETTERS))
                letters.append(_LETTERS[letter])
            yield bytes(letters)

    def _made(
        self, count: int, width: int, dtype: type, make: Callable[[NDArray[np.uint64]], NDArray[Any]]
    ) -> NDArray[Any]:
        """Fill an array block by block; ``make`` turns ``width`` random words per element into values."""
        made: NDArray[Any] = np.empty(count, dtype=dtype)
        bits = np.random.Philox(key=self._key)
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            made[start : start + size] = make(bits.random_raw(width * size).reshape(size, width))
        return made
