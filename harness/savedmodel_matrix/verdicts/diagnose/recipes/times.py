"""Calendar features from epochs or written times, in any time zone of whole quarter hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_integer, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.prove import agree
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Epochs in seconds, milliseconds, microseconds, nanoseconds.
_UNITS = (1, 10**3, 10**6, 10**9)
_SINCE, _UNTIL = 631_152_000, 4_102_444_800  # 1990 to 2100
#: All offsets from UTC in use are between -12 and +14 hours, in quarter hours (tz database).
_OFFSETS = tuple(quarter / 4 for quarter in range(-48, 57))
_ALSO_NAMED = 0.1  # an explanation in whole hours takes precedence
#: Fewer times may agree with some feature in some time zone by chance.
_LEAST = 8


def recipes(side: Array, raw: Array) -> list[Recipe]:
    """Return the calendar features that this side may consist of."""
    seconds = seconds_of(raw)
    if seconds is None or seconds.size < _LEAST or seconds.size != side.size or np.unique(side).size < 3:
        return []
    found = []
    for hours in _OFFSETS:
        local = seconds + int(hours * 3600)
        days = local // 86400
        features = {
            "hour of the day": local // 3600 % 24,
            "minute of the day": local // 60 % 1440,
            "day of the week (Monday 0)": (days + 3) % 7,
            "day of the week (Sunday 0)": (days + 4) % 7,
            "day of the week (Monday 1)": (days + 3) % 7 + 1,
            "day of the month": (
                days.astype("datetime64[D]") - days.astype("datetime64[D]").astype("datetime64[M]")
            ).astype(int) + 1,
            "month": days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1,
        }  # fmt: skip
        for feature, values in features.items():
            made = values.reshape(side.shape).astype(np.float64)
            if agree(side, made):
                zone = f"UTC{hours:+g}" if hours else "UTC"
                cost = abs(hours) / 100 + _ALSO_NAMED * (hours % 1 != 0)
                found.append(Recipe({"timezone": zone, "feature": feature}, made, cost))
    return found


def seconds_of(raw: Array) -> Array | None:
    """Return whole seconds since 1970; written times without a zone count as UTC."""
    if is_text(raw):
        try:
            texts = [text.decode().strip().replace("Z", "") for text in raw.ravel()]
            return np.array(texts, "datetime64[s]").astype(np.int64)
        except ValueError:
            return None
    if not (is_integer(raw) or raw.dtype == np.float64) or raw.size == 0:
        return None
    middle = float(np.median(numbers(raw)))
    for unit in _UNITS:
        if _SINCE * unit <= middle <= _UNTIL * unit:
            seconds: Array = (raw // unit).astype(np.int64).ravel()
            return seconds
    return None
