"""Measures numeric arrays block by block.

One pass measures everything except two things. ``scaled_ulp`` needs the root mean square first, and then
reads only the blocks that can still raise it. If sums of squares exceed the range of float64, which only
float64 and complex128 arrays can cause, another pass computes them scaled. The module ``heads`` measures the
rows of arrays that are not large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.domain.divergence import Divergence, MinTolerance
from savedmodel_matrix.verdicts.compare.blocks import BlockPair, different_bits, products, squares
from savedmodel_matrix.verdicts.compare.decision import RowDecisions
from savedmodel_matrix.verdicts.compare.elements import Kind
from savedmodel_matrix.verdicts.compare.heads import compare_heads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.domain.divergence import Tolerance
    from savedmodel_matrix.verdicts.compare.elements import Array, Element

# A sum of squares below this may have lost terms to underflow; above it, the loss is far below rounding.
_LEAST_SUM = 1e-280
_LEAST_EXPONENT = -400  # of element types whose squares float64 holds without loss

_LARGEST = float(np.finfo(np.float64).max)
_EXPONENT = np.uint64(0x7FF0_0000_0000_0000)  # the bits of a float64 that hold its power of two


class _Mismatches(NamedTuple):
    """A block with elements that are not finite: NaN or Inf on one side, and finite on both, per element."""

    nan: Array
    inf: Array
    finite: Array


class _Gaps(NamedTuple):
    """Two loaded blocks as float64 moduli |a|, |b| and |a - b|, with zeros where not both are finite."""

    a: Array
    b: Array
    gap: Array
    largest: float
    mismatches: _Mismatches | None


@dataclass(slots=True)
class _Totals:
    """The results of the first pass. ``blocks`` has the largest gap and the start of each that differs."""

    different: int = 0
    beyond: int = 0
    excess: float = 0.0
    finite: int = 0
    nan: int = 0
    inf: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    zero_reference: bool = False
    worst: int | None = None
    squares_a: float = 0.0
    squares_b: float = 0.0
    squares_gap: float = 0.0
    products: float = 0.0  # of real floats only
    blocks: list[tuple[float, int]] = field(default_factory=list)


class _Squares(NamedTuple):
    """A sum of squares as ``total * 4**exponent``, which may exceed the range of float64."""

    total: float
    exponent: int = 0

    def root(self, exponent: int = 0) -> float:
        """Return the square root in units of two to the ``exponent``."""
        return float(np.ldexp(math.sqrt(self.total), self.exponent - exponent))

    def mean_root(self, count: int) -> float:
        """Return the root mean square of ``count`` elements."""
        return float(np.ldexp(math.sqrt(self.total / count), self.exponent)) if count else 0.0


class _Norms(NamedTuple):
    """The sums behind the norms: of |a|², |b|², |a - b|², and of a * b in units of the first two."""

    a: _Squares
    b: _Squares
    gap: _Squares
    products: float


def compare_numbers(a: Array, b: Array, element: Element, tolerance: Tolerance, block: int) -> Divergence:
    """Return the divergence of two stored arrays of the same numeric element type and shape."""
    pairs, shape = BlockPair(a, b, block), a.shape
    has_rows = element.kind is Kind.FLOAT and len(shape) > 1 and shape[-1] > 1
    decisions = RowDecisions(shape[-1]) if has_rows else None
    # Infinities and NaN are handled below, so they need no warning.
    with np.errstate(all="ignore"):
        totals = _first_pass(pairs, element, tolerance, decisions)
        norms = _norms(pairs, element, totals)
        scaled_ulp = None if element.kind is Kind.INTEGER else _scaled_ulp(pairs, element, totals, norms)
        cosine = _cosine(norms) if element.kind is Kind.FLOAT else None
        rms, rel_l2, snr_db = norms.gap.mean_root(totals.finite), _rel_l2(norms), _snr_db(norms)
    changed = (
        bool(totals.different) if element.kind is Kind.INTEGER else bool(decisions and decisions.changed)
    )
    return Divergence(
        tolerance=tolerance,
        elements=math.prod(shape),
        different=totals.different,
        beyond=totals.beyond,
        excess=totals.excess,
        max_abs=totals.max_abs,
        max_rel=totals.max_rel,
        rel_l2=rel_l2,
        rms=rms,
        snr_db=snr_db,
        cosine=cosine,
        scaled_ulp=scaled_ulp,
        nan_mismatches=totals.nan,
        inf_mismatches=totals.inf,
        worst=index_of(totals.worst, shape),
        min_tolerance=_min_tolerance(totals),
        decision_changed=changed,
        **compare_heads(a, b, element, block)._asdict(),
    )


def index_of(flat: int | None, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the index of the element at a flat position."""
    return None if flat is None else tuple(int(i) for i in np.unravel_index(flat, shape))


def _min_tolerance(totals: _Totals) -> MinTolerance:
    if totals.nan or totals.inf:
        return MinTolerance(atol=None, rtol=None)
    rtol = math.nextafter(totals.max_rel, math.inf) if totals.max_rel else 0.0
    return MinTolerance(
        atol=totals.max_abs if math.isfinite(totals.max_abs) else None,
        rtol=rtol if math.isfinite(rtol) and not totals.zero_reference else None,
    )


