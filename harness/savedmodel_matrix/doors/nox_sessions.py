"""Nox sessions over a project's matrices.

Two lines in a noxfile give them to any repository::

    from savedmodel_matrix.doors.nox_sessions import register

    register(__file__)

``matrix`` runs ``matrices/default.toml`` and ``matrix-NAME`` the others; each requires one session per
environment that has something left to run. ``report`` renders again, ``lock`` resolves.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nox
import psutil

from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.errors import HarnessError, NothingSelectedError
from savedmodel_matrix.domain.selection import Selection, parse_selection, run_id
from savedmodel_matrix.doors import exit_status, follow_up_sessions
from savedmodel_matrix.environments.host import usable_cpus
from savedmodel_matrix.environments.interpreters import extend_path
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.planning.project import Project
from savedmodel_matrix.planning.stages import besides
from savedmodel_matrix.probe.watch import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan

#: Options of nox that choose sessions, or list them: short ones may stand together, as in ``-Rs``.
_CHOOSES = re.compile(r"-[A-Za-z]*[sektl]|--(session|keywords|tags|list)")

#: Nox only lists its sessions with one of these.
_LISTING = {"-l", "--list", "--list-sessions"}

_MEMORY_EACH = 2 << 30  # bytes; TensorFlow alone takes up to 0.5 GiB, a model and its runs the rest


def register(noxfile: str) -> None:
    """Define the sessions of the project that ``noxfile`` lies in, and nox's options for them."""
    project = Project(Path(noxfile).resolve().parent)
    # Nox shows every library's debug messages; those of the index client would name the user's index.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    extend_path()
    exit_status.watch()
    if not exit_status.is_first_process():
        # Nox leaves its parallel sessions running when it is itself terminated or killed.
        die_with_parent()
    run_id()
    nox.options.default_venv_backend = "uv"
    nox.options.reuse_venv = "yes"
    # An interpreter that is missing is an outcome of its environment, and the others go on.
    nox.options.error_on_missing_interpreters = False
    if (followed := follow_up_sessions.followed_matrix()) is not None:
        die_with_parent()  # the session that asked for it
        follow_up_sessions.define(project, followed, _parallelism())
        return
    plans, problems = _plans(project)
    asked = _asked_for([*plans, *problems])
    selection = _selection(asked, _distinct(plans.values()))
    if selection.separate:
        _separate(project, plans, problems, asked)
    environments = _distinct(plans.values())
    left: dict[str, list[Job]] = {}
    for name in [name for name in plans if name in asked]:
        try:
            left[name] = pending(project, plans[name], selection)
        except HarnessError as error:
            # Said by the session, not here: a broken results folder must not keep `nox -l` from listing.
            problems[name] = error
            del plans[name]
    for environment in environments:
        wanted = [plan for name, plan in plans.items() if name in asked or not asked]
        _define_environment(project, environment, wanted, selection)
    for name, plan in plans.items():
        _define_matrix(project, plan, left.get(name), selection, Path(noxfile).resolve())
    for name, problem in problems.items():
        _define_broken(name, problem)
    _define_report(project, plans)
    _define_lock(project, plans, problems)
    working = {job.cell.environment for jobs in left.values() for job in jobs}
    if working and exit_status.is_first_process() and not _LISTING.intersection(sys.argv):
        _announce(project, [plans[name] for name in left], selection)
    if len(working) > 1:
        nox.options.parallel = min(_parallelism(), len(working))


def session_name(matrix: str) -> str:
    """Return the name of the session that runs a matrix."""
    return "matrix" if matrix == "default" else f"matrix-{matrix}"


def _plans(project: Project) -> tuple[dict[str, Plan], dict[str, HarnessError]]:
    plans: dict[str, Plan] = {}
    problems: dict[str, HarnessError] = {}
    for name in project.matrices():
        try:
            plans[name] = project.plan(name)
        except HarnessError as error:
            problems[name] = error
    return plans, problems


def _asked_for(matrices: Iterable[str]) -> list[str]:
    """Return the matrices this call of nox names.

    Read from the command line because what a session requires must be known before nox has chosen
    its sessions. Parallel sessions are processes of their own that name one environment; the parent
    hands them its choice through the environment.
    """
    words = {*sys.argv[1:], *os.environ.get("NOXSESSION", "").split(",")}
    words |= {re.sub(r"^(--sessions?=|-s)", "", word) for word in words}
    asked = [name for name in matrices if session_name(name) in words]
    if not any(_CHOOSES.match(word) for word in sys.argv[1:]) and "NOXSESSION" not in os.environ:
        # Plain `nox` runs the sessions of nox.options: as the project's noxfile has it, the first matrix.
        asked = list(matrices)[:1]
    return exit_status.shared("choice", " ".join(asked)).split()


def _announce(project: Project, plans: list[Plan], selection: Selection) -> None:
    """Print what is about to happen, before anything does."""
    from savedmodel_matrix.commands.plan import describe_plan, render_plan  # noqa: PLC0415 - only with work to do

    for plan in plans:
        print(render_plan(describe_plan(project, plan, selection)), end="\n\n", flush=True)  # noqa: T201


