"""One job's place in the store: the key of its recording, and whether it still has to run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from savedmodel_matrix.domain.check import RECIPES, Check
from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.domain.plan import POSTPROCESS, TRAIN, Purpose
from savedmodel_matrix.domain.secrets import masked
from savedmodel_matrix.environments.host import host_facts, host_fingerprint, usable_cpus
from savedmodel_matrix.environments.locks.lock import is_current, read_lock
from savedmodel_matrix.environments.state import Installed, read_state
from savedmodel_matrix.planning.locking import lock_input
from savedmodel_matrix.planning.ready import ReadyCase, find_ready
from savedmodel_matrix.planning.stages import beside_of, besides
from savedmodel_matrix.probe import VERSION as PROBE_VERSION
from savedmodel_matrix.store.atomic import json_digest
from savedmodel_matrix.store.results import recording_key

if TYPE_CHECKING:
    from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
    from savedmodel_matrix.domain.plan import Beside, Environment, Job, Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.planning.project import Project


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
    check: dict[str, Any] | None
    """For a check that is more than another setting, the probe's words of it."""
    plain: str
    """Key of the cell's own outputs; of a job for these, its own."""
    identity: dict[str, Any]
    takes: Taken | None = None
    """The recording whose outputs are its inputs, if it takes those of one."""
    beside: Beside | None = None
    """Where a stage runs that does not run in the cell's environment."""


class Taken(NamedTuple):
    """Outputs of a recording of the same cell that are another's inputs: what made them, and its key."""

    name: str
    key: str


def keyed(plan: Plan, job: Job, installed: Installed, ready: ReadyCase) -> KeyedJob:
    """Return the job with the key its recording has in this environment, on this host."""
    if job.purpose in (Purpose.STAGE, Purpose.AGAIN):
        return _keyed_stage(plan, job, installed, ready)
    case, setting = plan.cases[job.case], plan.settings[job.cell.setting]
    plain = setting
    if job.purpose is Purpose.THREADS or job.check is Check.THREADS:
        setting = _other_threads(setting)
    loader = setting.loader or case.loader
    # Not the setting's loader: which of the two names it makes no other recording.
    options = setting.model_dump(mode="json", exclude={"loader"})
    floor = None
    if job.purpose is Purpose.FLOOR and plan.noise_floor is not None:
        floor = plan.noise_floor.model_dump(mode="json")
    recipe = None if job.check is None else RECIPES[job.check].parameters
    check = None if job.check is None or recipe is None else {"name": job.check.value, **recipe}
    done = case.model_dump(mode="json", include={"signature", "function", "tags", "runs"})
    done["loader"] = loader
    if case.imports:
        done["imports"] = case.imports
    if ready.code:
        done["code"] = list(ready.code.items())  # in their order, which is that of imports
    takes = _taken(plan, job, installed, ready)
    inputs = json_digest(job.given.batches) if job.given else takes.key if takes else ready.inputs_digest
    key_of = partial(
        recording_key,
        lock=installed.lock,
        interpreter=installed.interpreter,
        probe=PROBE_VERSION,
        model=ready.model_digest,
        inputs=inputs,
        host=host_fingerprint(),
    )
    own = {name: value for name, value in (("floor", floor), ("check", check)) if value is not None}
    key = key_of(case={**done, **own}, setting=options)
    plain_key = key_of(case=done, setting=plain.model_dump(mode="json", exclude={"loader"}))
    identity = {
        **_identity(job, installed, inputs),
        "model": ready.model_digest,
        "archive": ready.archive,
        "loader": loader,
        "code": ready.code,
        "options": {**options, "variables": masked(setting.variables)},
    }
    if job.check is not None:
        identity["check"] = job.check.value
    return KeyedJob(job, key, ready, case, setting, loader, floor, check, plain_key, identity, takes)


