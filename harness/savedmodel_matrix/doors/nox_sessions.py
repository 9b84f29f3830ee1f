"""Nox sessions over a project's matrices.

Two lines in a noxfile add them to any repository::

    from savedmodel_matrix import register

    register(__file__)

``matrix`` runs ``matrices/default.toml`` and ``matrix-NAME`` the others. ``plan`` plans an upgrade, and
``bisect`` finds the version that differs. Each environment is a session too, named by its id. ``report``
renders reports again, and ``lock`` resolves environments. None is a default session, and nothing else in the
noxfile changes: no nox option is set, and existing sessions stay.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import nox

from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.selection import Request, Selection, new_run_id
from savedmodel_matrix.domain.visible import visible_lines
from savedmodel_matrix.doors import exit_status
from savedmodel_matrix.environments.backends import backend_of
from savedmodel_matrix.environments.interpreters import nox_python
from savedmodel_matrix.execution.round_file import RUN_VARIABLE, events_path, read_round
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.probe.processes import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from savedmodel_matrix.commands.run import Place
    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.execution.round_file import RoundFile


def define_sessions(noxfile: str) -> None:
    """Define the sessions of the project that contains ``noxfile``.

    Raises:
        StoreError: if ``SAVEDMODEL_MATRIX_RUN`` names something that is not a round file.
    """
    place = Path(noxfile).resolve()
    project = Workspace(place.parent)
    exit_status.watch(_statuses(project))
    if os.environ.get(RUN_VARIABLE):
        # It tells, with a traceback, of every cache that it cannot write.
        logging.getLogger("python_discovery").setLevel(logging.ERROR)
        path = Path(os.environ[RUN_VARIABLE])
        file = read_round(path)
        if file.parent is not None:
            die_with_parent(file.parent)
        for environment in file.environments:
            _define_share(project, file, path, environment)
        return
    plans, problems = _plans(project)
    for environment in _distinct(plans.values()):
        _define_environment(project, list(plans.values()), environment)
    for name in project.matrices():
        _define_matrix(project, name, problems.get(name), place)
    _define_plan(project, place)
    _define_bisect(project, place)
    _define_report(project)
    _define_lock(project, plans, problems)


def session_name(matrix: str) -> str:
    """Return the name of the session that runs a matrix."""
    return "matrix" if matrix == "default" else f"matrix-{matrix}"


def _statuses(project: Workspace) -> Path:
    return project.results.logs / "exit-status"


def _plans(project: Workspace) -> tuple[dict[str, Plan], dict[str, Exception]]:
    """Return the plans, and the problems of matrices that cannot be read, which their sessions report."""
    plans: dict[str, Plan] = {}
    problems: dict[str, Exception] = {}
    for name in project.matrices():
        try:
            plans[name] = project.plan(name)
        except Exception as error:
            problems[name] = error
    return plans, problems


def _distinct(plans: Iterable[Plan]) -> list[Environment]:
    """Return every environment with something to run, each once, in the order of the definitions."""
    return list(
        {
            job.cell.environment: plan.environments[job.cell.environment]
            for plan in plans
            for job in plan.jobs()
        }.values()
    )


@contextlib.contextmanager
def _ours(session: nox.Session, project: Workspace) -> Iterator[Callable[[str], None]]:
    """Wrap the body of each of our sessions: exit status, dying with the parent, quiet libraries.

    Yields what logs a text. Texts of models and of other programs control no terminal.
    """
    if session.parallel:
        die_with_parent()  # nox leaves its parallel sessions running when it is terminated or killed
    # Nox shows every library's debug messages; those of the index client would reveal the user's index.
    client = logging.getLogger("urllib3")
    before = client.level
    client.setLevel(logging.WARNING)
    try:
        with exit_status.reported(session, _statuses(project)):
            yield lambda text: session.log(visible_lines(text))
    finally:
        client.setLevel(before)


def _define(name: str, body: Callable[[nox.Session], None], environment: Environment | None = None) -> None:
    """Define a session unless the noxfile already has one with this name: the user's own takes precedence."""
    if name in nox.registry.get():
        return
    if environment is None:
        nox.session(name=name, venv_backend="none", default=False, allow_parallel=False)(body)
        return
    nox.session(
        name=name,
        python=nox_python(environment.python),
        venv_backend=backend_of(environment).nox,
        reuse_venv=True,
        default=False,
        # TensorFlow allocates a GPU's whole memory: two environments at once would starve each other.
        allow_parallel=environment.build is not Build.GPU,
    )(body)


def _define_share(project: Workspace, file: RoundFile, path: Path, environment: Environment) -> None:
    def run(session: nox.Session) -> None:
        """One environment's share of a round."""
        from savedmodel_matrix.commands.run import run_share  # noqa: PLC0415 - `nox -l` does without it
        from savedmodel_matrix.execution.progress import Progress, State  # noqa: PLC0415

        with _ours(session, project) as log:
            say = Progress(log, events_path(path, environment.id))
            say.enter(State.STARTING)
            run_share(project, file, environment, Path(session.virtualenv.location), say)

    _define(environment.id, run, environment)


def _define_environment(project: Workspace, plans: list[Plan], environment: Environment) -> None:
    def run(session: nox.Session) -> None:
        """Install one environment's lock and run what is not recorded yet."""
        from savedmodel_matrix.commands.run import run_alone  # noqa: PLC0415 - as above
        from savedmodel_matrix.doors.arguments import parse_request  # noqa: PLC0415

        with _ours(session, project) as log:
            request = parse_request(session.posargs, f"nox -s {environment.id} --")
            if request is not None:
                venv = Path(session.virtualenv.location)
                run_alone(project, plans, environment, request, venv, log)

    _define(environment.id, run, environment)


