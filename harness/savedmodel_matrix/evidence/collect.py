"""Every cell and case of a plan with its outcome; none is left without one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.domain.noise_floor import MeasuredFloor
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import POSTPROCESS, TRAIN
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.evidence.collected import Collected, CollectedCheck, CollectedNoise, Collection
from savedmodel_matrix.evidence.distributions import collect_distributions
from savedmodel_matrix.evidence.origins import Origin
from savedmodel_matrix.evidence.outside import collect_outside
from savedmodel_matrix.evidence.recorded import Evidence, job_name
from savedmodel_matrix.evidence.stages import collect_elsewhere, collect_stages, collect_swaps
from savedmodel_matrix.measurements import added_measurements, measurement_of, work
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.elsewhere import ElsewhereMeasurement
from savedmodel_matrix.measurements.noise_floor import NoiseFloorMeasurement
from savedmodel_matrix.measurements.other_threads import OtherThreadsMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.measurements.stage import StageMeasurement
from savedmodel_matrix.measurements.trained import TrainedMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.evidence.collected import StageRecord
    from savedmodel_matrix.planning.workspace import Workspace

#: Kinds that read their own recordings.
_NOISE_FLOOR, _CHECK = NoiseFloorMeasurement(), CheckMeasurement()


def collect(project: Workspace, plan: Plan, selection: Selection) -> Collection:
    """Return the outcome of every cell and case, from what is in the store."""
    evidence = Evidence(project, plan, selection)
    names = []
    by_kind: dict[str, list[Job]] = {}
    for job in work(plan):
        by_kind.setdefault(job.measurement, []).append(job)
        if job.measurement in added_measurements():
            names.append(job_name(job))
    stages = collect_stages(evidence, by_kind.pop(StageMeasurement.name, []))
    rows = _rows(evidence, by_kind.pop(OutputsMeasurement.name, []), stages, selection)
    noise = _noise(
        evidence, by_kind.pop(NoiseFloorMeasurement.name, []), by_kind.pop(OtherThreadsMeasurement.name, [])
    )
    checks = {
        (job.cell, job.case, Check(job.variant)): _check(evidence, job, selection)
        for job in by_kind.pop(CheckMeasurement.name, [])
    }
    trained = {job.case: evidence.recording(job) for job in by_kind.pop(TrainedMeasurement.name, [])}
    elsewhere = collect_elsewhere(evidence, by_kind.pop(ElsewhereMeasurement.name, []), stages)
    swaps = collect_swaps(evidence, rows, stages)
    outside = collect_outside(evidence, rows)
    origins = {name: Origin(project, case, evidence.ready[name]) for name, case in plan.cases.items()}
    distributions = collect_distributions(evidence, rows, noise, origins)
    remarks = [line for jobs in by_kind.values() for job in jobs for line in _says(evidence, job)]
    return Collection(
        rows,
        evidence.states,
        evidence.ready,
        noise,
        checks,
        stages,
        trained,
        swaps,
        elsewhere,
        outside,
        distributions,
        list(dict.fromkeys(remarks)),
        evidence.arrays,
        frozenset(evidence.read),
        [(name, evidence.keys.get(name)) for name in names],
        evidence.seen,
        settled=evidence.settled,
        locked=_locked(project, plan),
        origins=origins,
    )


def _locked(project: Workspace, plan: Plan) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for environment in plan.environments.values():
        with suppress(LockError):
            found[environment.id] = read_lock(project.lock_path(environment)).pins
    return found


def _rows(
    evidence: Evidence, jobs: Iterable[Job], stages: Iterable[StageRecord], selection: Selection
) -> list[Collected]:
    plan = evidence.plan
    wanted = {(job.cell, job.case): job for job in jobs}
    around: dict[tuple[object, str], list[StageRecord]] = {}
    for stage in stages:
        around.setdefault((stage.cell, stage.case), []).append(stage)
    rows = []
    for cell in plan.cells():
        for case in plan.cases:
            job = wanted.get((cell, case))
            if job is None:
                rows.append(_left_out(plan, Collected(cell, case, Outcome.SKIPPED, None, required=False)))
            else:
                row = _outcome(evidence, job, selection)
                rows.append(_through_stages(row, around.get((cell, case), [])))
    return rows


def _through_stages(row: Collected, stages: Sequence[StageRecord]) -> Collected:
    """Return the outcome including the stages': a case is recorded once its last stage is."""
    for stage in stages:
        if stage.outcome is not Outcome.RECORDED and (
            (stage.stage != TRAIN and stage.outcome is Outcome.INSTALL_FAILED)
            or (stage.stage == POSTPROCESS and row.outcome is Outcome.RECORDED)
        ):
            recording = stage.recording or row.recording
            return replace(row, outcome=stage.outcome, reason=stage.reason, recording=recording)
    return row


