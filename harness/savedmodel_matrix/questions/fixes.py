"""Fixes for failures: which smallest sets of steps make a failed case run, and match the baseline?

Each round either exports models again in the baseline's environment, for the attempts that need them, or
makes all attempts that can be made now. Larger sets of steps follow from the results of smaller ones
(``attempts``), which are read from the store, so that a search continues where it was interrupted.
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
from savedmodel_matrix.knowledge.causes.base import RemedyKind
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.measurements.re_export import ReExportMeasurement, re_export_folder
from savedmodel_matrix.models.preflight.features import features_of, features_of_files, told_of
from savedmodel_matrix.models.savedmodel.whole import is_whole
from savedmodel_matrix.planning.predictions import facts_of, installed_packages
from savedmodel_matrix.questions.attempts import BUDGET, MOST_STEPS, Result, plan_remedies
from savedmodel_matrix.questions.check_fixes import check_fixes
from savedmodel_matrix.questions.distributions import pending_distributions
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.outside import left_outside
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.questions.steps import Failure
from savedmodel_matrix.questions.swapped_inputs import pending_swaps
from savedmodel_matrix.questions.tried import Tried, became
from savedmodel_matrix.store.atomic import set_aside
from savedmodel_matrix.store.runs import Run, RunAttempt, RunStep
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
    from savedmodel_matrix.questions.attempts import Attempt, Place, Remedies
    from savedmodel_matrix.questions.check_fixes import CheckTried
    from savedmodel_matrix.questions.tried import Verdicts
    from savedmodel_matrix.verdicts.causes.match import Match

#: Outcomes that a fix may change, the earliest first. A crash or a timeout may be the machine's fault.
_MENDABLE = (Outcome.INSTALL_FAILED, Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED)
#: The cause of a process that something outside killed: that is no outcome of its case, which runs again.
_KILLED = "killed"
#: Single steps, pairs that belong together and sets of each further size, and before each a round of exports.
_MOST_ROUNDS = 2 * (MOST_STEPS + 1)


@dataclass(frozen=True)
class Mending:
    """The fixes of a matrix, and the results of those that were tried."""

    remedies: Remedies
    tried: tuple[Tried, ...]
    done: bool
    """Whether every fix that can be tried was tried."""
    of_checks: tuple[CheckTried, ...] = ()
    """The results for checks that failed."""


@dataclass(frozen=True)
class Searched:
    """How far the search for fixes has come: the attempts with their results, and what is left to do now."""

    remedies: Remedies
    tried: tuple[Tried, ...]
    """In the order of the attempts."""
    jobs: list[Job]
    """Attempts that can run now and are not in the store yet."""
    re_exports: list[Job]
    """Models to export again."""


class FixesQuestion:
    """Rounds of exporting models again and of attempts, until every failure is fixed or nothing is left."""

    name = "fixes"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the models to export again, unless that was tried, or the attempts; None if none is left."""
        if not asked.request.fixes or len(before) >= _MOST_ROUNDS:
            return None
        found = _searched(asked)
        attempted = {text for each in before for share in each.shares for text in share.work}
        number = len(before) + 1
        saving = shares_of(asked.plan, found.re_exports)
        if any(attempted.isdisjoint(share.work) for share in saving):
            says = f"exporting {count(len(found.re_exports), 'model')} again, as a fix to try"
            return Round(self.name, number, saving, says)
        if not found.jobs:
            return None
        together = any(len(each.steps) > 1 for each in found.remedies.attempts)
        what = "fixes together, as alone they do not help" if together else "fixes"
        says = f"trying {what}: {count(len(found.jobs), 'run')} ({BUDGET}; --no-fixes leaves them out)"
        return Round(self.name, number, shares_of(found.remedies.plan, found.jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - the evidence says what is left
        """Export models again if this is the baseline's environment, and make one environment's attempts."""
        found = _searched(asked)
        if found.re_exports and environment.id == asked.plan.baseline.environment:
            run_share(asked, asked.plan.asking(found.re_exports), environment, venv, say)
            found = _searched(asked)
        if any(job.cell.environment == environment.id for job in found.jobs):
            run_share(asked, found.remedies.plan, environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome of every attempt so far."""
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            attempts=tuple(_written(each) for each in _searched(asked).tried),
        )


def _written(tried: Tried) -> RunAttempt:
    first, *others = tried.attempt.steps
    row = tried.row
    return RunAttempt(
        environment=tried.attempt.failed.environment,
        setting=tried.attempt.failed.setting,
        case=tried.attempt.case,
        cause=tried.attempt.cause,
        kind=first.kind,
        value=first.value,
        together=tuple(RunStep(kind=each.kind, value=each.value) for each in others),
        tried_in=str(tried.attempt.cell),
        outcome=tried.outcome,
        reason=tried.says if row is None else row.reason,
        recording=None if row is None or row.recording is None else row.recording.key,
    )


def mending_of(project: Workspace, plan: Plan, collection: Collection) -> Mending:
    """Return the fixes of a matrix with their results so far."""
    found = search(project, plan, collection)
    checks = check_fixes(project, plan, collection)
    others = [
        *pending_swaps(project, plan, collection),
        *pending_distributions(project, plan, collection),
        *left_outside(project, plan, collection),
    ]
    left = found.jobs or found.re_exports or checks.jobs or others
    return Mending(found.remedies, found.tried, done=not left, of_checks=checks.tried)


def search(project: Workspace, plan: Plan, collection: Collection) -> Searched:
    """Return how far the search for fixes of the collected failures has come, from what is in the store."""
    failures = _failures(project, plan, collection)
    rows = {(row.cell, row.case): row for row in collection.rows}
    best = {(each.cell, each.case): each.matches[0].cause.id for each in failures}

    def can_exist(environment: Environment) -> bool:
        why_not = project.releases.why_unavailable(
            environment.tensorflow, environment.build, platform_name(), environment.python
        )
        return why_not is None

    results: dict[Place, Result] = {}
    verdicts: Verdicts = {}
    while True:
        remedies = plan_remedies(plan, failures, can_exist, results)
        collected = collect(project, remedies.plan, Selection())
        tried = _tried(project, plan, collection, remedies, collected, verdicts)
        known = {}
        for each in tried:
            place = each.attempt.failed, each.attempt.case
            causes = None
            if each.row is not None and not each.mended:
                causes = _next_causes(project, remedies.plan, collected, rows[place], best[place], each.row)
            known[each.attempt.place] = Result(each.mended, causes)
        if known.keys() == results.keys():
            break
        results = known
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
    return Searched(remedies, tried, jobs, wanted)


def _searched(asked: Asked) -> Searched:
    return search(asked.project, asked.plan, collect(asked.project, asked.plan, asked.request.selection))


def _tried(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    remedies: Remedies,
    collected: Collection,
    verdicts: Verdicts,
) -> tuple[Tried, ...]:
    """Return the attempts that ran or never can, in order."""
    rows = {(row.cell, row.case): row for row in collected.rows}
    found = []
    for attempt in remedies.attempts:
        missing = _missing_re_export(project, plan, collection, remedies, attempt)
        if missing is not None:
            found.append(Tried(attempt, None, Outcome.SKIPPED, None, missing))
            continue
        row = rows[attempt.place]
        if (became_of := became(project, plan, collection, attempt, row, verdicts)) is not None:
            found.append(became_of)
    return tuple(found)


def _missing_re_export(
    project: Workspace, plan: Plan, collection: Collection, remedies: Remedies, attempt: Attempt
) -> str | None:
    """Return why a model could not be exported again; None if it is there, or was not to be or not yet."""
    folder = project.root / remedies.plan.cases[attempt.variant].path
    if all(step.kind is not RemedyKind.RE_EXPORT for step in attempt.steps) or folder.exists():
        return None
    result = re_export_recording(project, plan, collection, attempt.case)
    if result is None or result.outcome is Outcome.RECORDED:
        return None
    return f"the baseline's environment could not re-export the model: {result.outcome}: {result.reason}"


def _next_causes(
    project: Workspace,
    fixes: Plan,
    collected: Collection,
    failed: Collected,
    cause: str,
    row: Collected,
) -> list[Match] | None:
    """Return the causes of the failure that an attempt ended with; None if it brought the case no further.

    It did if the case fails later than before, or as early with another cause.
    """
    if row.outcome not in _MENDABLE or failed.outcome not in _MENDABLE:
        return None
    before, now = _MENDABLE.index(failed.outcome), _MENDABLE.index(row.outcome)
    if now < before:
        return None
    found = causes_of(project, fixes, row, collected.ready[row.case])
    same = now == before and (found[0].cause.id if found else None) == cause
    return None if same else found


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
    of_files = features_of_files(project.root / ready.model) if isinstance(ready, ReadyCase) else frozenset()
    return find_causes(
        row.outcome,
        row.reason if recording is None else recording.reason,
        None if recording is None else recording.traceback,
        None if recording is None else recording.log_tail,
        plan.environments[row.cell.environment].tensorflow,
        of_files if facts is None else of_files | features_of(facts),
        producer=None if facts is None else facts.main.tensorflow_version or None,
        installed=installed_packages(project, plan.environments[row.cell.environment]),
        imported=plan.cases[row.case].imports,
        platform=platform_name(),
        of_model={} if facts is None else told_of(facts, plan.cases[row.case].signature),
    )


def _failures(project: Workspace, plan: Plan, collection: Collection) -> list[Failure]:
    """Return the failures that have a cause and that a fix may change.

    Settings that fail alike share the fixes of the first, so while a setting before it has no outcome of its
    own yet, a failure waits: a disturbed run must not lead to attempts that an undisturbed one does not make.
    """
    awaited: set[tuple[str, str]] = set()
    trained = {
        row.case for row in collection.rows if row.cell == plan.baseline and row.outcome is Outcome.RECORDED
    }
    failures = []
    for row in collection.rows:
        place = row.cell.environment, row.case
        if not row.required:
            continue
        matches = causes_of(project, plan, row, collection.ready[row.case])
        if row.outcome is Outcome.SKIPPED or any(each.cause.id == _KILLED for each in matches):
            awaited.add(place)
        if matches and place not in awaited and row.outcome in _MENDABLE:
            ready, target = collection.ready[row.case], None
            if row.case in trained and isinstance(ready, ReadyCase) and not plan.cases[row.case].function:
                folder = re_export_folder(project, plan, ready)
                target = folder.relative_to(project.root).as_posix()
            given = given_by(plan, row.case, collection.stages)
            if not _is_the_model_s(plan, row, collection.stages):
                given = None
            failures.append(Failure(row.cell, row.case, matches, target, given))
    return failures


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
