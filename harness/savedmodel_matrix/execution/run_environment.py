"""One environment's share of a run: lock, install, run what is pending. The body of its nox session."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.errors import HarnessError, InstallError, LockError, MachineError
from savedmodel_matrix.domain.job import OUTPUTS
from savedmodel_matrix.domain.machine import stated
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments.backends import backend_of
from savedmodel_matrix.environments.launch import Launch, run_probe
from savedmodel_matrix.environments.state import EnvironmentState, Installed, read_state, write_state
from savedmodel_matrix.execution.task import starts, task_of
from savedmodel_matrix.measurements import recorded, work
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import source_file
from savedmodel_matrix.planning.besides import besides
from savedmodel_matrix.planning.locking import usable_lock
from savedmodel_matrix.planning.ready import make_ready, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.probe_request import CaseRequest, SourceFile
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.execution.task import Task
    from savedmodel_matrix.planning.workspace import Workspace


def run_environment(
    project: Workspace,
    environment: Environment,
    plans: Sequence[Plan],
    selection: Selection,
    run: str,
    venv: Path,
    say: Progress,
) -> None:
    """Run what is pending in one environment, in every given plan, and save the environment's state.

    Never raises for a failure of an environment, a lock or a model: a failed session would keep nox from
    aggregating the others. ``say`` is called with each step.

    Raises:
        MachineError: if the operating system refuses what the run needs, for example on a full disk.
    """
    try:
        with stated():
            installed = _install(project, environment, venv, say)
            wanted = {each: None for plan in plans for each in _besides(project, plan, environment)}
            made = {beside.id: _install_beside(project, beside, venv, say) for beside in wanted}
            # Keep those of other matrices: this run does not concern them.
            before = read_state(project.results, environment.id)
            others = before.installed.besides if before and before.installed else {}
            installed = installed.model_copy(update={"besides": {**others, **made}})
    except (LockError, InstallError) as error:
        state = EnvironmentState(
            environment=environment.id,
            run=run,
            outcome=Outcome.INSTALL_FAILED,
            reason=reason_of(project, error),
        )
        say(f"{environment.id}: {state.outcome}: {state.reason}")
        write_state(project.results, state)
        return
    except MachineError:
        raise
    except Exception:  # a fault of ours in one environment is reported without stopping the others
        write_state(project.results, EnvironmentState(environment=environment.id, run=run, fault=_said(say)))
        return
    write_state(project.results, EnvironmentState(environment=environment.id, run=run, installed=installed))
    fault: str | None = None
    executed = 0
    try:
        with stated():
            tasks = [
                task
                for plan in plans
                if environment.id in plan.environments
                for task in _to_run(project, plan, environment, selection, installed, say)
            ]
            executed = _run(project, venv, environment, tasks, say)
    except MachineError:
        raise
    except Exception:  # as above
        fault = _said(say)
    write_state(
        project.results,
        EnvironmentState(
            environment=environment.id, run=run, executed=executed, installed=installed, fault=fault
        ),
    )


def _said(say: Progress) -> str:
    """Log the exception being handled, and return its traceback."""
    fault = traceback.format_exc()
    say(fault)
    return fault


def _besides(project: Workspace, plan: Plan, environment: Environment) -> Iterable[Beside]:
    return besides(project, plan, environment) if environment.id in plan.environments else ()


def _install_beside(project: Workspace, beside: Beside, venv: Path, say: Progress) -> Installed | str:
    """Install a separate environment for stages; return the reason if that fails."""
    place = _place(venv, beside)
    try:
        backend_of(beside).make(place, beside.python)
        return _install(project, beside, place, say)
    except (LockError, InstallError) as error:
        reason = reason_of(project, error)
        say(f"{beside.id}: install-failed: {reason}")
        return reason


def _place(venv: Path, beside: Beside) -> Path:
    # Inside the session's own folder, so that a session is still the only unit to schedule.
    return venv / "beside" / beside.id


def _install(project: Workspace, environment: Environment | Beside, venv: Path, say: Progress) -> Installed:
    backend = backend_of(environment)
    say.resolving()
    lock = usable_lock(project, environment, backend.describe(venv).python, say)
    if backend.describe(venv).lock != lock.digest:
        say.installing(environment.id, len(lock.pins), lock.download_mb)
        backend.install(venv, project.lock_path(environment), lock.digest)
    version = backend.describe(venv).version
    if version is None:
        raise InstallError("the environment's folder has no interpreter; delete the folder and run again")
    return Installed(lock=lock.digest, interpreter=version)


def _to_run(
    project: Workspace,
    plan: Plan,
    environment: Environment,
    selection: Selection,
    installed: Installed,
    say: Progress,
) -> list[Task]:
    found = []
    cases: dict[str, ReadyCase | None] = {}
    for job in work(plan, environment.id):
        if not selection.wants(job):
            continue
        if job.case not in cases:
            cases[job.case] = _ready(project, plan, job, say)
        ready = cases[job.case]
        if ready is None:
            continue  # the report makes it an outcome; here it only ends this case
        task = task_of(Site(project, plan, installed, ready), job)
        if task.beside and isinstance(installed.besides[task.beside.id], str):
            continue  # the reason has been logged, and the report turns it into an outcome
        recording = None if selection.fresh else recorded(project.results, job, task.key)
        if recording is None or not recording.is_settled:
            found.append(task)
    return found


def _ready(project: Workspace, plan: Plan, job: Job, say: Progress) -> ReadyCase | None:
    """Return the job's prepared case, the bytes of its inputs checked; None if it cannot be prepared."""
    try:
        ready = make_ready(project, plan.cases[job.case])
        if project.results.verify(ready.arrays()):
            ready = make_ready(project, plan.cases[job.case])  # damaged inputs are set aside: make them again
    except HarnessError as error:
        say(f"{job.cell} {job.case}: {reason_of(project, error)}")
        return None
    return ready


