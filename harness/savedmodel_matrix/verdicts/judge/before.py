"""What stands before a saturated head counts for its output: equal ones and zeros prove little."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge.caveat import Caveat
from savedmodel_matrix.verdicts.judge.output import Judgement, Measure
from savedmodel_matrix.verdicts.judge.tolerance import limits_for

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import Output, OutputId
    from savedmodel_matrix.domain.definition import ToleranceDefinition
    from savedmodel_matrix.domain.recording import RecordedOutputs
    from savedmodel_matrix.verdicts.judge.case import JudgedOutput, OutputStanding


def compared(
    found: RecordedOutputs, nondeterministic: Container[OutputId], limits: Mapping[str, ToleranceDefinition]
) -> RecordedOutputs:
    """Return the deterministic outputs, with what stands before them unless the matrix limits them itself."""
    own = {
        output.id
        for output in found.outputs
        if (limit := limits_for(output, limits)) is not None and (limit.has_numbers or limit.comparator)
    }

    def counts(output: Output) -> bool:
        if output.id in nondeterministic:
            return False
        after = output.id.after_head
        return not output.id.is_before or not (after in nondeterministic or after in own)

    return replace(found, outputs=tuple(filter(counts, found.outputs)))


def with_standings(
    standings: Sequence[OutputStanding], recorded: RecordedOutputs | None, sound: RecordedOutputs | None
) -> list[OutputStanding]:
    """Return what is known about each output, and about what stands before it and counts.

    A saturated output whose noise is known before its head is no longer one that proves nothing.
    """
    counting = {output.id for output in sound.outputs if output.id.is_before} if sound else set()
    measured = {
        each.output.after_head: each.output
        for each in standings
        if each.output in counting and each.floor is not None
    }
    why = dict(recorded.not_before) if recorded else {}
    return [
        _said_before(each, measured.get(each.output), why.get(each.output.name))
        for each in standings
        if not each.output.is_before or each.output in counting
    ]


def _said_before(standing: OutputStanding, before: OutputId | None, why: str | None) -> OutputStanding:
    caveats = dict(standing.caveats)
    if before is not None:
        caveats.pop(Caveat.SATURATED, None)
    elif Caveat.SATURATED in caveats and why is not None:
        caveats[Caveat.SATURATED] += f" (nothing is judged before it: {why})"
    return replace(standing, caveats=caveats, before=before)


def with_before(judged: Sequence[JudgedOutput]) -> list[JudgedOutput]:
    """Return the outputs, each judged by what stands before its head as well.

    What only one side has, and what has no noise floor, decides nothing.
    """
    before = {
        each.output.after_head: each for each in judged if each.output is not None and each.output.is_before
    }
    return [
        _raised(each, before.get(each.output)) if each.output is not None else each
        for each in judged
        if each.output is None or not each.output.is_before
    ]


def _raised(own: JudgedOutput, before: JudgedOutput | None) -> JudgedOutput:
    if before is None or before.output is None:
        return own
    judgement, found = own.judgement, before.judgement
    hidden = judgement.verdict.severity <= Verdict.FLOAT_NOISE.severity
    if before.divergence.incomparable is not None:
        if not hidden:
            return own
        text = f"{before.output.component} nothing is compared: {before.divergence.incomparable}"
        return replace(own, judgement=replace(judgement, reason=judgement.reason or text))
    if before.divergence.different and before.ratio is None:
        return own
    if found.verdict.severity <= max(judgement.verdict.severity, Verdict.FLOAT_NOISE.severity):
        return replace(own, before=before)
    says = _says(judgement, before, before.output) if hidden else judgement.reason
    raised = Judgement(found.verdict, Measure.NOISE_FLOOR, judgement.decision, says)
    return replace(own, judgement=raised, before=before)


def _says(own: Judgement, before: JudgedOutput, output: OutputId) -> str:
    head = (output.component or "").partition(" ")[2]
    agrees = "equal" if own.verdict is Verdict.IDENTICAL else "within the noise"
    times = 0.0 if before.ratio is None else before.ratio.worst
    differs = before.judgement.reason or f"the values differ by {times:.3g} times the noise"
    return f"{agrees} only because its {head} hides it: before it, {differs}"
