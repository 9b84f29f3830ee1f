"""Models on other cells' inputs: if pipelines make different inputs, does the model itself differ too?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.store.runs import Run, RunSwap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace


def pending_swaps(project: Workspace, plan: Plan, collection: Collection) -> list[Job]:
    """Return the swaps that the recorded pipelines call for and that are not recorded yet."""
    swaps = plan.asking([swap.job for swap in collection.swaps])
    return pending(project, swaps, Selection())


class SwappedInputsQuestion:
    """One round: each model on the baseline's inputs, and the baseline's on each other's."""

    name = "swapped-inputs"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round if pipelines made different inputs and a swap is not recorded yet."""
        if before or not any(case.serving for case in asked.plan.cases.values()):
            return None
        jobs = pending_swaps(asked.project, asked.plan, _collected(asked))
        if not jobs:
            return None
        says = f"pipelines make different inputs: {count(len(jobs), 'run')} of models on other cells' inputs"
        return Round(self.name, 1, shares_of(asked.plan, jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Run the swaps of one environment."""
        jobs = pending_swaps(asked.project, asked.plan, _collected(asked))
        run_share(asked, asked.plan.asking(jobs), environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the results of all swaps."""
        swaps = [
            RunSwap(
                environment=swap.job.cell.environment,
                setting=swap.job.cell.setting,
                case=swap.job.case,
                given=None if swap.job.given is None else str(swap.job.given.cell),
                outcome=Outcome.SKIPPED if swap.recording is None else swap.recording.outcome,
                recording=None if swap.recording is None else swap.recording.key,
            )
            for swap in _collected(asked).swaps
        ]
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            swaps=tuple(swaps),
        )


def _collected(asked: Asked) -> Collection:
    return collect(asked.project, asked.plan, Selection())
