"""8-bit rounding: images that agree within one level, without a trend, as two libraries' resizing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.diagnose.eight_bits import within
from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.prove import distance

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Pair


def explain(pair: Pair) -> Diagnosis | None:
    """Return that the two differ by 8-bit rounding only; None otherwise."""
    if not within(pair.train, pair.serve):
        return None
    apart = distance(pair.train, pair.serve)
    return Diagnosis(
        id="8-bit-rounding",
        title="the images are equal within one level of 8 bits: two libraries round differently",
        train="8-bit levels",
        serve="8-bit levels, at most one off in 98% of pixels, without a trend",
        mends="nothing to change: both are correct",
        before=apart.relative,
        residual=apart.relative,
        max_abs_before=apart.largest,
        max_abs_after=apart.largest,
        steps=("8-bit-rounding",),
        proof="at least 98% of pixels are within one level, and no channel is brighter or darker on average",
        harmless=True,
    )
