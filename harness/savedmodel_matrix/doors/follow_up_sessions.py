"""What follows a matrix under nox: remedies for what failed, and models on other cells' inputs.

Both are known only after the matrix ran, so they are a run of nox of their own. The ``matrix`` session starts
it as its last act but one. The same noxfile then defines, instead of all other sessions, one per environment
that something is to be done in, and ``follow-up``, which requires them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import nox

from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.selection import run_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.planning.project import Project

#: Names the matrix that is followed up, in the nox that does it and in its parallel sessions.
_MATRIX = "SAVEDMODEL_MATRIX_FOLLOW_UP"
_SEPARATE = "SAVEDMODEL_MATRIX_FOLLOW_UP_SEPARATE"
_REMEDIES = "SAVEDMODEL_MATRIX_FOLLOW_UP_REMEDIES"
_SESSION = "follow-up"


def followed_matrix() -> str | None:
    """Return the name of the matrix that this nox follows up; None in any other."""
    return os.environ.get(_MATRIX)


def start_follow_up(
    session: nox.Session, project: Project, plan: Plan, noxfile: Path, selection: Selection
) -> None:
    """Run what a matrix calls for now that it ran, where that is not recorded yet."""
    from savedmodel_matrix.commands.follow_up import left_to_do  # noqa: PLC0415 - only after a run

    left = left_to_do(project, plan, remedies=selection.remedies)
    if left.is_nothing:
        return
    if left.jobs or left.re_exports:
        count = f"{len(left.jobs)} cells × cases (--no-remedies leaves them out)"
        session.log(f"{plan.matrix}: trying remedies, {count}")
    if left.swaps:
        count = f"{len(left.swaps)} runs of models on other cells' inputs"
        session.log(f"{plan.matrix}: pipelines made different inputs: {count}")
    # A first nox process of its own, with the choice of sessions that is its own.
    dropped = ("SAVEDMODEL_MATRIX_EXIT", "NOXSESSION")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {
        _MATRIX: plan.matrix,
        _SEPARATE: "1" if selection.separate else "",
        _REMEDIES: "1" if selection.remedies else "",
    }
    environments = session.cache_dir.parent  # documented to lie in the folder of environments
    with _terminal() as terminal:
        subprocess.run(
            [sys.executable, "-m", "nox", "-f", str(noxfile), "--envdir", str(environments), "-s", _SESSION],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            check=False,  # what could not be mended is no failure of the run
        )


@contextlib.contextmanager
def _terminal() -> Iterator[IO[str] | None]:
    """Yield the user's terminal, if there is one: nox shows nothing of a parallel session until its end."""
    try:
        terminal = open("/dev/tty", "w", encoding="utf-8")  # noqa: PTH123, SIM115 - closed below
    except OSError:
        yield None
        return
    with terminal:
        yield terminal


def define(project: Project, matrix: str, parallelism: int) -> None:
    """Define the sessions that follow a matrix up."""
    from savedmodel_matrix.commands.follow_up import left_to_do  # noqa: PLC0415 - as above
    from savedmodel_matrix.questions.separate import separating_plan  # noqa: PLC0415 - as above

    plan = project.plan(matrix)
    if os.environ.get(_SEPARATE):
        plan = separating_plan(project, plan)
    remedies = bool(os.environ.get(_REMEDIES))
    left = left_to_do(project, plan, remedies=remedies)
    home = plan.environments[plan.baseline.environment]
    names = list(dict.fromkeys(job.cell.environment for job in [*left.jobs, *left.swaps]))
    if left.re_exports and home.id not in names:
        names.insert(0, home.id)
    for name in names:
        environment = {**plan.environments, **left.remedies.plan.environments}[name]
        # A model that is saved again must be there before others try to load it.
        first = [home.id] if left.re_exports and name != home.id else []
        _define_environment(project, plan, environment, first, remedies=remedies)

    @nox.session(name=_SESSION, venv_backend="none", requires=names, default=False)
    def done(session: nox.Session) -> None:
        """What a matrix calls for once it ran."""
        session.log("all that the matrix called for has been run")

    if len(names) > 1:
        nox.options.parallel = min(parallelism, len(names))


def _define_environment(
    project: Project, plan: Plan, environment: Environment, first: list[str], *, remedies: bool
) -> None:
    @nox.session(
        name=environment.id,
        python=environment.python,
        requires=first,
        default=False,
        allow_parallel=environment.build is not Build.GPU,  # as for the matrix itself
    )
    def run(session: nox.Session) -> None:
        """Do one environment's share."""
        from savedmodel_matrix.commands.follow_up import follow_up  # noqa: PLC0415 - as above

        venv = Path(session.virtualenv.location)
        follow_up(project, plan, environment, run_id(), venv, session.log, remedies=remedies)
