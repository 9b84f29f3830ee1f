"""Every cell and case of a plan with its outcome: nothing of a plan is left without one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import POSTPROCESS, TRAIN, Purpose
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.environments.state import EnvironmentState, read_state
from savedmodel_matrix.evidence.stages import (
    StageRecord,
    SwapRecord,
    collect_stages,
    collect_swaps,
    collect_trained,
    recording_of,
)
from savedmodel_matrix.measurements.jobs import keyed
from savedmodel_matrix.planning.ready import ReadyCase, make_ready, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.check import Check
    from savedmodel_matrix.domain.plan import CellId, Environment, Job, Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.planning.project import Project


@dataclass(frozen=True)
class Collected:
    """The outcome of one cell and case, with its recording where there is one."""

    cell: CellId
    case: str
    outcome: Outcome
    reason: str | None
    required: bool
    recording: dict[str, Any] | None = None


@dataclass(frozen=True)
class NoiseRecordings:
    """What is recorded of a case's noise in the baseline: replicates, and a run with other threads.

    None where that is missing or failed.
    """

    floor: dict[str, Any] | None
    threads: dict[str, Any] | None
    problem: str | None
    """Why there is no floor."""


@dataclass(frozen=True)
class CollectedCheck:
    """A check's recording, None where there is none, and whether this run was asked for it."""

    recording: dict[str, Any] | None
    required: bool


@dataclass(frozen=True)
class Collection:
    """What a plan came to: one row per cell and case, and what is known of its parts."""

    rows: list[Collected]
    states: dict[str, EnvironmentState | None]
    ready: dict[str, ReadyCase | str]
    """Per case: made ready, or why it could not be."""
    noise: dict[str, NoiseRecordings]
    """Per case for which the plan asks for a noise floor."""
    checks: dict[tuple[CellId, str, Check], CollectedCheck] = field(default_factory=dict)
    """Every check that the plan asks for."""
    stages: list[StageRecord] = field(default_factory=list)
    """Every stage of every cell and case that has one."""
    trained: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    """Per case with a training pipeline: the model in the baseline on what that makes there."""
    swaps: list[SwapRecord] = field(default_factory=list)
    """Models on other cells' inputs, where two cells' pipelines made different ones."""


def collect(project: Project, plan: Plan, selection: Selection) -> Collection:
    """Return the outcome of every cell and case, from what lies in the store.

    Cases that are not ready are made ready here once more: the reason why one cannot be is wanted.
    """
    states = {name: read_state(project.results, name) for name in plan.environments}
    ready: dict[str, ReadyCase | str] = {}
    for name, definition in plan.cases.items():
        try:
            ready[name] = make_ready(project, definition)
        except HarnessError as error:
            ready[name] = reason_of(project, error)
    jobs = {(job.cell, job.case): job for job in plan.jobs()}
    stages = collect_stages(project, plan, states, ready)
    around: dict[tuple[CellId, str], list[StageRecord]] = {}
    for stage in stages:
        around.setdefault((stage.cell, stage.case), []).append(stage)
    rows = []
    for cell in plan.cells():
        for case in plan.cases:
            job = jobs.get((cell, case))
            if job is None:
                rows.append(_left_out(plan, cell, case))
            else:
                row = _outcome(project, plan, job, states[cell.environment], ready[case], selection)
                rows.append(_through_stages(row, around.get((cell, case), [])))
    checks = {
        (job.cell, job.case, job.check): CollectedCheck(
            recording, recording is not None or selection.wants(job)
        )
        for job in plan.check_jobs()
        for recording in [recording_of(project, plan, job, states, ready)]
        if job.check is not None
    }
    return Collection(
        rows,
        states,
        ready,
        _noise(project, plan, states, ready),
        checks,
        stages,
        collect_trained(project, plan, states, ready),
        collect_swaps(project, plan, states, ready, rows, stages),
    )


def _through_stages(row: Collected, stages: Sequence[StageRecord]) -> Collected:
    """Return the outcome with that of its stages: a case is recorded once the last of them is."""
    for stage in stages:
        if stage.outcome is not Outcome.RECORDED and (
            (stage.stage != TRAIN and stage.outcome is Outcome.INSTALL_FAILED)
            or (stage.stage == POSTPROCESS and row.outcome is Outcome.RECORDED)
        ):
            recording = stage.recording or row.recording
            return replace(row, outcome=stage.outcome, reason=stage.reason, recording=recording)
    return row


def _noise(
    project: Project,
    plan: Plan,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
) -> dict[str, NoiseRecordings]:
    found: dict[str, dict[Purpose, dict[str, Any] | None]] = {}
    for job in plan.noise_jobs():
        found.setdefault(job.case, {})[job.purpose] = recording_of(project, plan, job, states, ready)
    return {
        name: NoiseRecordings(
            floor=_recorded(of[Purpose.FLOOR]),
            threads=_recorded(of[Purpose.THREADS]),
            problem=_problem(of[Purpose.FLOOR]),
        )
        for name, of in found.items()
    }


def _recorded(recording: dict[str, Any] | None) -> dict[str, Any] | None:
    return recording if recording and recording["outcome"] == Outcome.RECORDED else None


def _problem(recording: dict[str, Any] | None) -> str | None:
    if recording is None:
        return "it was not measured: not selected, interrupted, or the case never ran there"
    failed = recording["outcome"] != Outcome.RECORDED
    return f"{recording['outcome']}: {recording['reason']}" if failed else None


def _left_out(plan: Plan, cell: CellId, case: str) -> Collected:
    if cell.environment in plan.unavailable:
        reason = plan.unavailable[cell.environment]
        return Collected(cell, case, Outcome.UNAVAILABLE, reason, required=False)
    reason = f"excluded: {plan.excluded[cell, case]}"
    return Collected(cell, case, Outcome.SKIPPED, reason, required=False)


def _outcome(
    project: Project,
    plan: Plan,
    job: Job,
    state: EnvironmentState | None,
    ready: ReadyCase | str,
    selection: Selection,
) -> Collected:
    def without(outcome: Outcome, reason: str) -> Collected:
        # Outside a partial run's selection nothing was asked of the cell, so nothing is missing.
        return Collected(job.cell, job.case, outcome, reason, required=selection.wants(job))

    if isinstance(ready, str):
        return without(Outcome.SKIPPED, f"the case could not be made ready: {ready}")
    if state is None:
        return without(*_never_made(plan.environments[job.cell.environment]))
    if state.installed is None:
        if state.outcome is not None:
            return without(state.outcome, state.reason or "no reason was given")
        return without(Outcome.SKIPPED, "the harness itself failed here; see the faults below")
    key = keyed(plan, job, state.installed, ready).key
    recording = project.results.recording(key)
    if recording is None:
        return without(Outcome.SKIPPED, "nothing recorded: not selected, interrupted, or its session failed")
    outcome = Outcome(recording["outcome"])
    return Collected(job.cell, job.case, outcome, recording["reason"], required=True, recording=recording)


def _never_made(environment: Environment) -> tuple[Outcome, str]:
    """Return why there is no environment, nox having skipped it or never been asked."""
    if find_interpreter(environment.python) is None:
        return Outcome.UNAVAILABLE, (
            f"no Python {environment.python} on this machine: not on PATH, not in pyenv, and uv could not "
            f"download one; install it (pyenv install {environment.python}) and run again"
        )
    return Outcome.SKIPPED, "its environment has not been made on this machine yet"