def _parallelism() -> int:
    """Return how many environments run at the same time: each is a process with TensorFlow in it."""
    return max(1, min(usable_cpus(), psutil.virtual_memory().total // _MEMORY_EACH))


def _selection(asked: list[str], environments: Iterable[Environment]) -> Selection:
    running = asked or any(environment.id in sys.argv for environment in environments)
    if not running or "--" not in sys.argv:
        return Selection()
    return parse_selection(sys.argv[sys.argv.index("--") + 1 :])


def _distinct(plans: Iterable[Plan]) -> list[Environment]:
    """Return every environment in which something is to run once, in the order of the definitions."""
    return list(
        {
            job.cell.environment: plan.environments[job.cell.environment]
            for plan in plans
            for job in plan.jobs()
        }.values()
    )


def _besides(project: Project, plans: dict[str, Plan]) -> list[Beside]:
    """Return the environments that stages run in beside those of the plans, each once."""
    found = (
        beside
        for plan in plans.values()
        for environment in plan.environments.values()
        for beside in besides(project, plan, environment)
    )
    return list(dict.fromkeys(found))


def _separate(
    project: Project, plans: dict[str, Plan], problems: dict[str, HarnessError], asked: Iterable[str]
) -> None:
    """Add to the plans that are asked for the cells that their last report proposes."""
    from savedmodel_matrix.questions.separate import separating_plan  # noqa: PLC0415 - rarely asked for

    for name in [name for name in plans if name in asked]:
        try:
            plans[name] = separating_plan(project, plans[name])
        except HarnessError as error:
            problems[name] = error
            del plans[name]


def _define_environment(
    project: Project, environment: Environment, plans: list[Plan], selection: Selection
) -> None:
    @nox.session(
        name=environment.id,
        python=environment.python,
        default=False,
        # TensorFlow takes the whole memory of a GPU: two environments at once would starve each other.
        allow_parallel=environment.build is not Build.GPU,
    )
    def run(session: nox.Session) -> None:
        from savedmodel_matrix.execution.environment import run_environment  # noqa: PLC0415 - `nox -l` does without it

        venv = Path(session.virtualenv.location)
        run_environment(project, environment, plans, selection, run_id(), venv, session.log)

    run.__doc__ = "One environment: installs its lock and runs what is not recorded yet."


def _define_matrix(
    project: Project, plan: Plan, left: list[Job] | None, selection: Selection, noxfile: Path
) -> None:
    """Define a matrix's session; ``left`` is None where this call of nox did not name it."""
    required = list(dict.fromkeys(job.cell.environment for job in left or ()))

    @nox.session(name=session_name(plan.matrix), venv_backend="none", requires=required, default=False)
    def matrix(session: nox.Session) -> None:
        """Run the cells that are not recorded yet, compare all, and write the reports."""
        from savedmodel_matrix.commands.aggregate import aggregate, is_reported  # noqa: PLC0415 - `nox -l` needs none

        with exit_status.reported(session):
            if left is None:
                raise NothingSelectedError(f"name it: nox -s {session_name(plan.matrix)}")
            if not any(selection.wants(job) for job in plan.jobs()):
                raise NothingSelectedError(
                    f"--only '{selection.cells}' --case '{selection.cases}' select nothing of matrix "
                    f"'{plan.matrix}'; `savedmodel-matrix plan {plan.matrix}` lists its cells and cases"
                )
            if not is_reported(project, plan, selection):
                follow_up_sessions.start_follow_up(session, project, plan, noxfile, selection)
            exit_status.require_zero(
                aggregate(project, plan, selection, run_id(), attempted=selection.remedies)
            )


def _define_broken(name: str, error: HarnessError) -> None:
    @nox.session(name=session_name(name), venv_backend="none", default=False)
    def broken(session: nox.Session) -> None:
        """Cannot run; run it to see what is wrong."""
        with exit_status.reported(session):
            raise error


def _define_report(project: Project, plans: dict[str, Plan]) -> None:
    @nox.session(venv_backend="none", default=False)
    def report(session: nox.Session) -> None:
        """Render a matrix (default, or the one named after --) again from what is recorded."""
        from savedmodel_matrix.commands.aggregate import aggregate  # noqa: PLC0415 - as above

        with exit_status.reported(session):
            name = session.posargs[0] if session.posargs else "default"
            plan = plans.get(name) or project.plan(name)
            exit_status.require_zero(aggregate(project, plan, Selection(), run_id()))


def _define_lock(project: Project, plans: dict[str, Plan], problems: dict[str, HarnessError]) -> None:
    @nox.session(venv_backend="none", default=False)
    def lock(session: nox.Session) -> None:
        """Resolve every environment (or those a glob after -- matches) into its committed lock file."""
        from savedmodel_matrix.commands.lock import lock_all  # noqa: PLC0415 - as above

        with exit_status.reported(session):
            for error in problems.values():
                session.warn(str(error))
            lock_all(
                project, [*_distinct(plans.values()), *_besides(project, plans)], session.posargs, session.log
            )