def _modulus(values: Array) -> Array:
    moduli: Array = np.abs(values)
    # For a finite complex128 it can exceed float64, and infinity would turn every limit into NaN.
    return (
        np.where(np.isinf(moduli) & np.isfinite(values), _LARGEST, moduli)
        if values.dtype.kind == "c"
        else moduli
    )


def _gaps(a: Array, b: Array) -> _Gaps:
    """Return the moduli of two loaded blocks."""
    if a.dtype.kind in "iu":
        # Unsigned subtraction is exact modulo 2**64, so the difference is exact if the larger comes first.
        word_a, word_b = a.view(np.uint64), b.view(np.uint64)
        gap = np.where(a > b, word_a - word_b, word_b - word_a).astype(np.float64)
        moduli = np.abs(a.astype(np.float64)), np.abs(b.astype(np.float64))
        return _Gaps(*moduli, gap, float(gap.max()), None)
    gap = np.abs(a - b)
    largest = float(gap.max())
    if math.isfinite(largest):
        return _Gaps(_modulus(a), _modulus(b), gap, largest, None)
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    infinite = (np.isinf(a) | np.isinf(b)) & ~(nan_a | nan_b)
    finite = np.isfinite(a) & np.isfinite(b)
    moduli = np.where(finite, _modulus(a), 0.0), np.where(finite, _modulus(b), 0.0)
    gap = np.where(finite, gap, 0.0)
    mismatches = _Mismatches(nan_a ^ nan_b, infinite & (a != b), finite)
    return _Gaps(*moduli, gap, float(gap.max()), mismatches)


def _first_pass(
    pairs: BlockPair, element: Element, tolerance: Tolerance, decisions: RowDecisions | None
) -> _Totals:
    totals = _Totals()
    for start, stored_a, stored_b in pairs:
        different = int(np.count_nonzero(different_bits(stored_a, stored_b)))
        b = element.load(stored_b)
        a = element.load(stored_a) if different else b
        if decisions is not None:
            decisions.add(start, a, b, equal=not different)
        if different:
            totals.different += different
            gaps = _gaps(a, b)
            _take_gaps(totals, start, gaps, tolerance)
            if element.kind is Kind.FLOAT:
                for part in products(*_both_finite(a, b, gaps.mismatches)):
                    totals.products += part
        else:
            _take_equal(totals, b)
    return totals


def _both_finite(a: Array, b: Array, mismatches: _Mismatches | None) -> tuple[Array, Array]:
    """Return two loaded blocks with zeros where not both are finite."""
    if mismatches is None:
        return a, b
    return np.where(mismatches.finite, a, 0.0), np.where(mismatches.finite, b, 0.0)


def _take_equal(totals: _Totals, values: Array) -> None:
    moduli = _modulus(values.astype(np.float64) if values.dtype.kind in "iu" else values)
    sums = squares(moduli)
    totals.finite += moduli.size
    if not math.isfinite(sum(sums)):
        finite = np.isfinite(values)
        totals.finite -= moduli.size - int(np.count_nonzero(finite))
        sums = squares(np.where(finite, moduli, 0.0))
    for part in sums:
        totals.squares_a += part
        totals.squares_b += part
        totals.products += part


def _take_gaps(totals: _Totals, start: int, gaps: _Gaps, tolerance: Tolerance) -> None:
    totals.finite += gaps.gap.size
    if gaps.mismatches is not None:
        _take_mismatches(totals, start, gaps.mismatches)
    for part in squares(gaps.a):
        totals.squares_a += part
    for part in squares(gaps.b):
        totals.squares_b += part
    if not gaps.largest:
        return
    for part in squares(gaps.gap):
        totals.squares_gap += part
    totals.blocks.append((gaps.largest, start))
    if gaps.largest > totals.max_abs:
        totals.max_abs = gaps.largest
        if not (totals.nan or totals.inf):
            totals.worst = start + int(gaps.gap.argmax())
    _take_relative(totals, gaps)
    if gaps.largest > tolerance.atol:
        limit = gaps.b * tolerance.rtol + tolerance.atol
        over = gaps.gap > limit
        beyond = int(np.count_nonzero(over))
        if beyond:
            totals.beyond += beyond
            totals.excess = max(totals.excess, float((gaps.gap[over] - limit[over]).max()))


def _take_relative(totals: _Totals, gaps: _Gaps) -> None:
    least = float(gaps.b.min())
    if least and gaps.largest / least <= totals.max_rel:
        return
    reference = gaps.b
    if not least:
        zero = reference == 0
        totals.zero_reference |= bool((zero & (gaps.gap > 0)).any())
        reference = np.where(zero, math.inf, reference)
    totals.max_rel = max(totals.max_rel, float((gaps.gap / reference).max()))


