"""Whether a decision changed: the argmax over the last axis, computed from consecutive blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.compare.elements import Array


@dataclass(slots=True)
class _OpenRow:
    """The argmax so far of a row that is split between blocks."""

    best: float = -math.inf
    index: int = -1

    def extend(self, position: int, piece: Array) -> None:
        index = int(piece.argmax())
        value = float(piece[index])
        # Like NumPy's argmax: the first NaN wins, else the first of the largest.
        if self.index < 0 or (not math.isnan(self.best) and (value > self.best or math.isnan(value))):
            self.best, self.index = value, position + index


class RowDecisions:
    """Compares ``numpy.argmax`` over the last axis, of ``width`` elements, between two arrays.

    Ties go to the first index and a NaN beats any number, as in NumPy. A row is unchanged as long as its
    index stays, even with a NaN or a second equal maximum. Rows may be split between blocks, and may be
    longer than a block.
    """

    def __init__(self, width: int) -> None:
        self.changed = False
        self._width = width
        self._rows = (_OpenRow(), _OpenRow())

    def add(self, start: int, a: Array, b: Array, *, equal: bool) -> None:
        """Add the float64 blocks that begin at the flat index ``start``.

        ``equal`` says that they are bit-equal, so whole rows need not be examined.
        """
        if self.changed:
            return
        position = start % self._width
        head = min(-start % self._width, a.size)
        if head:
            self._extend(position, a[:head], b[:head])
        rows = (a.size - head) // self._width
        tail = head + rows * self._width
        if rows and not equal:
            shape = (rows, self._width)
            decided = a[head:tail].reshape(shape).argmax(axis=1) != b[head:tail].reshape(shape).argmax(axis=1)
            self.changed |= bool(decided.any())
        if tail < a.size:
            self._extend(0, a[tail:], b[tail:])

    def _extend(self, position: int, a: Array, b: Array) -> None:
        for row, piece in zip(self._rows, (a, b), strict=True):
            row.extend(position, piece)
        if position + a.size == self._width:
            first, second = self._rows
            self.changed |= first.index != second.index
            self._rows = (_OpenRow(), _OpenRow())
