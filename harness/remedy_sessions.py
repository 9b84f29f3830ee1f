"""Remedies under nox: what failed is known only after a matrix ran, so they are a run of nox of their own.

The ``matrix`` session starts it as its last act but one. The same noxfile then defines, instead of all other
sessions, one per environment that a remedy is to be tried in, and ``remedies``, which requires them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import nox

from harness.model.plan import Build
from harness.run.invocation import Selection, run_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.plan import Environment, Plan
    from harness.project import Project

#: Names the matrix whose remedies are to be tried, in the nox that tries them and in its parallel sessions.
_MATRIX = "SAVEDMODEL_MATRIX_REMEDIES"
_SEPARATE = "SAVEDMODEL_MATRIX_REMEDIES_SEPARATE"
_SESSION = "remedies"


def matrix_to_mend() -> str | None:
    """Return the name of the matrix whose remedies this nox tries; None in any other."""
    return os.environ.get(_MATRIX)


def try_remedies(
    session: nox.Session, project: Project, plan: Plan, noxfile: Path, *, separate: bool
) -> None:
    """Run what may mend the failures of a matrix, where that is not recorded yet."""
    from harness.actions.mend import left_to_try  # noqa: PLC0415 - only after a run

    left = left_to_try(project, plan)
    if not left.jobs and not left.re_exports:
        return
    session.log(
        f"{plan.matrix}: trying remedies, {len(left.jobs)} cells × cases (--no-remedies leaves them out)"
    )
    # A first nox process of its own, with the choice of sessions that is its own.
    dropped = ("SAVEDMODEL_MATRIX_EXIT", "NOXSESSION")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {_MATRIX: plan.matrix, _SEPARATE: "1" if separate else ""}
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
    """Define the sessions that try a matrix's remedies."""
    from harness.actions.mend import left_to_try  # noqa: PLC0415 - as above
    from harness.run.separate import separating_plan  # noqa: PLC0415 - as above

    plan = project.plan(matrix)
    if os.environ.get(_SEPARATE):
        plan = separating_plan(project, plan)
    left = left_to_try(project, plan)
    home = plan.environments[plan.baseline.environment]
    names = list(dict.fromkeys(job.cell.environment for job in left.jobs))
    if left.re_exports and home.id not in names:
        names.insert(0, home.id)
    for name in names:
        environment = left.remedies.plan.environments.get(name, home)
        # A model that is saved again must be there before others try to load it.
        first = [home.id] if left.re_exports and name != home.id else []
        _define_environment(project, plan, environment, first)

    @nox.session(name=_SESSION, venv_backend="none", requires=names, default=False)
    def remedies(session: nox.Session) -> None:
        """What may mend the failures of a matrix, each in a fresh cell."""
        session.log("all remedies that can be tried have been")

    if len(names) > 1:
        nox.options.parallel = min(parallelism, len(names))


def _define_environment(project: Project, plan: Plan, environment: Environment, first: list[str]) -> None:
    @nox.session(
        name=environment.id,
        python=environment.python,
        requires=first,
        default=False,
        allow_parallel=environment.build is not Build.GPU,  # as for the matrix itself
    )
    def run(session: nox.Session) -> None:
        """Try remedies in one environment."""
        from harness.actions.mend import run_remedies  # noqa: PLC0415 - as above

        venv = Path(session.virtualenv.location)
        run_remedies(project, plan, environment, Selection(), run_id(), venv, session.log)
