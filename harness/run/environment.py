"""One environment's share of a run: lock, install, run what is pending. The body of its nox session."""

from __future__ import annotations

import traceback
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harness.environments.install import install_lock, is_installed, python_of
from harness.environments.interpreters import venv_version
from harness.environments.launch import Launch, run_probe
from harness.errors import HarnessError, InstallError, LockError
from harness.model.outcome import Outcome
from harness.model.plan import Purpose
from harness.run.cases import make_ready, model_folder, reason_of
from harness.run.jobs import KeyedJob, keyed
from harness.run.locking import usable_lock
from harness.run.state import EnvironmentState, Installed, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.model.plan import Environment, Plan
    from harness.project import Project
    from harness.run.invocation import Selection


def run_environment(
    project: Project,
    environment: Environment,
    plans: Sequence[Plan],
    selection: Selection,
    run: str,
    venv: Path,
    say: Callable[[str], None],
) -> None:
    """Run what is pending in one environment, in every given plan, and write down what became of it.

    Never raises for what an environment, a lock or a model does: a failed session would keep nox from
    aggregating the others. ``say`` gets one line of progress at a time.
    """
    try:
        installed = _install(project, environment, venv, say)
    except (LockError, InstallError) as error:
        state = EnvironmentState(environment.id, run, outcome=Outcome.INSTALL_FAILED, reason=str(error))
        say(f"{environment.id}: {state.outcome}: {state.reason}")
        write_state(project, state)
        return
    except Exception:  # a fault of ours in one environment is reported beside the others
        write_state(project, EnvironmentState(environment.id, run, fault=_said(say)))
        return
    write_state(project, EnvironmentState(environment.id, run, installed=installed))
    fault: str | None = None
    executed = 0
    try:
        jobs = [
            job
            for plan in plans
            if environment.id in plan.environments
            for job in _to_run(project, plan, environment, selection, installed, say)
        ]
        executed = _run(project, python_of(venv), environment, jobs, say)
    except Exception:  # as above
        fault = _said(say)
    write_state(project, EnvironmentState(environment.id, run, executed, installed, fault=fault))


def _said(say: Callable[[str], None]) -> str:
    """Say the exception being handled, and return its traceback."""
    fault = traceback.format_exc()
    say(fault)
    return fault


def _install(project: Project, environment: Environment, venv: Path, say: Callable[[str], None]) -> Installed:
    lock = usable_lock(project, environment, python_of(venv), say)
    if not is_installed(venv, lock.digest):
        size = "" if lock.download_mb is None else f", a download of up to {lock.download_mb} MB"
        say(f"{environment.id}: installing {len(lock.pins)} packages{size}")
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
    say: Callable[[str], None],
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
        if selection.fresh or not project.results.is_settled(job_with_key.key):
            found.append(job_with_key)
    return found


def _run(
    project: Project,
    python: Path,
    environment: Environment,
    jobs: Sequence[KeyedJob],
    say: Callable[[str], None],
) -> int:
    """Run jobs with one start of the probe, and so one import, per set of environment variables.

    Returns how many cells × cases were run.
    """
    by_key = {job.key: job for job in jobs}  # two matrices may ask for the same recording

    def variables(job: KeyedJob) -> list[tuple[str, str]]:
        return sorted(job.setting.variables.items())

    for _, jobs_together in groupby(sorted(by_key.values(), key=variables), key=variables):
        group = list(jobs_together)
        launch = Launch(
            python=python,
            objects=project.results.objects,
            variables=group[0].setting.variables,
            cases=[_request(project, job) for job in group],
            labels=[(str(python.parent.parent), "<environment>"), (str(project.root), "<project>")],
        )
        run_probe(launch, lambda recording: say(_line(recording, by_key)))
    if not by_key:
        say(f"{environment.id}: nothing to run, everything is recorded")
    return sum(job.job.purpose is Purpose.OUTPUTS for job in by_key.values())


def _request(project: Project, keyed_job: KeyedJob) -> dict[str, Any]:
    case, ready = keyed_job.case, keyed_job.ready
    return {
        "result": str(project.results.recording_path(keyed_job.key)),
        "key": keyed_job.key,
        "identity": keyed_job.identity,
        "model": model_folder(project, ready),
        "loader": keyed_job.loader,
        "imports": case.imports,
        "modules": [str(project.root / path) for path in case.modules],
        "libraries": [str(project.root / path) for path in case.libraries],
        "tags": case.tags,
        "signature": None if case.function else case.signature,
        "function": case.function,
        "batches": ready.batches,
        "inputs_error": ready.inputs_problem,
        "setting": keyed_job.setting.model_dump(mode="json", exclude={"variables", "loader"}),
        "runs": case.runs,
        "time_limit_s": keyed_job.job.limits.time_limit_s,
        "memory_limit_bytes": keyed_job.job.limits.memory_limit_bytes,
        "floor": keyed_job.floor,
        "save_to": None,
    }


def _line(recording: Mapping[str, Any], jobs: Mapping[str, KeyedJob]) -> str:
    job = jobs[recording["key"]].job
    seconds = sum(phase["wall_s"] for name, phase in recording["phases"].items() if name != "import")
    reason = f": {recording['reason']}" if recording["reason"] else ""
    what = "" if job.purpose is Purpose.OUTPUTS else f", {job.purpose}"
    return f"{job.cell} {job.case}{what}: {recording['outcome']} ({seconds:.1f} s){reason}"
