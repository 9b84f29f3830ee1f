"""The matrix itself: what is the outcome of every case in every selected cell?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.execution.run_environment import run_environment
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.separate import separating_plan
from savedmodel_matrix.store.runs import Run, RunCell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Request
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace


def plan_of(project: Workspace, matrix: str, request: Request) -> Plan:
    """Return the plan of a matrix, isolated or with the cells that its last report suggests if requested.

    If an upgrade or a bisection is requested, it is that one's.

    Raises:
        DefinitionError: with every problem of the definition.
        UsageError: for an upgrade or a bisection of something that is not there.
        NothingSelectedError: if suggested cells are requested and there are none.
    """
    if request.upgrade is not None:
        from savedmodel_matrix.planning.upgrade import upgrade_plan  # noqa: PLC0415 - a matrix does without it

        plan = upgrade_plan(project, request.upgrade)
    elif request.bisect is not None:
        from savedmodel_matrix.planning.bisect import bisect_plan  # noqa: PLC0415 - as above

        plan = bisect_plan(project, request.bisect)
    else:
        plan = project.plan(matrix)
    plan = plan.isolated() if request.isolate else plan
    return separating_plan(project, plan) if request.separate else plan


class MatrixQuestion:
    """One round: everything that is selected and not recorded yet."""

    name = "matrix"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round if there is anything left to run."""
        if before:
            return None
        jobs = pending(asked.project, asked.plan, asked.request.selection)
        return Round(self.name, 1, shares_of(asked.plan, jobs), "") if jobs else None

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Run what is pending in one environment."""
        selection = asked.request.selection
        run_environment(asked.project, environment, [asked.plan], selection, asked.run, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome of every cell and case."""
        collection = collect(asked.project, asked.plan, asked.request.selection)
        return matrix_run(asked.plan, asked.run, collection, number)


def matrix_run(plan: Plan, run: str, collection: Collection, number: int = 1) -> Run:
    """Return the run file's entries for every cell and case of the matrix."""
    cells = [
        RunCell(
            environment=row.cell.environment,
            setting=row.cell.setting,
            case=row.case,
            outcome=row.outcome,
            reason=row.reason,
            recording=row.recording.key if row.recording else None,
        )
        for row in collection.rows
    ]
    return Run(
        run=run,
        matrix=plan.matrix,
        question=MatrixQuestion.name,
        number=number,
        baseline=str(plan.baseline),
        cells=tuple(cells),
    )
