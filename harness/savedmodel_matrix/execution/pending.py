"""What still has to run: the jobs without a settled recording under their current key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.environments.locks.lock import read_identity
from savedmodel_matrix.environments.state import Installed, read_state
from savedmodel_matrix.measurements import recorded, work
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.planning.besides import besides
from savedmodel_matrix.planning.locking import lock_input
from savedmodel_matrix.planning.ready import find_all_ready

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.planning.workspace import Workspace


def pending(
    project: Workspace,
    plan: Plan,
    selection: Selection,
    ready: Mapping[str, ReadyCase | None] | None = None,
) -> list[Job]:
    """Return the selected jobs that have to run; ``ready`` are the plan's cases, if they are known."""
    ready = find_all_ready(project, plan.cases) if ready is None else ready
    installed = {
        name: current_installation(project, environment, plan)
        for name, environment in plan.environments.items()
    }

    def is_settled(job: Job) -> bool:
        place, case = installed[job.cell.environment], ready[job.case]
        if place is None or case is None:
            return False
        recording = recorded(project.results, job, key_of(Site(project, plan, place, case), job))
        return recording is not None and recording.is_settled

    return [job for job in work(plan) if selection.wants(job) and (selection.fresh or not is_settled(job))]


def current_installation(project: Workspace, environment: Environment, plan: Plan) -> Installed | None:
    """Return what was last installed here, if it still matches the locks."""
    state = read_state(project.results, environment.id)
    if state is None or state.installed is None or state.fault is not None:
        return None
    if not _is_current(project, environment, state.installed):
        return None
    for beside in besides(project, plan, environment):
        found = state.installed.besides.get(beside.id)
        if not isinstance(found, Installed) or not _is_current(project, beside, found):
            return None
    return state.installed


def _is_current(project: Workspace, environment: Environment | Beside, installed: Installed) -> bool:
    try:
        made_from, digest = read_identity(project.lock_path(environment))
    except LockError:
        return False
    return made_from == lock_input(project.releases, environment) and digest == installed.lock
