"""Whether a series of readings grows, by how much per step, and with what certainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONFIDENCE = 0.99
#: Three readings have three slopes, so the interval would cover them all and say nothing.
_FEWEST = 4
#: The first steps show what a process needs once: caches, code, the allocator's own memory.
_WARM_UP = 1 / 3


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth per step, in the unit of the readings, with its 99 % interval."""

    per_step: float
    low: float
    high: float


def settled_slope(readings: Sequence[float]) -> Slope | None:
    """Return the slope of a series without its first third; None if fewer than 4 readings remain.

    This is the Theil-Sen estimate: the median of the slopes between any two readings, with the interval from
    Kendall's test. A few outliers, or steps that come in pairs, affect neither, and no distribution is
    assumed.
    """
    from scipy.stats import theilslopes  # noqa: PLC0415 - takes long to import, and few checks need it

    kept = np.asarray(readings[math.ceil(len(readings) * _WARM_UP) :], float)
    if len(kept) < _FEWEST:
        return None
    found = theilslopes(kept, alpha=_CONFIDENCE)
    return Slope(float(found.slope), float(found.low_slope), float(found.high_slope))
