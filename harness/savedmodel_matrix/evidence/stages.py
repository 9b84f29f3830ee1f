"""What is recorded of the pipelines around the models, and of models on other cells' inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import Given, Job, Plan, Purpose
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.measurements.jobs import keyed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.plan import CellId
    from savedmodel_matrix.environments.state import EnvironmentState
    from savedmodel_matrix.evidence.collect import Collected
    from savedmodel_matrix.planning.project import Project
    from savedmodel_matrix.planning.ready import ReadyCase

#: Of one case: cells whose pipelines made so many different inputs have no library in common to blame.
MOST_SWAPPED = 12


@dataclass(frozen=True)
class StageRecord:
    """One stage of one cell and case: what became of it, and its recording if there is one."""

    cell: CellId
    case: str
    stage: str
    outcome: Outcome
    reason: str | None
    recording: dict[str, Any] | None
    beside: str | None
    """The environment it ran in beside the cell's."""

    @property
    def made(self) -> tuple[tuple[Any, ...], ...] | None:
        """What it made, by batch, name, component and content; None where it was not recorded."""
        if self.outcome is not Outcome.RECORDED or self.recording is None:
            return None
        return contents(self.recording)


def contents(recording: Mapping[str, Any]) -> tuple[tuple[Any, ...], ...]:
    """Return what a recording holds: batch, name, component, type, shape and content of every output."""
    return tuple(
            (each["batch"], each["name"], each["component"], each["array"]["dtype"],
             tuple(each["array"]["shape"]), *each["array"]["objects"])
            for each in recording["outputs"]
        )  # fmt: skip


@dataclass(frozen=True)
class SwapRecord:
    """What became of a job of ``Plan.swaps``; None where that was not recorded (yet)."""

    job: Job
    recording: dict[str, Any] | None


def collect_stages(
    project: Project,
    plan: Plan,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
) -> list[StageRecord]:
    """Return every stage of a plan with its outcome."""
    jobs = [*plan.stage_jobs(before=True), *plan.stage_jobs(before=False)]
    return [_stage(project, plan, job, states[job.cell.environment], ready[job.case]) for job in jobs]


def _stage(
    project: Project, plan: Plan, job: Job, state: EnvironmentState | None, ready: ReadyCase | str
) -> StageRecord:
    assert job.stage is not None, "a stage's job names it"  # noqa: S101

    beside = None

    def record(outcome: Outcome, reason: str | None, recording: dict[str, Any] | None = None) -> StageRecord:
        return StageRecord(job.cell, job.case, str(job.stage), outcome, reason, recording, beside)

    if state is None or state.installed is None or isinstance(ready, str):
        return record(Outcome.SKIPPED, "its cell has no environment, or its case is not ready")
    keyed_job = keyed(plan, job, state.installed, ready)
    if keyed_job.beside is not None:
        beside = keyed_job.beside.id
        found = state.installed.besides.get(beside)
        if not isinstance(found, Installed):
            outcome = Outcome.SKIPPED if found is None else Outcome.INSTALL_FAILED
            return record(outcome, f"{job.stage}: {beside}: {found or 'it was not made yet'}")
    recording = project.results.recording(keyed_job.key)
    if recording is None:
        return record(Outcome.SKIPPED, "nothing recorded: not selected, or interrupted")
    return record(Outcome(recording["outcome"]), recording["reason"], recording)


def collect_trained(
    project: Project,
    plan: Plan,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
) -> dict[str, dict[str, Any] | None]:
    """Return, per case with a training pipeline, the model's recording on what that makes in the baseline."""
    return {job.case: recording_of(project, plan, job, states, ready) for job in plan.trained_jobs()}


def collect_swaps(
    project: Project,
    plan: Plan,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
    rows: Sequence[Collected],
    stages: Sequence[StageRecord],
) -> list[SwapRecord]:
    """Return the swaps that the recorded stages call for, with what is recorded of them."""
    recorded = {(row.cell, row.case) for row in rows if row.outcome is Outcome.RECORDED}
    return [
        SwapRecord(job, recording_of(project, plan, job, states, ready))
        for job in _swaps(plan, recorded, stages)
    ]


def _swaps(plan: Plan, recorded: set[tuple[CellId, str]], stages: Sequence[StageRecord]) -> list[Job]:
    """Return the models to run on other cells' inputs: each on the baseline's, and the baseline's on each.

    Beside these the baseline's pipeline once more: where it makes something else in every process, no cell is
    to blame.
    """
    made = {(each.cell, each.case): each for each in stages if each.stage == plan.cases[each.case].serving}
    found = []
    for case in plan.cases:
        home = made.get((plan.baseline, case))
        if home is None or home.made is None or (plan.baseline, case) not in recorded or is_unstable(home):
            continue
        groups: dict[tuple[tuple[Any, ...], ...], list[StageRecord]] = {}
        for cell in plan.cells():
            other = made.get((cell, case))
            if other is None or other.made is None or other.made == home.made:
                continue
            if (cell, case) in recorded and not is_unstable(other):
                groups.setdefault(other.made, []).append(other)
        if len(groups) > MOST_SWAPPED:
            continue
        for members in groups.values():
            found += [_swap(plan, each.cell, case, home) for each in members]
            found.append(_swap(plan, plan.baseline, case, members[0]))
        if groups:
            limits = plan.limits[plan.baseline, case]
            found.append(Job(plan.baseline, case, limits, Purpose.AGAIN, stage=home.stage))
    return found


def is_unstable(stage: StageRecord) -> bool:
    """Whether two calls of a stage on the same inputs made different things."""
    return bool(stage.recording and stage.recording["unstable"])


def given_by(plan: Plan, case: str, stages: Sequence[StageRecord]) -> Given | None:
    """Return what the baseline's pipeline made for a case's model; None where there is none, or it failed."""
    for stage in stages:
        if (stage.cell, stage.case, stage.stage) == (plan.baseline, case, plan.cases[case].serving):
            return None if stage.made is None else _given(stage)
    return None


def _swap(plan: Plan, cell: CellId, case: str, maker: StageRecord) -> Job:
    return Job(cell, case, plan.limits[cell, case], Purpose.SWAPPED, given=_given(maker))


def _given(maker: StageRecord) -> Given:
    assert maker.recording is not None, "it made something"  # noqa: S101
    batches: dict[int, list[dict[str, Any]]] = {}
    for output in maker.recording["outputs"]:
        part = {key: output[key] for key in ("name", "component", "array")}
        batches.setdefault(output["batch"], []).append(part)
    return Given(maker.cell, [batches[number] for number in sorted(batches)])


def recording_of(
    project: Project,
    plan: Plan,
    job: Job,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
) -> dict[str, Any] | None:
    """Return what is recorded of one job, whatever its outcome."""
    state, case = states[job.cell.environment], ready[job.case]
    if state is None or state.installed is None or isinstance(case, str):
        return None
    return project.results.recording(keyed(plan, job, state.installed, case).key)


def swap_plan(plan: Plan, jobs: Sequence[Job]) -> Plan:
    """Return a plan that runs these swaps and nothing else."""
    why = "only models on other cells' inputs are run"
    everything = {(cell, case): why for cell in plan.cells() for case in plan.cases}
    return replace(plan, excluded=everything, swaps=tuple(jobs))