def _define_matrix(project: Workspace, matrix: str, problem: Exception | None, noxfile: Path) -> None:
    name = session_name(matrix)

    def run(session: nox.Session) -> None:
        """Run what is not recorded yet, compare everything, and write the reports (options: -- --help)."""
        from savedmodel_matrix.commands.run import Place, run_matrix  # noqa: PLC0415 - as above
        from savedmodel_matrix.doors.arguments import parse_request  # noqa: PLC0415
        from savedmodel_matrix.execution.executors.nox import NoxExecutor  # noqa: PLC0415

        with _ours(session, project):
            request = parse_request(session.posargs, f"nox -s {name} --")
            if request is None:
                return
            if request.jobs is None:
                request = request.model_copy(update={"jobs": _jobs_of_nox(session)})
            environments = session.cache_dir.parent  # documented to be in the folder of environments
            place = Place(noxfile, environments, NoxExecutor(), os.getpid())
            exit_status.require_zero(run_matrix(project, matrix, request, place))

    def broken(session: nox.Session) -> None:
        """Cannot run: the definition is wrong. Run it to see the problems."""
        with _ours(session, project):
            assert problem is not None, "only defined for a matrix with a problem"  # noqa: S101
            raise problem

    _define(name, run if problem is None else broken)


def _define_plan(project: Workspace, noxfile: Path) -> None:
    def plan(session: nox.Session) -> None:
        """Find how far models can be upgraded, what breaks where, and what fixes it (-- MODEL --to 2.21)."""
        from savedmodel_matrix.commands.upgrade import plan_upgrade  # noqa: PLC0415 - as above
        from savedmodel_matrix.doors.arguments import parse_upgrade  # noqa: PLC0415

        _answer(project, noxfile, session, parse_upgrade, plan_upgrade)

    _define("plan", plan)


def _define_bisect(project: Workspace, noxfile: Path) -> None:
    def bisect(session: nox.Session) -> None:
        """Find the first version that differs (-- MODEL --good 2.12.1 --bad 2.16.2; options: -- --help)."""
        from savedmodel_matrix.commands.bisect import bisect_versions  # noqa: PLC0415 - as above
        from savedmodel_matrix.doors.arguments import parse_bisect  # noqa: PLC0415

        _answer(project, noxfile, session, parse_bisect, bisect_versions)

    _define("bisect", bisect)


def _answer(
    project: Workspace,
    noxfile: Path,
    session: nox.Session,
    parse: Callable[[Sequence[str], str], Request | None],
    answer: Callable[[Workspace, Request, Place], int],
) -> None:
    """Parse what stands behind ``--`` and answer it."""
    from savedmodel_matrix.commands.run import Place  # noqa: PLC0415 - as above
    from savedmodel_matrix.execution.executors.nox import NoxExecutor  # noqa: PLC0415

    with _ours(session, project):
        request = parse(session.posargs, f"nox -s {session.name} --")
        if request is None:
            return
        if request.jobs is None:
            request = request.model_copy(update={"jobs": _jobs_of_nox(session)})
        place = Place(noxfile, session.cache_dir.parent, NoxExecutor(), os.getpid())
        exit_status.require_zero(answer(project, request, place))


def _jobs_of_nox(session: nox.Session) -> int | None:
    """Return the N of ``nox -j N``, if the user gave one.

    Nox has no public API for it, so a later nox may hide it; ``-- --jobs N`` always works.
    """
    config = getattr(getattr(session, "_runner", None), "global_config", None)
    jobs = getattr(config, "parallel", None)
    return jobs if isinstance(jobs, int) and not session.parallel else None


def _define_report(project: Workspace) -> None:
    def report(session: nox.Session) -> None:
        """Render the report of a matrix (default, or the one named after --) again from its recordings."""
        from savedmodel_matrix.commands.aggregate import aggregate  # noqa: PLC0415 - as above
        from savedmodel_matrix.doors.arguments import parse_report  # noqa: PLC0415
        from savedmodel_matrix.questions.matrix import plan_of  # noqa: PLC0415

        with _ours(session, project):
            asked = parse_report(session.posargs, "nox -s report --")
            if asked is None:
                return
            plan = plan_of(project, asked.matrix, Request(isolate=asked.isolate))
            run = new_run_id(project.results.newest_run())
            exit_status.require_zero(aggregate(project, plan, Selection(), run))

    _define("report", report)


def _define_lock(project: Workspace, plans: dict[str, Plan], problems: dict[str, Exception]) -> None:
    def lock(session: nox.Session) -> None:
        """Resolve every environment (or those that globs after -- match) into its committed lock file."""
        from savedmodel_matrix.commands.lock import lock_all  # noqa: PLC0415 - as above

        with _ours(session, project) as log:
            for error in problems.values():
                session.warn(visible_lines(str(error)))
            environments: list[Environment | Beside] = [*_distinct(plans.values()), *_besides(project, plans)]
            lock_all(project, environments, session.posargs, log)

    _define("lock", lock)


def _besides(project: Workspace, plans: dict[str, Plan]) -> list[Beside]:
    """Return the separate environments of the plans' stages, each once."""
    from savedmodel_matrix.planning.besides import besides  # noqa: PLC0415 - as above

    found = (
        beside
        for plan in plans.values()
        for environment in plan.environments.values()
        for beside in besides(project, plan, environment)
    )
    return list(dict.fromkeys(found))
