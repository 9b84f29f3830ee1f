"""Trying remedies: what is left to try for a matrix, and one environment's share of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.environments.install import python_of
from harness.run.cases import ReadyCase
from harness.run.collect import collect
from harness.run.environment import run_environment
from harness.run.invocation import Selection
from harness.run.jobs import pending
from harness.run.mend import Mending, re_exports, remedies_for, save_again
from harness.run.state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model.plan import Environment, Job, Plan
    from harness.project import Project
    from harness.remedies.attempts import Remedies
    from harness.run.collect import Collection


@dataclass(frozen=True)
class Left:
    """What remedies there are, which of their cells are not recorded, and which models to save again."""

    remedies: Remedies
    jobs: list[Job]
    re_exports: dict[str, Path]
    ready: dict[str, ReadyCase]
    """The matrix's cases that are made ready."""


def mending_of(project: Project, plan: Plan, collection: Collection) -> Mending:
    """Return the remedies of a matrix with what became of them so far."""
    left = _left(project, plan, collection)
    tried = collect(project, left.remedies.plan, Selection())
    return Mending(left.remedies, tried, done=not (left.jobs or left.re_exports))


def left_to_try(project: Project, plan: Plan) -> Left:
    """Return what remedies of a matrix are still to be tried, from what it has recorded."""
    return _left(project, plan, collect(project, plan, Selection()))


def _left(project: Project, plan: Plan, collection: Collection) -> Left:
    remedies = remedies_for(project, plan, collection)
    wanted = re_exports(project, remedies, collection)
    jobs = [
        job
        for job in pending(project, remedies.plan, Selection())
        # What failed to install fails again, and a model that could not be saved again is not there to load.
        if _can_run(project, job) and _has_model(project, remedies, job, set(wanted.values()))
    ]
    ready = {name: found for name, found in collection.ready.items() if isinstance(found, ReadyCase)}
    return Left(remedies, jobs, wanted, ready)


def run_remedies(
    project: Project,
    plan: Plan,
    environment: Environment,
    selection: Selection,
    run: str,
    venv: Path,
    say: Callable[[str], None],
) -> None:
    """Run one environment's share: in the baseline's, models are saved again first."""
    left = left_to_try(project, plan)
    if environment.id == plan.baseline.environment and left.re_exports:
        save_again(project, plan, left.ready, left.re_exports, python_of(venv), say)
    if environment.id in left.remedies.plan.environments:
        before = read_state(project, environment.id)
        run_environment(project, environment, [left.remedies.plan], selection, run, venv, say)
        after = read_state(project, environment.id)
        if before is not None and after is not None:
            # How much the matrix itself ran there is not for its remedies to change.
            write_state(project, replace(after, run=before.run, executed=before.executed))


def _can_run(project: Project, job: Job) -> bool:
    state = read_state(project, job.cell.environment)
    return state is None or state.outcome is None


def _has_model(project: Project, remedies: Remedies, job: Job, coming: set[Path]) -> bool:
    case = remedies.plan.cases[job.case]
    folder = project.root / case.path
    return case.package is not None or folder.exists() or folder in coming
