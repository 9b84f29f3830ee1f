"""One run of a matrix: ask the questions, run the measurements they call for, and report."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from savedmodel_matrix.commands.aggregate import aggregate, is_reported, tell_again
from savedmodel_matrix.commands.say import say
from savedmodel_matrix.commands.unchanged import unchanged_since
from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.errors import DamagedError, HarnessError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Request, new_run_id, require_matches
from savedmodel_matrix.environments.host import usable_cpus
from savedmodel_matrix.environments.state import EnvironmentState, read_state, write_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.executors.interface import Order, Result, Session
from savedmodel_matrix.execution.progress import Progress, State
from savedmodel_matrix.execution.round_file import RoundFile, events_path, write_round
from savedmodel_matrix.execution.run_environment import run_environment
from savedmodel_matrix.execution.scratch import own_folder
from savedmodel_matrix.questions import OF_MATRIX, question_named
from savedmodel_matrix.questions.interface import Asked, ask
from savedmodel_matrix.questions.matrix import plan_of
from savedmodel_matrix.store.runs import write_run
from savedmodel_matrix.store.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.execution.executors.interface import Ended, Executor
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.interface import Round
    from savedmodel_matrix.store.runs import Run

_MEMORY_EACH = 2 << 30  # bytes; TensorFlow alone takes up to 0.5 GiB, the rest is for a model and its runs
_LOGS_KEPT = 20  # runs
_TAIL_LINES = 30
_REPAIRING = (
    "Damaged files in results/objects are set aside, {} of them after a check of every file there. "
    "This run records again what they held."
)
_REPAIRS = 3  # a store that is damaged again after this many has a failing disk


@dataclass(frozen=True)
class Place:
    """Where sessions run, and on whose behalf."""

    noxfile: Path
    environments: Path
    """The folder that holds the environments."""
    executor: Executor
    parent: int | None
    """The process on this host whose end also ends the sessions."""


def run_matrix(project: Workspace, matrix: str, request: Request, place: Place) -> int:
    """Run everything in a matrix that is not recorded yet, then write and print its report.

    Returns the exit status.

    Raises:
        DefinitionError: with every problem of the definition.
        NothingSelectedError: if a glob matches nothing, or all together select nothing.
        MachineError: if models are to be isolated and cannot be on this machine.
        OSError: if ``results/`` cannot be written.
    """
    asked = asked_of(project, matrix, request)
    today = dt.datetime.now(dt.UTC).date()
    before = unchanged_since(project, asked.plan, request.selection, today, fixes=request.fixes)
    if before is not None and before.exit_status is not None:
        tell_again(project, before, asked.run, verbose=request.verbose)
        return before.exit_status
    for _ in range(_REPAIRS):
        try:
            return _asked_and_reported(asked, place)
        except DamagedError:
            # Where one file is damaged others may be, and each read finds only one: look at all of them now,
            # so that the next pass records again what they held.
            found = project.results.verify_all()
            say(_REPAIRING.format(found))
    return _asked_and_reported(asked, place)


def measured(project: Workspace, matrix: str, request: Request, place: Place) -> tuple[Plan, Collection]:
    """Run what is not recorded yet in a matrix, without a report; return the plan and its outcomes.

    Raises what ``run_matrix`` raises.
    """
    asked = asked_of(project, matrix, request)
    ask(OF_MATRIX[0], asked, lambda found: carried_out(asked, found, place))
    return asked.plan, collect(project, asked.plan, request.selection)


def asked_of(project: Workspace, matrix: str, request: Request) -> Asked:
    """Return what a run works from, once everything that it needs is there."""
    plan = plan_of(project, matrix, request)
    _require_isolation([plan])
    require_matches(request.selection, [plan])
    project.results.require_folders()
    _sweep(project)
    return Asked(project, plan, request, new_run_id(project.results.newest_run()))


def _asked_and_reported(asked: Asked, place: Place) -> int:
    matrix_question, *others = OF_MATRIX
    project, plan, request = asked.project, asked.plan, asked.request
    ask(matrix_question, asked, lambda found: carried_out(asked, found, place))
    rounds: list[Round] = []
    collected = collect(project, plan, request.selection)
    if not is_reported(project, plan, collected, fixes=request.fixes):
        for question in others:
            rounds += ask(question, asked, lambda found: carried_out(asked, found, place))
    return aggregate(
        project,
        plan,
        request.selection,
        asked.run,
        # Later rounds may have repaired what the matrix needs.
        collected=None if rounds else collected,
        attempted=request.fixes,
        rounds=[_written(asked, found) for found in rounds],
        verbose=request.verbose,
    )


def run_share(
    project: Workspace, file: RoundFile, environment: Environment, venv: Path, say: Progress
) -> None:
    """Run one environment's share of a round: the body of a session that an executor started."""
    asked = Asked(project, plan_of(project, file.matrix, file.request), file.request, file.run)
    question_named(file.question).do(asked, file.number, environment, venv, say)
    say.enter(State.DONE)


