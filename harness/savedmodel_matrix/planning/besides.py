"""Separate environments for stages that declare their own requirements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.environment import Beside
from savedmodel_matrix.knowledge.releases import NEWEST_PROBED
from savedmodel_matrix.planning.stage_script import package, stage_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import ScriptNeeds
    from savedmodel_matrix.planning.workspace import Workspace

#: The oldest Python that uv can download.
_OLDEST = (3, 8)
#: The probe reads and writes arrays with it.
_NEEDED = "numpy"


def beside_of(environment: Environment, needs: ScriptNeeds | None) -> Beside | None:
    """Return the separate environment in which a stage with these needs runs; None for the cell's own.

    It uses the cell's Python if the stage supports it, otherwise the newest Python that the stage supports.
    """
    if needs is None:
        return None
    minors = [environment.python, *(f"3.{minor}" for minor in range(NEWEST_PROBED[1], _OLDEST[1] - 1, -1))]
    python = next((minor for minor in minors if needs.runs_on(minor)), environment.python)
    # A pin of the matrix replaces the file's requirement for that package; other pins are for other stages.
    found = {package(text): text for text in (_NEEDED, *needs.dependencies)}
    found |= {package(text): text for text in environment.beside if package(text) in found}
    return Beside(python, tuple(found[name] for name in sorted(found)), environment.provisional)


def besides(project: Workspace, plan: Plan, environment: Environment) -> Iterator[Beside]:
    """Yield every separate environment that a plan's stages need, each once."""
    found = set()
    staged = {name for name, case in plan.cases.items() if case.stages}
    jobs = plan.jobs(environment.id) if staged else ()
    for case in dict.fromkeys(job.case for job in jobs if job.case in staged):
        for stage in plan.cases[case].stages.values():
            beside = beside_of(environment, stage_needs(project.root, stage))
            if beside is not None and beside not in found:
                found.add(beside)
                yield beside