def _taken(plan: Plan, job: Job, installed: Installed, ready: ReadyCase) -> Taken | None:
    """Return the stage of the same cell whose outputs the model takes; None for the case's own inputs."""
    case = plan.cases[job.case]
    name = TRAIN if job.purpose is Purpose.TRAINED else case.serving
    if name is None or job.given is not None:
        return None
    stage = replace(job, purpose=Purpose.STAGE, stage=name)
    return Taken(name, _keyed_stage(plan, stage, installed, ready).key)


def _keyed_stage(plan: Plan, job: Job, installed: Installed, ready: ReadyCase) -> KeyedJob:
    """Return a stage's job. Beside the cell's environment no setting reaches it, so cells share it."""
    assert job.stage is not None, "a stage's job names it"  # noqa: S101
    case, setting = plan.cases[job.case], plan.settings[job.cell.setting]
    stage, made = case.stages[job.stage], ready.stages[job.stage]
    beside, home = beside_of(plan.environments[job.cell.environment], made.needs), installed
    options = setting.model_dump(mode="json", exclude={"loader"})
    if beside is not None:
        found = installed.besides.get(beside.id)
        home = found if isinstance(found, Installed) else Installed("", "")
        options = {}
    takes = None
    if job.stage == POSTPROCESS:
        takes = Taken(
            "the model", keyed(plan, replace(job, purpose=Purpose.OUTPUTS, stage=None), installed, ready).key
        )
    inputs = takes.key if takes else made.inputs_digest or ready.inputs_digest
    called = {
        "stage": stage.function,
        "place": stage.module or stage.file,
        "runs": case.runs,
        "code": list(made.code.items()),
        "expects": None if job.stage == POSTPROCESS else ready.expects,
    }
    if job.purpose is Purpose.AGAIN:
        called["again"] = True
    key = recording_key(
        lock=home.lock,
        interpreter=home.interpreter,
        probe=PROBE_VERSION,
        model="",
        inputs=inputs,
        case=called,
        setting=options,
        host=host_fingerprint(),
    )
    identity = {
        **_identity(job, home, inputs),
        "stage": job.stage,
        "beside": beside.id if beside else None,
        "code": made.code,
        "options": {**options, "variables": masked(setting.variables)} if options else {},
    }
    return KeyedJob(job, key, ready, case, setting, "", None, None, key, identity, takes, beside)


def _identity(job: Job, installed: Installed, inputs: str) -> dict[str, Any]:
    return {
        "environment": job.cell.environment,
        "setting": job.cell.setting,
        "case": job.case,
        "purpose": job.purpose.value,
        "lock": installed.lock,
        "interpreter": installed.interpreter,
        "probe": PROBE_VERSION,
        "inputs": inputs,
        "host": {"fingerprint": host_fingerprint(), **host_facts()},
    }


def _other_threads(setting: SettingDefinition) -> SettingDefinition:
    """Return the setting with numbers of threads that split work otherwise: one where there are many."""
    is_single = (setting.intra_op_threads or usable_cpus()) == 1
    threads = 2 if is_single else 1
    return setting.model_copy(update={"intra_op_threads": threads, "inter_op_threads": threads})


def pending(project: Project, plan: Plan, selection: Selection) -> list[Job]:
    """Return the selected jobs that have to run: nothing settled lies under the key each has now."""
    ready = {name: find_ready(project, case) for name, case in plan.cases.items()}
    installed = {
        name: current_installation(project, environment, plan)
        for name, environment in plan.environments.items()
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


def current_installation(project: Project, environment: Environment, plan: Plan) -> Installed | None:
    """Return what was last installed here, if that is still what the locks say."""
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


def _is_current(project: Project, environment: Environment | Beside, installed: Installed) -> bool:
    try:
        lock = read_lock(project.lock_path(environment))
    except LockError:
        return False
    changed = is_current(lock, lock_input(project.releases, environment))
    return changed is None and lock.digest == installed.lock


def _is_recorded(
    project: Project, plan: Plan, job: Job, installed: Installed | None, ready: ReadyCase | None
) -> bool:
    if installed is None or ready is None:
        return False
    return project.results.is_settled(keyed(plan, job, installed, ready).key)
