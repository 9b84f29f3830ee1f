"""Fixes for failures: which changes make a failed case run, and does it then match the baseline?

In the first round the baseline's environment exports models again; in the next round the attempts run. If no
model has to be exported again, the attempts are the first round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.state import read_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.stages import given_by
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.measurements.re_export import ReExportMeasurement, re_export_folder
from savedmodel_matrix.models.preflight.features import features_of
from savedmodel_matrix.models.savedmodel.whole import is_whole
from savedmodel_matrix.planning.predictions import facts_of, installed_packages
from savedmodel_matrix.questions.attempts import Failure, plan_remedies
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.outside import left_outside
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.questions.swapped_inputs import pending_swaps
from savedmodel_matrix.store.atomic import set_aside
from savedmodel_matrix.store.runs import Run, RunAttempt
from savedmodel_matrix.verdicts.causes.match import find_causes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collected, Collection, StageRecord
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.attempts import Remedies
    from savedmodel_matrix.verdicts.causes.match import Match

#: Outcomes that a fix may change. A crash or a timeout may be the machine's fault.
_MENDABLE = {Outcome.INSTALL_FAILED, Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED}


@dataclass(frozen=True)
class Mending:
    """The fixes of a matrix, and the results of those that were tried."""

    remedies: Remedies
    tried: Collection
    done: bool
    """Whether every fix that can be tried was tried."""


@dataclass(frozen=True)
class Left:
    """Jobs for fixes that are not in the store yet."""

    remedies: Remedies
    jobs: list[Job]
    """Attempts that can run now."""
    re_exports: list[Job]
    """Models to export again."""


class FixesQuestion:
    """Two rounds at most: exporting models again, then the attempts."""

    name = "fixes"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the models to export again unless that was tried, then the attempts; None if all is done."""
        if not asked.request.fixes or len(before) > 1:
            return None
        left = _left_of(asked)
        if left.re_exports and not before:
            says = f"exporting {count(len(left.re_exports), 'model')} again, as a fix to try"
            return Round(self.name, 1, shares_of(asked.plan, left.re_exports), says)
        if not left.jobs:
            return None
        says = f"trying fixes: {count(len(left.jobs), 'run')} (--no-fixes leaves them out)"
        return Round(self.name, len(before) + 1, shares_of(left.remedies.plan, left.jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:
        """Export models again in the first round that has some; otherwise run one environment's attempts."""
        left = _left_of(asked)
        saving = number == 1 and bool(left.re_exports)
        plan = asked.plan.asking(left.re_exports) if saving else left.remedies.plan
        run_share(asked, plan, environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome of every attempt."""
        left = _left_of(asked)
        tried = collect(asked.project, left.remedies.plan, Selection())
        rows = {(row.cell, row.case): row for row in tried.rows}
        attempts = []
        for attempt in left.remedies.attempts:
            row = rows[attempt.cell, attempt.variant]
            attempts.append(
                RunAttempt(
                    environment=attempt.failed.environment,
                    setting=attempt.failed.setting,
                    case=attempt.case,
                    cause=attempt.cause,
                    kind=attempt.remedy.kind,
                    value=attempt.remedy.value,
                    tried_in=str(attempt.cell),
                    outcome=row.outcome,
                    reason=row.reason,
                    recording=row.recording.key if row.recording else None,
                )
            )
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            attempts=tuple(attempts),
        )


def mending_of(project: Workspace, plan: Plan, collection: Collection) -> Mending:
    """Return the fixes of a matrix with their results so far."""
    left = left_to_do(project, plan, collection)
    tried = collect(project, left.remedies.plan, Selection())
    others = [*pending_swaps(project, plan, collection), *left_outside(project, plan, collection)]
    return Mending(left.remedies, tried, done=not (left.jobs or left.re_exports or others))


def left_to_do(project: Workspace, plan: Plan, collection: Collection) -> Left:
    """Return the jobs for fixes of the collected failures that are not in the store yet."""
    remedies = remedies_for(project, plan, collection)
    wanted = re_exports(project, plan, remedies, collection)
    coming = {
        re_export_folder(project, plan, ready)
        for job in wanted
        if not isinstance(ready := collection.ready[job.case], str)
    }
    jobs = [
        job
        for job in pending(project, remedies.plan, Selection())
        # A failed installation fails again, and a model that could not be exported again cannot be loaded.
        if _can_run(project, job) and _has_model(project, remedies, job, coming)
    ]
    return Left(remedies, jobs, wanted)


def _left_of(asked: Asked) -> Left:
    return left_to_do(asked.project, asked.plan, collect(asked.project, asked.plan, Selection()))


def _can_run(project: Workspace, job: Job) -> bool:
    state = read_state(project.results, job.cell.environment)
    return state is None or state.outcome is None


def _has_model(project: Workspace, remedies: Remedies, job: Job, coming: set[Path]) -> bool:
    case = remedies.plan.cases[job.case]
    folder = project.root / case.path
    return case.package is not None or folder.exists() or folder in coming


def causes_of(project: Workspace, plan: Plan, row: Collected, ready: ReadyCase | str | None) -> list[Match]:
    """Return the explanations of a failure, best first; none if it was recorded or its cause is unknown.

    ``ready`` is the failed case; its model's files confirm some causes.
    """
    if row.outcome in {Outcome.RECORDED, Outcome.SKIPPED}:
        return []
    recording, facts = row.recording, facts_of(project, ready)
    return find_causes(
        row.outcome,
        row.reason if recording is None else recording.reason,
        None if recording is None else recording.traceback,
        None if recording is None else recording.log_tail,
        plan.environments[row.cell.environment].tensorflow,
        frozenset() if facts is None else features_of(facts),
        producer=None if facts is None else facts.main.tensorflow_version or None,
        installed=installed_packages(project, plan.environments[row.cell.environment]),
        imported=plan.cases[row.case].imports,
        platform=platform_name(),
    )


def remedies_for(project: Workspace, plan: Plan, collection: Collection) -> Remedies:
    """Return the attempts to fix the failures, with the plan that runs them."""
    trained = {
        row.case for row in collection.rows if row.cell == plan.baseline and row.outcome is Outcome.RECORDED
    }
    failures = []
    for row in collection.rows:
        if (
            row.required
            and row.outcome in _MENDABLE
            and (matches := causes_of(project, plan, row, collection.ready[row.case]))
        ):
            ready, target = collection.ready[row.case], None
            if row.case in trained and isinstance(ready, ReadyCase) and not plan.cases[row.case].function:
                folder = re_export_folder(project, plan, ready)
                target = folder.relative_to(project.root).as_posix()
            given = given_by(plan, row.case, collection.stages)
            if not _is_the_model_s(plan, row, collection.stages):
                given = None
            failures.append(Failure(row.cell, row.case, matches, target, given))

    def can_exist(environment: Environment) -> bool:
        why_not = project.releases.why_unavailable(
            environment.tensorflow, environment.build, platform_name(), environment.python
        )
        return why_not is None

    return plan_remedies(plan, failures, can_exist)


def _is_the_model_s(plan: Plan, row: Collected, stages: Sequence[StageRecord]) -> bool:
    """Whether the model itself failed, and not the pipeline before it."""
    return any(
        stage.made is not None
        for stage in stages
        if (stage.cell, stage.case, stage.stage) == (row.cell, row.case, plan.cases[row.case].serving)
    )


def re_exports(project: Workspace, plan: Plan, remedies: Remedies, collection: Collection) -> list[Job]:
    """Return the models that are still to be exported again, as jobs in the baseline."""
    jobs = []
    for attempt in remedies.attempts:
        target = project.root / remedies.plan.cases[attempt.variant].path
        is_saved_again = target.is_relative_to(project.results.re_exports)
        if not is_saved_again or is_whole(target, project.digests):
            continue
        known = re_export_recording(project, plan, collection, attempt.case)
        if known is None or known.outcome is Outcome.RECORDED:
            # What is there is damaged, and is exported once more.
            set_aside(target)
            if known is not None:
                set_aside(project.results.recording_path(known.key))
            jobs.append(re_export_job(plan, attempt.case))
    return list(dict.fromkeys(jobs))


def re_export_job(plan: Plan, case: str) -> Job:
    """Return the job that exports a case's model again in the baseline's environment."""
    return Job(plan.baseline, case, plan.limits[plan.baseline, case], ReExportMeasurement.name)


def re_export_recording(
    project: Workspace, plan: Plan, collection: Collection, case: str
) -> Recording | None:
    """Return the result of exporting a case's model again; None if that was not tried."""
    state, ready = collection.states[plan.baseline.environment], collection.ready[case]
    if state is None or state.installed is None or isinstance(ready, str):
        return None
    site = Site(project, plan, state.installed, ready)
    return project.results.recording(key_of(site, re_export_job(plan, case)))