def _run(
    project: Workspace,
    venv: Path,
    environment: Environment,
    tasks: Sequence[Task],
    say: Progress,
) -> int:
    """Run tasks with one start of the probe, and so one TensorFlow import, per set of environment variables.

    Returns the number of cells × cases that were run.
    """
    by_key = {task.key: task for task in tasks}  # two matrices may need the same recording
    say.running(len(by_key))
    for group in starts(list(by_key.values())):
        beside = group[0].beside
        home = environment if beside is None else beside
        made = backend_of(home).describe(venv if beside is None else _place(venv, beside))
        python = made.python
        # What runs in an environment that somebody removes or changes meanwhile is not the lock's.
        installed = () if made.marker is None else (source_file(made.marker),)
        launch = Launch(
            python=python,
            objects=project.results.objects,
            variables=dict(group[0].variables),
            cases=[_with_sources(task.request(), installed) for task in group],
            labels=[(str(python.parent.parent), "<environment>"), (str(project.root), "<project>")],
            tensorflow=beside is None,
            isolated=group[0].site.plan.isolate,
            gpu=environment.build is Build.GPU,
        )
        run_probe(
            launch,
            lambda recording: say.ran(_line(recording, by_key[recording.key].job)),
            lambda key, why: say.ran(
                f"{by_key[key].job.cell} {by_key[key].job.case}: not recorded, runs again next time: {why}"
            ),
        )
    if not by_key:
        say(f"{environment.id}: nothing to run; everything is recorded")
    return sum(task.job.measurement == OUTPUTS for task in by_key.values())


def _with_sources(request: CaseRequest, more: tuple[SourceFile, ...]) -> CaseRequest:
    return request.model_copy(update={"sources": (*request.sources, *more)})


def _line(recording: Recording, job: Job) -> str:
    reason = f": {recording.reason}" if recording.reason else ""
    what = "" if job.measurement == OUTPUTS else f", {job.variant or job.measurement}"
    return f"{job.cell} {job.case}{what}: {recording.outcome} ({recording.seconds:.1f} s){reason}"
