"""Random outputs: are those of every cell drawn from the distribution of the baseline's?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.store.runs import Run, RunCell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace


def pending_distributions(project: Workspace, plan: Plan, collection: Collection) -> list[Job]:
    """Return the runs that random outputs call for and that are not recorded yet."""
    return pending(project, plan.asking([each.job for each in collection.distributions]), Selection())


class DistributionsQuestion:
    """One round: many runs of each case with random outputs, in every cell that recorded it."""

    name = "distributions"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round if there is such a case and a cell's runs are not recorded yet."""
        if before or not asked.plan.random.runs:
            return None
        jobs = _pending(asked)
        if not jobs:
            return None
        cases = count(len({job.case for job in jobs}), "case has", "cases have")
        says = f"{cases} random outputs: up to {count(asked.plan.random.runs, 'run')} in each cell"
        return Round(self.name, 1, shares_of(asked.plan, jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Run the cases in one environment."""
        run_share(asked, asked.plan.asking(_pending(asked)), environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return what became of the runs in every cell."""
        found = collect(asked.project, asked.plan, Selection()).distributions
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            distributions=tuple(
                RunCell(
                    environment=each.job.cell.environment,
                    setting=each.job.cell.setting,
                    case=each.job.case,
                    outcome=Outcome.SKIPPED if each.recording is None else each.recording.outcome,
                    reason=None if each.recording is None else each.recording.reason,
                    recording=None if each.recording is None else each.recording.key,
                )
                for each in found
            ),
        )


def _pending(asked: Asked) -> list[Job]:
    collection = collect(asked.project, asked.plan, Selection())
    return pending_distributions(asked.project, asked.plan, collection)
