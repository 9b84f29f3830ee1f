"""What a matrix calls for once it ran: remedies to try, and models to run on other cells' inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.state import read_state, write_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.environment import run_environment
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.measurements.re_export import re_export_folder
from savedmodel_matrix.questions.mend import Mending, re_exports, remedies_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.project import Project
    from savedmodel_matrix.questions.attempts import Remedies


@dataclass(frozen=True)
class Left:
    """What a matrix calls for and has not recorded.

    ``jobs`` are the remedies' cells, ``re_exports`` models to save again, ``swaps`` models on other cells'
    inputs.
    """

    remedies: Remedies
    jobs: list[Job]
    re_exports: list[Job]
    swaps: list[Job]

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is left."""
        return not (self.jobs or self.re_exports or self.swaps)


def mending_of(project: Project, plan: Plan, collection: Collection) -> Mending:
    """Return the remedies of a matrix with what became of them so far."""
    left = _left(project, plan, collection)
    tried = collect(project, left.remedies.plan, Selection())
    return Mending(left.remedies, tried, done=left.is_nothing)


def left_to_do(project: Project, plan: Plan, *, remedies: bool = True) -> Left:
    """Return what is still to be done for a matrix, from what it has recorded."""
    left = _left(project, plan, collect(project, plan, Selection()))
    return left if remedies else replace(left, jobs=[], re_exports=[])


def _left(project: Project, plan: Plan, collection: Collection) -> Left:
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
        # What failed to install fails again, and a model that could not be saved again is not there to load.
        if _can_run(project, job) and _has_model(project, remedies, job, coming)
    ]
    swaps = plan.asking([swap.job for swap in collection.swaps])
    return Left(remedies, jobs, wanted, pending(project, swaps, Selection()))


def follow_up(
    project: Project,
    plan: Plan,
    environment: Environment,
    run: str,
    venv: Path,
    say: Callable[[str], None],
    *,
    remedies: bool,
) -> None:
    """Do one environment's share: in the baseline's, models are saved again first."""
    left = left_to_do(project, plan, remedies=remedies)
    if environment.id == plan.baseline.environment and left.re_exports:
        run_environment(project, environment, [plan.asking(left.re_exports)], Selection(), run, venv, say)
    plans = [left.remedies.plan] if remedies else []
    plans += [plan.asking(left.swaps)]
    if any(job.cell.environment == environment.id for job in [*left.jobs, *left.swaps]):
        before = read_state(project.results, environment.id)
        run_environment(project, environment, plans, Selection(), run, venv, say)
        after = read_state(project.results, environment.id)
        if before is not None and after is not None:
            # How much the matrix itself ran there is not for what follows it to change.
            write_state(
                project.results, after.model_copy(update={"run": before.run, "executed": before.executed})
            )


def _can_run(project: Project, job: Job) -> bool:
    state = read_state(project.results, job.cell.environment)
    return state is None or state.outcome is None


def _has_model(project: Project, remedies: Remedies, job: Job, coming: set[Path]) -> bool:
    case = remedies.plan.cases[job.case]
    folder = project.root / case.path
    return case.package is not None or folder.exists() or folder in coming
