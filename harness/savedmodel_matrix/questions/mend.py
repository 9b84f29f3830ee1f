"""From what failed to what may mend it: the attempts that the store calls for, and models saved again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.evidence.stages import given_by
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.measurements.re_export import ReExportMeasurement, re_export_folder
from savedmodel_matrix.models.preflight.features import features_of
from savedmodel_matrix.planning.foresee import facts_of
from savedmodel_matrix.questions.attempts import Failure, plan_remedies
from savedmodel_matrix.verdicts.causes.match import find_causes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collected, Collection, StageRecord
    from savedmodel_matrix.planning.project import Project
    from savedmodel_matrix.questions.attempts import Remedies
    from savedmodel_matrix.verdicts.causes.match import Match

#: Outcomes that a remedy may change. A crash or a time limit may have been the machine's.
_MENDABLE = {Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED}


@dataclass(frozen=True)
class Mending:
    """The remedies of a matrix, and what those that were tried came to."""

    remedies: Remedies
    tried: Collection
    done: bool
    """Whether every one that can be tried was."""


def causes_of(project: Project, plan: Plan, row: Collected, ready: ReadyCase | str | None) -> list[Match]:
    """Return what explains a failure, best first; nothing where it was recorded, or is unknown.

    ``ready`` is the failed case, whose model's own files confirm some causes.
    """
    if row.outcome is Outcome.RECORDED or row.recording is None:
        return []
    recording, facts = row.recording, facts_of(project, ready)
    return find_causes(
        row.outcome,
        recording.reason,
        recording.traceback,
        recording.log_tail,
        plan.environments[row.cell.environment].tensorflow,
        frozenset() if facts is None else features_of(facts),
        producer=None if facts is None else facts.main.tensorflow_version or None,
    )


def remedies_for(project: Project, plan: Plan, collection: Collection) -> Remedies:
    """Return the attempts to mend what failed, with the plan that runs them."""
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
    """Whether it was the model that failed: the pipeline before it did not."""
    return any(
        stage.made is not None
        for stage in stages
        if (stage.cell, stage.case, stage.stage) == (row.cell, row.case, plan.cases[row.case].serving)
    )


def re_exports(project: Project, plan: Plan, remedies: Remedies, collection: Collection) -> list[Job]:
    """Return the models to save again that are not there yet, as jobs in the baseline."""
    jobs = []
    for attempt in remedies.attempts:
        target = project.root / remedies.plan.cases[attempt.variant].path
        is_saved_again = target.is_relative_to(project.results.re_exports)
        if not is_saved_again or target.exists():
            continue
        if re_export_recording(project, plan, collection, attempt.case) is None:
            jobs.append(re_export_job(plan, attempt.case))
    return list(dict.fromkeys(jobs))


def re_export_job(plan: Plan, case: str) -> Job:
    """Return the job that saves a case's model again in the baseline's environment."""
    return Job(plan.baseline, case, plan.limits[plan.baseline, case], ReExportMeasurement.name)


def re_export_recording(project: Project, plan: Plan, collection: Collection, case: str) -> Recording | None:
    """Return what became of saving a case's model again; None if that was not tried."""
    state, ready = collection.states[plan.baseline.environment], collection.ready[case]
    if state is None or state.installed is None or isinstance(ready, str):
        return None
    site = Site(project, plan, state.installed, ready)
    return project.results.recording(key_of(site, re_export_job(plan, case)))