def _take_mismatches(totals: _Totals, start: int, mismatches: _Mismatches) -> None:
    totals.finite -= mismatches.finite.size - int(np.count_nonzero(mismatches.finite))
    wrong = mismatches.nan | mismatches.inf
    if not wrong.any():
        return
    if not (totals.nan or totals.inf):
        totals.worst = start + int(wrong.argmax())
    totals.nan += int(np.count_nonzero(mismatches.nan))
    totals.inf += int(np.count_nonzero(mismatches.inf))
    totals.beyond += int(np.count_nonzero(wrong))
    totals.excess = math.inf


def _norms(pairs: BlockPair, element: Element, totals: _Totals) -> _Norms:
    sums = (totals.squares_a, totals.squares_b, totals.squares_gap)
    can_leave_range = bool(totals.blocks) and element.least_exponent < _LEAST_EXPONENT
    if can_leave_range and any(math.isinf(total) or total < _LEAST_SUM for total in sums):
        return _scaled_norms(pairs, element, sums)
    a, b, gap = map(_Squares, sums)
    return _Norms(a, b, gap, totals.products)


def _scaled_norms(pairs: BlockPair, element: Element, sums: tuple[float, float, float]) -> _Norms:
    """Return norms whose squares exceed float64, from values multiplied by powers of two."""

    def shift(total: float) -> int:
        # First away from the nearer end of the range, so that moduli neither vanish nor become infinite.
        if math.isinf(total):
            return -2
        return 0 if math.inf in sums else 500

    def squared_norm(which: str, total: float) -> _Squares:
        shifted = shift(total)

        def moduli() -> Iterable[Array]:
            for _, stored_a, stored_b in pairs:
                gaps = _gaps(element.load(stored_a) * 2.0**shifted, element.load(stored_b) * 2.0**shifted)
                yield getattr(gaps, which)

        exponent = math.frexp(max(float(values.max()) for values in moduli()))[1]
        scaled = (np.ldexp(values, -exponent) for values in moduli())
        return _Squares(sum(part for values in scaled for part in squares(values)), exponent - shifted)

    a, b, gap = (squared_norm(*one) for one in zip(("a", "b", "gap"), sums, strict=True))
    if element.kind is not Kind.FLOAT:
        return _Norms(a, b, gap, 0.0)
    total = 0.0
    for _, stored_a, stored_b in pairs:
        left, right = element.load(stored_a), element.load(stored_b)
        both = _both_finite(left, right, _gaps(left, right).mismatches)
        for part in products(np.ldexp(both[0], -a.exponent), np.ldexp(both[1], -b.exponent)):
            total += part
    return _Norms(a, b, gap, total)


def _rel_l2(norms: _Norms) -> float | None:
    if not norms.gap.total:
        return 0.0
    if not norms.b.total:
        return None
    ratio = math.sqrt(norms.gap.total) / math.sqrt(norms.b.total)
    return float(np.ldexp(ratio, norms.gap.exponent - norms.b.exponent))


def _snr_db(norms: _Norms) -> float | None:
    if not norms.gap.total or not norms.b.total:
        return None
    ratio = math.sqrt(norms.b.total) / math.sqrt(norms.gap.total)
    return 20 * (math.log10(ratio) + (norms.b.exponent - norms.gap.exponent) * math.log10(2))


def _cosine(norms: _Norms) -> float | None:
    if not norms.gap.total:
        return 1.0
    if not norms.a.total or not norms.b.total:
        return None
    unit = max(norms.a.exponent, norms.b.exponent)
    a, b, gap = (squared.root(unit) for squared in norms[:3])
    if 2 * gap <= min(a, b):
        # For nearly equal arrays, the distance from 1 is computed by itself: |a - b|² = (|a| - |b|)² plus
        # 2 |a| |b| (1 - cos).
        apart = abs(a - b)
        cosine = 1 - (gap - apart) * (gap + apart) / (a * b) / 2
    else:
        cosine = norms.products / (math.sqrt(norms.a.total) * math.sqrt(norms.b.total))
    return min(1.0, max(-1.0, cosine))


def _power_of_two(moduli: Array) -> Array:
    """Return the largest powers of two that are not above normal float64 ``moduli``."""
    return (moduli.view(np.uint64) & _EXPONENT).view(np.float64)


def _scaled_ulp(pairs: BlockPair, element: Element, totals: _Totals, norms: _Norms) -> float:
    rms = min(max(norms.a.mean_root(totals.finite), norms.b.mean_root(totals.finite)), _LARGEST)
    # ulp(x) grows with x, so ulp(max(|a|, |b|, rms)) is never below this one, and a block whose largest gap
    # is `best` of it cannot raise the result. Units stay 2**e here, for a single product at the end.
    floor = max(2.0**element.least_exponent, float(_power_of_two(np.array([rms]))[0]))
    best = 0.0
    for largest, start in sorted(totals.blocks, reverse=True):
        if largest / floor <= best:
            break
        stored_a, stored_b = pairs.at(start)
        gaps = _gaps(element.load(stored_a), element.load(stored_b))
        unit = np.maximum(_power_of_two(np.maximum(gaps.a, gaps.b)), floor)
        best = max(best, float((gaps.gap / unit).max()))
    return math.ldexp(best, element.mantissa_bits)
