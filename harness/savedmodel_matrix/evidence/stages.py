"""Recordings of the pipelines around the models, and of models on other cells' inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import InputPart
from savedmodel_matrix.domain.job import Given, Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.evidence.collected import ElsewhereRecord, StageRecord, SwapRecord, contents
from savedmodel_matrix.measurements.elsewhere import EVERYTHING, apart, way_of
from savedmodel_matrix.measurements.stage import AGAIN, StageMeasurement, stage_of
from savedmodel_matrix.measurements.swapped import SwappedMeasurement
from savedmodel_matrix.verdicts.diagnose.prove import is_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected
    from savedmodel_matrix.evidence.recorded import Evidence

#: Per case: if pipelines made more different inputs than this, no single library is likely to blame.
MOST_SWAPPED = 12
_STAGE = StageMeasurement()


def collect_stages(evidence: Evidence, jobs: Iterable[Job]) -> list[StageRecord]:
    """Return every stage of a plan with its outcome."""
    return [_stage(evidence, job) for job in jobs if not job.variant.endswith(AGAIN)]


def _stage(evidence: Evidence, job: Job) -> StageRecord:
    beside, installed = evidence.beside(job)
    name = None if beside is None else beside.id

    def without(outcome: Outcome, reason: str) -> StageRecord:
        return StageRecord(job.cell, job.case, job.variant, outcome, reason, None, name)

    if evidence.site(job) is None:
        return without(Outcome.SKIPPED, "its cell has no environment, or its case could not be prepared")
    if beside is not None and not isinstance(installed, Installed):
        outcome = Outcome.SKIPPED if installed is None else Outcome.INSTALL_FAILED
        return without(outcome, f"{job.variant}: {name}: {installed or 'not created yet'}")
    recording = evidence.recording(job)
    if recording is None:
        return without(Outcome.SKIPPED, "nothing recorded: not selected, or interrupted")
    return StageRecord(
        job.cell,
        job.case,
        job.variant,
        recording.outcome,
        recording.reason,
        recording,
        name,
        _STAGE.read(recording, job),
    )


def collect_swaps(
    evidence: Evidence, rows: Sequence[Collected], stages: Sequence[StageRecord]
) -> list[SwapRecord]:
    """Return the swaps that the recorded stages call for, with their recordings."""
    recorded = {(row.cell, row.case) for row in rows if row.outcome is Outcome.RECORDED}
    return [SwapRecord(job, evidence.recording(job)) for job in _swaps(evidence.plan, recorded, stages)]


def _swaps(plan: Plan, recorded: set[tuple[CellId, str]], stages: Sequence[StageRecord]) -> list[Job]:
    """Return the models to run on other cells' inputs: each on the baseline's, and the baseline's on each.

    The baseline's pipeline also runs once more: if its outputs change with every process, no cell is to
    blame.
    """
    made = {(each.cell, each.case): each for each in stages if each.stage == plan.cases[each.case].serving}
    found = []
    for case in plan.cases:
        home = made.get((plan.baseline, case))
        if home is None or home.made is None or (plan.baseline, case) not in recorded or home.is_unstable:
            continue
        groups: dict[tuple[tuple[OutputId, ArrayEntry], ...], list[StageRecord]] = {}
        for cell in plan.cells():
            other = made.get((cell, case))
            if other is None or other.made is None or other.made == home.made:
                continue
            if (cell, case) in recorded and not other.is_unstable:
                groups.setdefault(other.made, []).append(other)
        if len(groups) > MOST_SWAPPED:
            continue
        for members in groups.values():
            found += [_swap(plan, each.cell, case, home) for each in members]
            found.append(_swap(plan, plan.baseline, case, members[0]))
        if groups:
            limits = plan.limits[plan.baseline, case]
            found.append(Job(plan.baseline, case, limits, StageMeasurement.name, f"{home.stage}{AGAIN}"))
    return found


def collect_elsewhere(
    evidence: Evidence, jobs: Iterable[Job], stages: Sequence[StageRecord]
) -> list[ElsewhereRecord]:
    """Return the stages in processes with other surroundings.

    Where one made other results than in the cell itself, what tells the surroundings apart is called for.
    """
    made = {(each.cell, each.case, each.stage): each for each in stages}
    found: list[ElsewhereRecord] = []
    # Those of a question are called for here again, where their evidence still holds.
    for job in (each for each in jobs if way_of(each) == EVERYTHING):
        recording = evidence.recording(job)
        found.append(ElsewhereRecord(job, recording))
        home = made.get((job.cell, job.case, stage_of(job)))
        if home is None or home.made is None or home.is_unstable or recording is None:
            continue
        if recording.is_recorded and not _same(evidence, home.made, contents(recording)):
            found += [ElsewhereRecord(each, evidence.recording(each)) for each in apart(job)]
    return found


def _same(
    evidence: Evidence,
    one: tuple[tuple[OutputId, ArrayEntry], ...],
    other: tuple[tuple[OutputId, ArrayEntry], ...],
) -> bool:
    """Whether two results are equal up to rounding: sums are added up in another order by other threads."""
    if one == other:
        return True
    if [name for name, _ in one] != [name for name, _ in other]:
        return False
    return all(
        first == second or is_same(evidence.array(first), evidence.array(second))
        for (_, first), (_, second) in zip(one, other, strict=True)
    )


def given_by(plan: Plan, case: str, stages: Sequence[StageRecord]) -> Given | None:
    """Return the inputs that the baseline's pipeline made for a case's model; None if absent or failed."""
    for stage in stages:
        if (stage.cell, stage.case, stage.stage) == (plan.baseline, case, plan.cases[case].serving):
            return None if stage.made is None else _given(stage)
    return None


def _swap(plan: Plan, cell: CellId, case: str, maker: StageRecord) -> Job:
    return Job(
        cell,
        case,
        plan.limits[cell, case],
        SwappedMeasurement.name,
        f"given {maker.cell}'s inputs",
        _given(maker),
    )


def _given(maker: StageRecord) -> Given:
    assert maker.recording is not None, "it made something"  # noqa: S101
    batches: dict[int, list[InputPart]] = {}
    for output in maker.recording.outputs:
        part = InputPart.model_construct(name=output.name, component=output.component, array=output.array)
        batches.setdefault(output.batch, []).append(part)
    return Given(maker.cell, tuple(tuple(batches[number]) for number in sorted(batches)))
