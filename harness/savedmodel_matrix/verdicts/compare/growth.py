"""Whether a series of readings grows: by how much per step, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The normal quantile of a two-sided interval of 99 %.
_Z = 2.5758
#: What a process reads in its first steps is what it needs once: caches, code, the allocator's own.
_WARM_UP = 1 / 3


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth per step, in the unit of the readings, with its 99 % interval."""

    per_step: float
    low: float
    high: float


def settled_slope(readings: Sequence[float]) -> Slope | None:
    """Return the slope of a series without its first third; None of fewer than 4 readings that are left.

    The median of the slopes between any two readings (Theil 1950, Sen 1968), and the interval that goes
    with Kendall's test (Sen 1968, section 2): a few wild readings, or steps that come in pairs, move
    neither. No distribution is assumed.
    """
    kept = np.asarray(readings[math.ceil(len(readings) * _WARM_UP) :], float)
    count = len(kept)
    if count < 4:
        return None
    earlier, later = np.triu_indices(count, 1)
    slopes = np.sort((kept[later] - kept[earlier]) / (later - earlier))
    half = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18) / 2
    low = max(0, math.floor(len(slopes) / 2 - half))
    high = min(len(slopes) - 1, math.ceil(len(slopes) / 2 + half))
    return Slope(float(np.median(slopes)), float(slopes[low]), float(slopes[high]))
