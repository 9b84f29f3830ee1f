"""Judges recordings of one case: the only place that says which noise floor judges what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.distributions import drawn
from savedmodel_matrix.verdicts.judge.calls import repeating
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.power import UNCHANGED, changed_recordings, power_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.power import Power
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedOutput

_THIS, _REFERENCE = "this one", "the reference"


def judge_case(
    plan: Plan,
    case: str,
    collection: Collection,
    recordings: Mapping[str, RecordedOutputs],
    baseline: str,
    read: Callable[[ArrayEntry], Array],
    *,
    same_inputs: bool = True,
) -> JudgedCase:
    """Return recordings of a case, by name, to be judged by its noise floor, limits and random ops.

    ``baseline`` names the one that stands for the baseline; ``same_inputs`` is whether it had the inputs on
    which the floor was measured.
    """
    noise = collection.noise.get(case)
    floor, origin = noise.floor if noise else None, collection.origins[case]
    restarting = origin.restarting if origin.is_known else repeating(recordings.get(baseline), floor)
    return JudgedCase(
        recordings,
        baseline,
        floor,
        noise.threads if noise and same_inputs else None,
        plan.cases[case].tolerance,
        read,
        origin.moving,
        restarting,
        other_process=same_inputs,
        drawn=drawn(collection, case),
    )


def judged_power(
    plan: Plan, case: str, collection: Collection, read: Callable[[ArrayEntry], Array]
) -> Power | None:
    """Return which changes of its weights a case's inputs notice; None if no weight was changed."""
    noise = collection.noise.get(case)
    if noise is None or noise.floor is None or not noise.floor.part.power.tried:
        return None
    part = noise.floor.part.power
    recordings = changed_recordings(noise.floor.run, part)
    return power_of(part, judge_case(plan, case, collection, recordings, UNCHANGED, read))


def judged_outputs(
    plan: Plan,
    case: str,
    collection: Collection,
    recording: Recording,
    reference: Recording,
    read: Callable[[ArrayEntry], Array],
    *,
    same_inputs: bool,
) -> list[JudgedOutput]:
    """Return every deterministic output of either, judged by the case's noise floor in the baseline.

    ``same_inputs`` is that of ``judge_case``.
    """
    pair = {_THIS: RecordedOutputs.of(recording), _REFERENCE: RecordedOutputs.of(reference)}
    judged = judge_case(plan, case, collection, pair, _REFERENCE, read, same_inputs=same_inputs)
    return judged.judge(_THIS, _REFERENCE)


def verdict_of(outputs: list[JudgedOutput]) -> Verdict:
    """Return the worst verdict; having nothing to compare does not count as agreement."""
    return worst([each.judgement.verdict for each in outputs] or [Verdict.INCOMPARABLE])