def run_alone(
    project: Workspace,
    plans: Sequence[Plan],
    environment: Environment,
    request: Request,
    venv: Path,
    say: Callable[[str], None],
) -> None:
    """Run what is pending in one environment for all matrices: the body of a manually started session.

    Raises:
        NothingSelectedError: if a glob matches nothing.
        HarnessError: if the harness fails here; the traceback is in the message.
    """
    theirs = [plan for plan in plans if environment.id in plan.environments]
    theirs = [plan.isolated() for plan in theirs] if request.isolate else theirs
    _require_isolation(theirs)
    require_matches(request.selection, theirs)
    _sweep(project)
    with own_folder():
        run = new_run_id(project.results.newest_run())
        run_environment(project, environment, theirs, request.selection, run, venv, Progress(say))
    state = read_state(project.results, environment.id)
    if state is not None and state.fault is not None:
        raise HarnessError("a fault of the harness, please report it:", *state.fault.splitlines())


def _require_isolation(plans: Sequence[Plan]) -> None:
    if any(plan.isolate for plan in plans):
        from savedmodel_matrix.environments.isolation.confine import confine  # noqa: PLC0415 - rarely needed

        confine()


def _sweep(project: Workspace) -> None:
    for folder in (project.results.root, project.locks):
        sweep(folder)


def parallelism() -> int:
    """Return how many environments run at the same time: each is a process that has imported TensorFlow."""
    return max(1, min(usable_cpus(), psutil.virtual_memory().total // _MEMORY_EACH))


def carried_out(asked: Asked, found: Round, place: Place) -> None:
    """Run one round: write its file, run its sessions, show their progress, and save the results."""
    # Only if there is work: importing rich takes as long as a whole run that has nothing to do.
    from savedmodel_matrix.commands.show import announce, shown  # noqa: PLC0415

    folder = (
        asked.project.results.logs / f"{asked.run}-{asked.plan.matrix}" / f"{found.question}-{found.number}"
    )
    file = RoundFile(
        run=asked.run,
        matrix=asked.plan.matrix,
        request=asked.request,
        question=found.question,
        number=found.number,
        environments=tuple(share.environment for share in found.shares),
        parent=place.parent,
    )
    path = folder / "round.json"
    write_round(path, file)
    _drop_old_logs(asked.project.results.logs)
    order = Order(
        sessions=tuple(Session(each.id, each.build is Build.GPU) for each in file.environments),
        noxfile=place.noxfile,
        environments=place.environments,
        round_file=path,
        jobs=asked.request.jobs or parallelism(),
    )
    announce(asked, found, place.environments)
    with (
        shown(found, path, asked.project.results.logs, verbose=asked.request.verbose) as show,
        closing(place.executor.run(order)) as results,
    ):
        for ended in results:
            show.ended(ended, _problem(asked, path, ended))
    write_run(asked.project.results, _written(asked, found))


def _written(asked: Asked, found: Round) -> Run:
    return question_named(found.question).written(asked, found.number)


def _problem(asked: Asked, path: Path, ended: Ended) -> str | None:
    """Return the end of a log if the user has to see it, and save the reason for missing results."""
    results = asked.project.results
    state = read_state(results, ended.name)
    if ended.result in (Result.SUCCESS, Result.SKIPPED):
        return _tail(ended.log) if state and state.fault else None
    tail = _tail(ended.log)
    if events_path(path, ended.name).exists():  # our part of the session had started, so we failed
        fault = f"the session of {ended.name} failed:\n{tail}"
        known = state or EnvironmentState(environment=ended.name, run=asked.run)
        write_state(results, known.model_copy(update={"run": asked.run, "fault": fault}))
    else:
        reason = f"nox could not create the environment: {_why(tail) or ended.result}"
        failed = EnvironmentState(
            environment=ended.name, run=asked.run, outcome=Outcome.INSTALL_FAILED, reason=reason
        )
        write_state(results, failed)
    return tail


def _why(tail: str) -> str:
    """Return in one line why nox made no environment: in the words of the program that it started, if any."""
    lines = [line.removeprefix("nox > ").strip() for line in tail.splitlines()]
    lines = [line for line in lines if line and not re.fullmatch(r"Session \S+ failed\.", line)]
    started = [number for number, line in enumerate(lines) if "failed with exit code" in line]
    return "; ".join(lines[started[-1] + 1 :] if started else lines[-1:])


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])


def _drop_old_logs(logs: Path) -> None:
    for folder in sorted(logs.iterdir(), reverse=True)[_LOGS_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
