"""The verdict on one output between two cells, and the measure that decides it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.verdicts.judge.ratio import judge_ratio
from savedmodel_matrix.verdicts.judge.tolerance import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.definition import ToleranceDefinition
    from savedmodel_matrix.domain.divergence import Divergence
    from savedmodel_matrix.domain.noise_floor import MovedRow, NoiseRatio


class Measure(StrEnum):
    """The measure that decides a verdict."""

    BITS = "bits"
    NOISE_FLOOR = "noise floor"
    TOLERANCE = "tolerance"
    """The matrix's own limits for this output."""
    DEFAULT = "default tolerance"
    """By element type, if there is no noise floor."""
    COMPARATOR = "comparator"
    """The user's own function."""


class Decision(StrEnum):
    """How serious a moved argmax or a changed integer, boolean or string is."""

    BENIGN = "benign"
    """The margin was within the noise, or replicates of the baseline change it too."""
    REAL = "real"
    UNJUDGED = "unjudged"
    """There is no noise floor to compare the margin with."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the measure that decided it, and how serious a changed decision is (None: unchanged)."""

    verdict: Verdict
    by: Measure
    decision: Decision | None = None
    reason: str | None = None


def judge_output(
    divergence: Divergence,
    limits: ToleranceDefinition | None,
    ratio: NoiseRatio | None,
    moved: Sequence[MovedRow],
    *,
    benign_change: bool | None = None,
) -> Judgement:
    """Return the judgement of what was measured.

    ``limits`` are those that the matrix sets for this output; if given, they decide. Otherwise the noise
    floor decides, by ``ratio``, or else the tolerances by element type that ``divergence`` was measured
    with. ``moved`` are the rows whose argmax moved, for floats with a floor. ``benign_change`` is for exact
    outputs: whether noise alone makes every one of their changes; None if that is not known.
    """
    if divergence.incomparable is not None:
        return Judgement(Verdict.INCOMPARABLE, Measure.BITS, reason=divergence.incomparable)
    if not divergence.different:
        return Judgement(Verdict.IDENTICAL, Measure.BITS)
    decision = _decision(divergence, moved, benign_change=benign_change)
    judged = _by_numbers(divergence, limits, ratio, decision)
    if limits is not None and limits.top1 is not None and divergence.top1_agreement is not None:
        enough = divergence.top1_agreement >= limits.top1
        agrees = Verdict.FLOAT_NOISE if enough else Verdict.DIVERGED
        return Judgement(worst([judged.verdict, agrees]), Measure.TOLERANCE, decision)
    return judged


def _by_numbers(
    divergence: Divergence,
    limits: ToleranceDefinition | None,
    ratio: NoiseRatio | None,
    decision: Decision | None,
) -> Judgement:
    if limits is not None and limits.has_numbers:
        return Judgement(_by_limits(divergence, limits), Measure.TOLERANCE, decision)
    if divergence.max_abs is None or ratio is None:
        if decision is Decision.BENIGN:
            return Judgement(Verdict.FLOAT_NOISE, Measure.NOISE_FLOOR, decision)
        return Judgement(judge(divergence), Measure.DEFAULT, decision)
    if divergence.nan_mismatches or divergence.inf_mismatches:
        return Judgement(Verdict.DIVERGED, Measure.NOISE_FLOOR, decision, "NaN or infinity on one side only")
    verdict = judge_ratio(ratio.worst)
    if decision is Decision.REAL:
        # The margin was beyond the noise, so something other than noise moved it, however small the rest is.
        verdict = worst([verdict, Verdict.SUSPICIOUS])
    return Judgement(verdict, Measure.NOISE_FLOOR, decision)


def _by_limits(divergence: Divergence, limits: ToleranceDefinition) -> Verdict:
    beyond = bool(divergence.beyond) and (limits.rtol is not None or limits.atol is not None)
    if limits.ulp is not None and divergence.scaled_ulp is not None:
        beyond |= divergence.scaled_ulp > limits.ulp or bool(
            divergence.nan_mismatches or divergence.inf_mismatches
        )
    elif limits.rtol is None and limits.atol is None:
        beyond = bool(divergence.different)  # units in the last place mean nothing for exact types
    return Verdict.DIVERGED if beyond else Verdict.FLOAT_NOISE


def _decision(
    divergence: Divergence, moved: Sequence[MovedRow], *, benign_change: bool | None
) -> Decision | None:
    if not divergence.decision_changed:
        return None
    if moved:
        return Decision.BENIGN if all(row.is_benign for row in moved) else Decision.REAL
    if benign_change is None:
        return Decision.UNJUDGED
    return Decision.BENIGN if benign_change else Decision.REAL
