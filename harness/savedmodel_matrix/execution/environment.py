"""One environment's share of a run: lock, install, run what is pending. The body of its nox session."""

from __future__ import annotations

import traceback
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.errors import HarnessError, InstallError, LockError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import POSTPROCESS, Purpose
from savedmodel_matrix.environments.install import install_lock, is_installed, make_venv, python_of
from savedmodel_matrix.environments.interpreters import venv_version
from savedmodel_matrix.environments.launch import Launch, run_probe
from savedmodel_matrix.environments.state import EnvironmentState, Installed, read_state, write_state
from savedmodel_matrix.measurements.jobs import KeyedJob, keyed
from savedmodel_matrix.planning.locking import usable_lock
from savedmodel_matrix.planning.ready import make_ready, model_folder, reason_of
from savedmodel_matrix.planning.stages import besides, stage_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.plan import Beside, Environment, Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.project import Project


def run_environment(
    project: Project,
    environment: Environment,
    plans: Sequence[Plan],
    selection: Selection,
    run: str,
    venv: Path,
    say: Progress,
) -> None:
    """Run what is pending in one environment, in every given plan, and write down what became of it.

    Never raises for what an environment, a lock or a model does: a failed session would keep nox from
    aggregating the others. ``say`` gets each step.
    """
    try:
        installed = _install(project, environment, venv, say)
        wanted = {each: None for plan in plans for each in _besides(project, plan, environment)}
        made = {beside.id: _install_beside(project, beside, venv, say) for beside in wanted}
        # Those of other matrices stay known: this run has no business with them.
        before = read_state(project.results, environment.id)
        others = before.installed.besides if before and before.installed else {}
        installed = replace(installed, besides={**others, **made})
    except (LockError, InstallError) as error:
        state = EnvironmentState(environment.id, run, outcome=Outcome.INSTALL_FAILED, reason=str(error))
        say(f"{environment.id}: {state.outcome}: {state.reason}")
        write_state(project.results, state)
        return
    except Exception:  # a fault of ours in one environment is reported beside the others
        write_state(project.results, EnvironmentState(environment.id, run, fault=_said(say)))
        return
    write_state(project.results, EnvironmentState(environment.id, run, installed=installed))
    fault: str | None = None
    executed = 0
    try:
        jobs = [
            job
            for plan in plans
            if environment.id in plan.environments
            for job in _to_run(project, plan, environment, selection, installed, say)
        ]
        executed = _run(project, venv, environment, jobs, say)
    except Exception:  # as above
        fault = _said(say)
    write_state(project.results, EnvironmentState(environment.id, run, executed, installed, fault=fault))


def _said(say: Progress) -> str:
    """Say the exception being handled, and return its traceback."""
    fault = traceback.format_exc()
    say(fault)
    return fault


def _besides(project: Project, plan: Plan, environment: Environment) -> Iterable[Beside]:
    return besides(project, plan, environment) if environment.id in plan.environments else ()


def _install_beside(project: Project, beside: Beside, venv: Path, say: Progress) -> Installed | str:
    """Install an environment beside this one, for stages; return why not where that fails."""
    place = _place(venv, beside)
    try:
        make_venv(place, beside.python)
        return _install(project, beside, place, say)
    except (LockError, InstallError) as error:
        say(f"{beside.id}: install-failed: {error}")
        return str(error)


def _place(venv: Path, beside: Beside) -> Path:
    # Inside the session's own folder: a session stays all that there is to schedule.
    return venv / "beside" / beside.id


def _install(project: Project, environment: Environment | Beside, venv: Path, say: Progress) -> Installed:
    say.resolving()
    lock = usable_lock(project, environment, python_of(venv), say)
    if not is_installed(venv, lock.digest):
        say.installing(environment.id, len(lock.pins), lock.download_mb)
        install_lock(venv, project.lock_path(environment), lock.digest)
    interpreter = venv_version(venv)
    if interpreter is None:
        raise InstallError("the environment's folder has no readable pyvenv.cfg; delete it and run again")
    return Installed(lock.digest, interpreter)


def _to_run(
    project: Project,
    plan: Plan,
    environment: Environment,
    selection: Selection,
    installed: Installed,
    say: Progress,
) -> list[KeyedJob]:
    found = []
    for job in plan.work(environment.id):
        if not selection.wants(job):
            continue
        try:
            ready = make_ready(project, plan.cases[job.case])
        except HarnessError as error:  # the report makes it an outcome; here it only ends this job
            say(f"{job.cell} {job.case}: {reason_of(project, error)}")
            continue
        job_with_key = keyed(plan, job, installed, ready)
        if job_with_key.beside and isinstance(installed.besides[job_with_key.beside.id], str):
            continue  # it was said why, and the report makes it an outcome
        if selection.fresh or not project.results.is_settled(job_with_key.key):
            found.append(job_with_key)
    return found