def _noise(
    evidence: Evidence, floors: Iterable[Job], other_threads: Iterable[Job]
) -> dict[str, CollectedNoise]:
    threads = {job.case: evidence.recording(job) for job in other_threads}
    found = {}
    for job in floors:
        recording, other = evidence.recording(job), threads.get(job.case)
        floor = None
        if recording is not None and recording.is_recorded:
            part = _NOISE_FLOOR.read(recording, job)
            floor = MeasuredFloor(RecordedOutputs.of(recording), part)
        problem = None
        if recording is None:
            problem = "not measured: it was not selected or was interrupted, or the case never ran there"
        elif floor is None:
            problem = f"{recording.outcome}: {recording.reason}"
        found[job.case] = CollectedNoise(
            floor, RecordedOutputs.of(other) if other is not None and other.is_recorded else None, problem
        )
    return found


def _check(evidence: Evidence, job: Job, selection: Selection) -> CollectedCheck:
    recording = evidence.recording(job)
    part = None
    if recording is not None and recording.is_recorded:
        part = _CHECK.read(recording, job)
    return CollectedCheck(recording, part, recording is not None or selection.wants(job))


def _says(evidence: Evidence, job: Job) -> list[str]:
    recording = evidence.recording(job)
    return [] if recording is None else measurement_of(job).says(recording, job)


def _left_out(plan: Plan, row: Collected) -> Collected:
    if row.cell.environment in plan.unavailable:
        return replace(row, outcome=Outcome.UNAVAILABLE, reason=plan.unavailable[row.cell.environment])
    return replace(row, reason=f"excluded: {plan.excluded[row.cell, row.case]}")


def _outcome(evidence: Evidence, job: Job, selection: Selection) -> Collected:
    recording = evidence.recording(job)
    if recording is not None:
        return Collected(
            job.cell, job.case, recording.outcome, recording.reason, required=True, recording=recording
        )
    # A partial run does not need cells outside its selection, so nothing is missing there.
    selected = selection.wants(job)
    outcome, reason = _why_not(evidence, job) if selected else (Outcome.SKIPPED, "not selected")
    return Collected(job.cell, job.case, outcome, reason, required=selected, selected=selected)


def _why_not(evidence: Evidence, job: Job) -> tuple[Outcome, str]:
    """Return why a cell and case has no recording."""
    state, ready = evidence.states[job.cell.environment], evidence.ready[job.case]
    if isinstance(ready, str):
        return Outcome.SKIPPED, f"the case could not be prepared: {ready}"
    if state is None:
        return _never_made(evidence.plan.environments[job.cell.environment])
    if state.installed is not None:
        return Outcome.SKIPPED, "nothing recorded: the run was interrupted, or its session failed"
    if state.outcome is not None:
        return state.outcome, state.reason or "no reason was given"
    return Outcome.SKIPPED, "the harness itself failed here; see the faults below"


def _never_made(environment: Environment) -> tuple[Outcome, str]:
    """Return why there is no environment: nox skipped it or was never asked to create it."""
    if find_interpreter(environment.python) is None:
        return Outcome.UNAVAILABLE, (
            f"no Python {environment.python} on this machine: not on PATH, not in pyenv, and uv could not "
            f"download one; install it (pyenv install {environment.python}) and run again"
        )
    return Outcome.SKIPPED, "its environment has not been created on this machine yet"
