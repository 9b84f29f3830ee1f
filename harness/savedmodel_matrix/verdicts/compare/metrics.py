"""Compares two array entries: the entry point of this package."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.divergence import EXACT, Divergence, MinTolerance, Tolerance
from savedmodel_matrix.verdicts.compare.blocks import BLOCK
from savedmodel_matrix.verdicts.compare.elements import Array, Element, Kind, element_of
from savedmodel_matrix.verdicts.compare.exact import compare_booleans, compare_strings
from savedmodel_matrix.verdicts.compare.heads import identical_heads
from savedmodel_matrix.verdicts.compare.numbers import compare_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from savedmodel_matrix.domain.arrays import ArrayEntry

    #: Returns the stored array of an entry, ideally as a memory map. ``OSError`` for a missing object
    #: and ``ValueError`` for a damaged one propagate to the caller.
    Reader = Callable[[ArrayEntry], Array]

    CacheKey = tuple[ArrayEntry, ArrayEntry, Tolerance]
    Cache = MutableMapping[CacheKey, Divergence]


def compare_arrays(
    a: ArrayEntry, b: ArrayEntry, read: Reader, tolerance: Tolerance = EXACT, *, block: int = BLOCK
) -> Divergence:
    """Return the divergence of two arrays; ``b`` is the reference of everything relative.

    Bit-equal arrays have equal entries and are not read. Others are read one to three times, in blocks of
    ``block`` elements (a multiple of ``blocks.RUN``); no number depends on the block size. Different shapes
    or element types make them incomparable.
    """
    mismatch = _mismatch(a, b)
    if mismatch:
        return Divergence.not_comparable(mismatch, tolerance)
    element = element_of(a.dtype)
    if a == b:
        return _identical(a, element, tolerance)
    if element.kind is Kind.STRING:
        return compare_strings(a, b, read, tolerance, block)
    if element.kind is Kind.BOOLEAN:
        return compare_booleans(read(a), read(b), tolerance, block)
    return compare_numbers(read(a), read(b), element, tolerance, block)


def cache_key(a: ArrayEntry, b: ArrayEntry, tolerance: Tolerance) -> CacheKey:
    """Return everything that a divergence depends on: contents, types, shapes, and the tolerance.

    The shape is included because the objects of strings do not hold it.
    """
    return a, b, tolerance


def compare_cached(
    cache: Cache, a: ArrayEntry, b: ArrayEntry, read: Reader, tolerance: Tolerance = EXACT
) -> Divergence:
    """Return the result of ``compare_arrays``, measured once per key of ``cache``."""
    key = cache_key(a, b, tolerance)
    found = cache.get(key)
    if found is None:
        found = cache[key] = compare_arrays(a, b, read, tolerance)
    return found


def _mismatch(a: ArrayEntry, b: ArrayEntry) -> str | None:
    found = []
    if a.dtype != b.dtype:
        found.append(f"dtype {a.dtype} against {b.dtype}")
    if a.shape != b.shape:
        found.append(f"shape {list(a.shape)} against {list(b.shape)}")
    return "; ".join(found) or None


def _identical(entry: ArrayEntry, element: Element, tolerance: Tolerance) -> Divergence:
    is_number = element.kind not in (Kind.STRING, Kind.BOOLEAN)
    zero = 0.0 if is_number else None
    none = 0 if is_number else None
    return Divergence(
        tolerance=tolerance,
        elements=math.prod(entry.shape),
        different=0,
        beyond=0,
        excess=zero,
        max_abs=zero,
        max_rel=zero,
        rel_l2=zero,
        rms=zero,
        cosine=1.0 if element.kind is Kind.FLOAT else None,
        scaled_ulp=None if element.kind is Kind.INTEGER else zero,
        nan_mismatches=none,
        inf_mismatches=none,
        min_tolerance=MinTolerance(0.0, 0.0),
        **identical_heads(entry.shape, element)._asdict(),
    )