def _run(
    project: Project,
    venv: Path,
    environment: Environment,
    jobs: Sequence[KeyedJob],
    say: Progress,
) -> int:
    """Run jobs with one start of the probe, and so one import, per set of environment variables.

    What runs beside comes before what takes its outputs, or after. Returns how many cells × cases were run.
    """
    by_key = {job.key: job for job in jobs}  # two matrices may ask for the same recording
    say.running(len(by_key))

    def start(python: Path, group: Sequence[KeyedJob], *, beside: bool) -> None:
        launch = Launch(
            python=python,
            objects=project.results.objects,
            variables={} if beside else group[0].setting.variables,
            cases=[_request(project, job) for job in group],
            labels=[(str(python.parent.parent), "<environment>"), (str(project.root), "<project>")],
            tensorflow=not beside,
        )
        run_probe(launch, lambda recording: say.ran(_line(recording, by_key)))

    def start_beside(*, before: bool) -> None:
        there = [job for job in by_key.values() if job.beside and (job.job.stage != POSTPROCESS) is before]
        for beside, group in groupby(sorted(there, key=_beside_id), key=lambda job: job.beside):
            if beside is not None:
                start(python_of(_place(venv, beside)), list(group), beside=True)

    start_beside(before=True)
    here = [job for job in by_key.values() if job.beside is None]
    for _, group in groupby(sorted(here, key=_variables), key=_variables):
        start(python_of(venv), list(group), beside=False)
    start_beside(before=False)
    if not by_key:
        say(f"{environment.id}: nothing to run, everything is recorded")
    return sum(job.job.purpose is Purpose.OUTPUTS for job in by_key.values())


def _variables(job: KeyedJob) -> list[tuple[str, str]]:
    return sorted(job.setting.variables.items())


def _beside_id(job: KeyedJob) -> str:
    return job.beside.id if job.beside else ""


def _request(project: Project, keyed_job: KeyedJob) -> dict[str, Any]:
    case, ready, job = keyed_job.case, keyed_job.ready, keyed_job.job
    stage = None if job.stage is None else ready.stages[job.stage]
    batches, problem = ready.batches, ready.inputs_problem
    if stage is not None and stage.inputs_digest is not None:
        batches, problem = stage.batches, stage.inputs_problem
    common = {
        "result": str(project.results.recording_path(keyed_job.key)),
        "key": keyed_job.key,
        "identity": keyed_job.identity,
        "batches": job.given.batches if job.given else batches,
        "inputs_error": problem,
        "setting": keyed_job.setting.model_dump(mode="json", exclude={"variables", "loader"}),
        "runs": case.runs,
        "time_limit_s": job.limits.time_limit_s,
        "memory_limit_bytes": job.limits.memory_limit_bytes,
        "stage": None,
        "check": _check(project, keyed_job),
    }
    if keyed_job.takes is not None:
        path = project.results.recording_path(keyed_job.takes.key)
        common["batches"] = {"name": keyed_job.takes.name, "outputs_of": str(path)}
    if job.stage is not None:
        return {**common, "stage": stage_request(project, case, job.stage, ready)}
    return {
        **common,
        "model": model_folder(project, ready),
        "loader": keyed_job.loader,
        "imports": case.imports,
        "modules": [str(project.root / path) for path in case.modules],
        "libraries": [str(project.root / path) for path in case.libraries],
        "tags": case.tags,
        "signature": None if case.function else case.signature,
        "function": case.function,
        "floor": keyed_job.floor,
        "save_to": None,
    }


def _check(project: Project, keyed_job: KeyedJob) -> dict[str, Any] | None:
    """Return a check as the probe takes it, with the recording that has to be there for it to make sense."""
    if keyed_job.check is None:
        return None
    after = project.results.recording_path(keyed_job.plain)
    return {**keyed_job.check, "after": str(after)}


def _line(recording: Mapping[str, Any], jobs: Mapping[str, KeyedJob]) -> str:
    job = jobs[recording["key"]].job
    seconds = sum(phase["wall_s"] for name, phase in recording["phases"].items() if name != "import")
    reason = f": {recording['reason']}" if recording["reason"] else ""
    what = "" if job.purpose is Purpose.OUTPUTS else f", {job.check or job.stage or job.purpose}"
    return f"{job.cell} {job.case}{what}: {recording['outcome']} ({seconds:.1f} s){reason}"
