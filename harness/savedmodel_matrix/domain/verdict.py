"""The verdict on a divergence."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(StrEnum):
    """The verdict on a divergence, from the least to the most severe."""

    IDENTICAL = "identical"
    FLOAT_NOISE = "float-noise"
    SUSPICIOUS = "suspicious"
    DIVERGED = "diverged"
    INCOMPARABLE = "incomparable"

    @property
    def severity(self) -> int:
        """Rank by severity, from 0. ``incomparable`` is last, because nothing shows that it is fine."""
        return list(Verdict).index(self)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe of several verdicts.

    Raises:
        ValueError: if there are none: without a comparison there is no verdict, and never a pass.
    """
    return max(verdicts, key=lambda verdict: verdict.severity)
