"""Stages that make other results in another process: which of its surroundings do they depend on?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.measurements.elsewhere import APART, way_of
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.store.runs import Run, RunSwap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.evidence.collected import ElsewhereRecord
    from savedmodel_matrix.execution.progress import Progress


class ElsewhereQuestion:
    """One round: one hash seed twice, then another time zone, locale and number of threads, one by one."""

    name = "elsewhere"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round if a stage made other results and what tells why is not recorded yet."""
        if before or not any(case.serving for case in asked.plan.cases.values()):
            return None
        jobs = _pending(asked)
        if not jobs:
            return None
        says = f"stages depend on their surroundings: {count(len(jobs), 'run')} to see on which"
        return Round(self.name, 1, shares_of(asked.plan, jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Run the jobs of one environment."""
        run_share(asked, asked.plan.asking(_pending(asked)), environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the results."""
        swaps = [
            RunSwap(
                environment=each.job.cell.environment,
                setting=each.job.cell.setting,
                case=each.job.case,
                given=each.job.variant,
                outcome=Outcome.SKIPPED if each.recording is None else each.recording.outcome,
                recording=None if each.recording is None else each.recording.key,
            )
            for each in _elsewhere(asked)
        ]
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            swaps=tuple(swaps),
        )


def _pending(asked: Asked) -> list[Job]:
    # The first run of each stage, with everything changed at once, is the matrix's own.
    jobs = [each.job for each in _elsewhere(asked) if way_of(each.job) in APART]
    return pending(asked.project, asked.plan.asking(jobs), Selection())


def _elsewhere(asked: Asked) -> list[ElsewhereRecord]:
    return collect(asked.project, asked.plan, Selection()).elsewhere
