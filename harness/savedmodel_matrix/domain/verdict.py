"""What a divergence is judged to be."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(StrEnum):
    """What a divergence is judged to be, from the least to the most severe."""

    IDENTICAL = "identical"
    FLOAT_NOISE = "float-noise"
    SUSPICIOUS = "suspicious"
    DIVERGED = "diverged"
    INCOMPARABLE = "incomparable"

    @property
    def severity(self) -> int:
        """Rank in the order of severity, from 0. Not comparable, so not known to be alright, is last."""
        return list(Verdict).index(self)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe of several verdicts.

    Raises:
        ValueError: if there are none: no comparison is no verdict, and never a pass.
    """
    return max(verdicts, key=lambda verdict: verdict.severity)
