"""Measured numbers between two recordings of one output, and the tolerance they were measured with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Tolerance:
    """An element passes if ``|a - b| <= atol + rtol * |b|``, in float64; ``b`` is the reference.

    Raises:
        ValueError: for a negative, infinite or NaN tolerance.
    """

    rtol: float = 0.0
    atol: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("rtol", self.rtol), ("atol", self.atol)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite number, zero or more, not {value}")


EXACT = Tolerance()


@dataclass(frozen=True, slots=True)
class MinTolerance:
    """The smallest tolerances that would pass, each on its own with the other at zero.

    None if no finite tolerance passes. ``rtol`` is rounded up to the next float64, so that it passes
    although the quotient behind it was rounded.
    """

    atol: float | None
    rtol: float | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """What was measured between two arrays ``a`` and ``b``, where ``b`` is the reference.

    Numbers are computed in float64 regardless of the element type, over the elements that are finite on
    both sides. They are None where they have no meaning: for strings and booleans, and all of them if
    ``incomparable`` says why the arrays could not be compared. A number is infinite only if the true
    value exceeds float64.
    """

    tolerance: Tolerance
    incomparable: str | None = None
    elements: int | None = None
    different: int | None = None
    """Elements that are not bit-equal; signed zeros and the payloads of NaN count."""
    beyond: int | None = None
    """Elements beyond the tolerance, including every NaN or infinity that the other side does not have."""
    excess: float | None = None
    """The largest ``|a - b| - (atol + rtol * |b|)`` above zero; infinite for a NaN or Inf mismatch."""
    max_abs: float | None = None
    """The largest ``|a - b|``; of complex numbers, the modulus."""
    max_rel: float | None = None
    """The largest ``|a - b| / |b|`` over elements with ``b != 0``; zero if there is none."""
    rel_l2: float | None = None
    """``||a - b|| / ||b||``; None if only ``b`` is zero throughout."""
    rms: float | None = None
    """``sqrt(mean(|a - b|**2))``, in the output's unit; zero if no element is finite on both sides."""
    snr_db: float | None = None
    """``20 * log10(||b|| / ||a - b||)``, in decibels; None where it is infinite, as nothing differs or
    ``b`` is zero throughout."""
    cosine: float | None = None
    """``a . b / (||a|| * ||b||)`` of the flat arrays, from -1 to 1 without a unit; 1 where nothing
    differs, None if only one is zero throughout. Of real floats only."""
    scaled_ulp: float | None = None
    """The largest ``|a - b| / ulp(max(|a|, |b|, rms))``: ulp of the element type, rms the larger of both
    arrays' root mean squares. None for integers."""
    nan_mismatches: int | None = None
    """Elements that are NaN on one side only."""
    inf_mismatches: int | None = None
    """Elements that are infinite on one side only, or with opposite signs."""
    worst: tuple[int, ...] | None = None
    """Index of the first NaN or Inf mismatch, otherwise of the largest ``|a - b|``; None if all are equal."""
    min_tolerance: MinTolerance | None = None
    decision_changed: bool = False
    """An argmax over the last axis moved, or an integer, boolean or string differs."""
    top1_agreement: float | None = None
    """The fraction of rows, from 0 to 1, whose ``numpy.argmax`` is the same on both sides: ties go to the
    first index and NaN is above any number. This and the two below are taken over the last axis of real
    floats of rank 2 or more, and are None of arrays too large for it
    (``savedmodel_matrix.verdicts.compare.heads``)."""
    top5_agreement: float | None = None
    """The mean over rows of ``|top5(a) & top5(b)| / 5``, from 0 to 1; None of rows of 5 or fewer."""
    kl: float | None = None
    """The largest over rows of ``sum(p * log(p / q))`` in nats, ``p`` being the distribution of ``b`` and
    ``q`` of ``a``. A row whose reference is non-negative and sums up to 1 (within 1e-3, or the type's
    resolution if that is coarser) is taken as probabilities, normalised, and any other by its softmax. Where
    such a ``q`` is zero or negative it counts as the type's smallest positive number. Rows that
    are not finite on both sides are left out; None if none is left."""

    @classmethod
    def not_comparable(cls, reason: str, tolerance: Tolerance = EXACT) -> Self:
        """Return the divergence of arrays that cannot be compared."""
        return cls(tolerance, incomparable=reason)
