"""One job's place in the store: the key of its recording, and whether it still has to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.environments.host import host_facts, host_fingerprint, usable_cpus
from harness.errors import LockError
from harness.locks.lock import is_current, read_lock
from harness.model.plan import Purpose
from harness.model.secrets import masked
from harness.probe import VERSION as PROBE_VERSION
from harness.run.cases import ReadyCase, find_ready
from harness.run.locking import lock_input
from harness.run.state import read_state
from harness.store.results import recording_key

if TYPE_CHECKING:
    from harness.model.definition import CaseDefinition, SettingDefinition
    from harness.model.plan import Environment, Job, Plan
    from harness.project import Project
    from harness.run.invocation import Selection
    from harness.run.state import Installed


@dataclass(frozen=True)
class KeyedJob:
    """A job with all it needs to be run or found again."""

    job: Job
    key: str
    ready: ReadyCase
    case: CaseDefinition
    setting: SettingDefinition
    loader: str
    """The setting's, or else the case's."""
    floor: dict[str, int] | None
    """For a noise floor, the probe's words of how to measure it."""
    identity: dict[str, Any]


def keyed(plan: Plan, job: Job, installed: Installed, ready: ReadyCase) -> KeyedJob:
    """Return the job with the key its recording has in this environment, on this host."""
    case, setting = plan.cases[job.case], plan.settings[job.cell.setting]
    if job.purpose is Purpose.THREADS:
        setting = setting.model_copy(update={"intra_op_threads": _other_threads(setting.intra_op_threads)})
    loader = setting.loader or case.loader
    # Not the setting's loader: which of the two names it makes no other recording.
    options = setting.model_dump(mode="json", exclude={"loader"})
    floor = None
    if job.purpose is Purpose.FLOOR and plan.noise_floor is not None:
        floor = plan.noise_floor.model_dump(mode="json")
    done = case.model_dump(mode="json", include={"signature", "function", "tags", "runs"})
    done["loader"] = loader
    if case.imports:
        done["imports"] = case.imports
    if ready.code:
        done["code"] = list(ready.code.items())  # in their order, which is that of imports
    key = recording_key(
        lock=installed.lock,
        interpreter=installed.interpreter,
        probe=PROBE_VERSION,
        model=ready.model_digest,
        inputs=ready.inputs_digest,
        case=done if floor is None else {**done, "floor": floor},
        setting=options,
        host=host_fingerprint(),
    )
    identity = {
        "environment": job.cell.environment,
        "setting": job.cell.setting,
        "case": job.case,
        "purpose": job.purpose.value,
        "lock": installed.lock,
        "interpreter": installed.interpreter,
        "probe": PROBE_VERSION,
        "model": ready.model_digest,
        "archive": ready.archive,
        "inputs": ready.inputs_digest,
        "loader": loader,
        "code": ready.code,
        "options": {**options, "variables": masked(setting.variables)},
        "host": {"fingerprint": host_fingerprint(), **host_facts()},
    }
    return KeyedJob(job, key, ready, case, setting, loader, floor, identity)


def _other_threads(threads: int | None) -> int:
    """Return a number of threads that splits work otherwise than this one (None: one per usable CPU)."""
    return 2 if (threads or usable_cpus()) == 1 else 1


def pending(project: Project, plan: Plan, selection: Selection) -> list[Job]:
    """Return the selected jobs that have to run: nothing settled lies under the key each has now."""
    ready = {name: find_ready(project, case) for name, case in plan.cases.items()}
    installed = {
        name: current_installation(project, environment) for name, environment in plan.environments.items()
    }
    return [
        job
        for job in plan.work()
        if selection.wants(job)
        and (
            selection.fresh
            or not _is_recorded(project, plan, job, installed[job.cell.environment], ready[job.case])
        )
    ]


def current_installation(project: Project, environment: Environment) -> Installed | None:
    """Return what was last installed here, if that is still what the lock says."""
    state = read_state(project, environment.id)
    if state is None or state.installed is None or state.fault is not None:
        return None
    try:
        lock = read_lock(project.lock_path(environment))
    except LockError:
        return None
    changed = is_current(lock, lock_input(project.releases, environment))
    return state.installed if changed is None and lock.digest == state.installed.lock else None


def _is_recorded(
    project: Project, plan: Plan, job: Job, installed: Installed | None, ready: ReadyCase | None
) -> bool:
    if installed is None or ready is None:
        return False
    return project.results.is_settled(keyed(plan, job, installed, ready).key)
