"""Rows as the scores of a choice: whether the choice is the same, and how far apart the distributions are.

The arrays are read once more, in blocks of whole rows. Each row is computed by itself, so no result depends
on the number of rows in a block.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.compare.blocks import BlockPair
from savedmodel_matrix.verdicts.compare.elements import Kind

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.compare.elements import Array, Element

#: The largest arrays, in elements, that are measured as heads. The exponentials and logarithms of a head of
#: this size take a few tenths of a second, several times as long as all other measurements. A larger array is
#: a feature map or a batch of sequences, whose rows are not choices.
MOST_ELEMENTS = 4_000_000

#: The widest rows that count as the scores of a choice, which includes the vocabularies of BERT and GPT-2. A
#: block has at least one row, so this keeps it within twice ``blocks.BLOCK``.
MOST_WIDTH = 1 << 16

_TOP = 5

_LARGEST = float(np.finfo(np.float64).max)

#: How far from 1 the sum of a row of non-negative numbers may be for them to be probabilities. The rounding
#: of a coarse type may add to this.
_SUM_TOLERANCE = 1e-3

#: For rows narrower than this, NumPy's reductions are faster over many rows at a time.
_NARROW = 32

#: Up to this log ratio, p, q and p * log(p / q) cancel, so a series' remainder is used instead.
_NEAR = 0.5


class Heads(NamedTuple):
    """The measurements of rows; the fields are those of ``Divergence``."""

    top1_agreement: float | None = None
    top5_agreement: float | None = None
    kl: float | None = None


def has_heads(shape: tuple[int, ...], element: Element) -> bool:
    """Return whether the rows of an array of this shape and type are measured."""
    return (
        element.kind is Kind.FLOAT
        and len(shape) > 1
        and 2 <= shape[-1] <= MOST_WIDTH
        and 0 < math.prod(shape) <= MOST_ELEMENTS
    )


def identical_heads(shape: tuple[int, ...], element: Element) -> Heads:
    """Return the result of ``compare_heads`` for two bit-identical arrays, without reading them."""
    if not has_heads(shape, element):
        return Heads()
    return Heads(1.0, 1.0 if shape[-1] > _TOP else None, 0.0)


def compare_heads(a: Array, b: Array, element: Element, block: int) -> Heads:
    """Compare the rows of two stored arrays of the same float type and shape.

    ``block`` is the approximate number of elements in a block; ``b`` is the reference.
    """
    if not has_heads(a.shape, element):
        return Heads()
    width = a.shape[-1]
    rows = a.size // width
    tops = _TOP if width > _TOP else 1
    same_first, shared, kl = 0, 0, None
    with np.errstate(all="ignore"):
        for _, stored_a, stored_b in BlockPair(a, b, max(1, block // width) * width):
            left, right = (element.load(stored).reshape(-1, width) for stored in (stored_a, stored_b))
            first, second = _best(left, tops), _best(right, tops)
            same_first += int(np.count_nonzero(first[:, 0] == second[:, 0]))
            shared += int(np.count_nonzero(first[:, :, np.newaxis] == second[:, np.newaxis, :]))
            largest = _largest_kl(left, right, element)
            if largest is not None:
                kl = largest if kl is None else max(kl, largest)
    return Heads(same_first / rows, shared / (_TOP * rows) if tops == _TOP else None, kl)


def _best(values: Array, count: int) -> Array:
    """Return the indices of the ``count`` largest of each row, in the order of repeated ``numpy.argmax``.

    Ties go to the first index and NaN is above any number.
    """
    if count == 1:
        only: Array = values.argmax(axis=1)[:, np.newaxis]
        return only
    # Keep all values above -inf, which marks those already taken.
    left = np.maximum(values, -_LARGEST)
    found = np.empty((len(values), count), dtype=np.intp)
    rows = np.arange(len(values))
    for position in range(count):
        found[:, position] = left.argmax(axis=1)
        left[rows, found[:, position]] = -math.inf
    return found


def _columns(rows: Array) -> Array:
    """Return rows as columns, in a layout that depends only on the width: sums do not depend on the block."""
    narrow = rows.shape[1] < _NARROW
    return np.ascontiguousarray(rows.T) if narrow else np.ascontiguousarray(rows).T


def _sum(columns: Array) -> Array:
    """Return the sum of each column, the same to the last bit however many there are."""
    if len(columns) >= _NARROW:
        sums: Array = columns.sum(axis=0)
        return sums
    # NumPy would sum a single column in a different order from the first of two.
    in_order: Array = reduce(np.add, columns)
    return in_order


def _largest_kl(a: Array, b: Array, element: Element) -> float | None:
    """Return the largest KL(b || a) of the rows that are finite on both sides; None if there are none."""
    a, b = _columns(a), _columns(b)
    finite = np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0)
    if not finite.all():
        a, b = (_columns(values.T[finite]) for values in (a, b))
    if not b.size:
        return None
    tolerance = max(_SUM_TOLERANCE, 2.0**-element.mantissa_bits)
    likely = (b.min(axis=0) >= 0) & (np.abs(_sum(b) - 1) <= tolerance)
    if likely.all():
        found = _kl_of_probabilities(a, b, element)
    elif not likely.any():
        found = _kl_of_scores(a, b)
    else:
        likely_a, likely_b, other_a, other_b = (
            _columns(values.T[rows]) for rows in (likely, ~likely) for values in (a, b)
        )
        found = np.concatenate(
            [_kl_of_probabilities(likely_a, likely_b, element), _kl_of_scores(other_a, other_b)]
        )
    return max(0.0, float(found.max()))


def _kl_of_probabilities(a: Array, b: Array, element: Element) -> Array:
    """Return the KL of each column, normalised."""
    positive = np.maximum(a, 0.0)
    sum_a = _sum(positive)
    is_none = sum_a == 0
    q, p = positive / np.where(is_none, 1.0, sum_a), b / _sum(b)
    # A zero on one side is often just above zero on the other. It counts as the smallest number of the type,
    # so that the distance is not infinite.
    least = 2.0 ** (element.least_exponent - element.mantissa_bits)
    relative = (q - p) / p
    near = np.abs(relative) < _NEAR
    ratio = np.where(near, np.log1p(relative), np.log(np.maximum(q, least)) - np.log(p))
    # If q is zero throughout, its sum differs from p's.
    found: Array = _kl(p, q, relative, ratio, near) + is_none
    return found


def _kl_of_scores(a: Array, b: Array) -> Array:
    """Return the KL of the softmax of each column."""
    below_a, below_b = (values - values.max(axis=0) for values in (a, b))
    q, p = np.exp(below_a), np.exp(below_b)
    sum_a, sum_b = _sum(q), _sum(p)
    ratio = (below_a - below_b) - (np.log(sum_a) - np.log(sum_b))
    return _kl(p / sum_b, q / sum_a, np.expm1(ratio), ratio, np.abs(ratio) < _NEAR)


def _kl(p: Array, q: Array, relative: Array, ratio: Array, near: Array) -> Array:
    """Return the sums over columns of ``q - p - p * log(q / p)``, in which no term is negative.

    They equal the sums of ``p * log(p / q)``, because ``p`` and ``q`` have the same sum. If ``p`` and ``q``
    hardly differ, the terms of the latter have both signs and cancel to less than their rounding; here each
    term is of second order by itself. ``relative`` is ``(q - p) / p`` and ``ratio`` its ``log1p``.
    """
    terms = np.where(near, p * (relative - ratio), q - p - p * ratio)
    return _sum(np.where(p > 0, terms, q))
