"""Compares and judges two recordings of one case as if they were cells of the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.verdicts.judge.case import JudgedCase

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedOutput

_THIS, _REFERENCE = "this one", "the reference"


def judged_outputs(
    plan: Plan,
    case: str,
    collection: Collection,
    recording: Recording,
    reference: Recording,
    read: Callable[[ArrayEntry], Array],
    *,
    same_inputs: bool,
    moving: Container[str] = (),
) -> list[JudgedOutput]:
    """Return every deterministic output of either, judged by the case's noise floor in the baseline.

    ``same_inputs`` is whether the reference had the inputs on which the floor was measured; ``moving`` is
    that of ``JudgedCase``.
    """
    noise = collection.noise.get(case)
    judged = JudgedCase(
        {_THIS: RecordedOutputs.of(recording), _REFERENCE: RecordedOutputs.of(reference)},
        _REFERENCE,
        noise.floor if noise else None,
        noise.threads if noise and same_inputs else None,
        plan.cases[case].tolerance,
        read,
        moving,
        other_process=same_inputs,
    )
    return judged.judge(_THIS, _REFERENCE)


def verdict_of(outputs: list[JudgedOutput]) -> Verdict:
    """Return the worst verdict; having nothing to compare does not count as agreement."""
    return worst([each.judgement.verdict for each in outputs] or [Verdict.INCOMPARABLE])
