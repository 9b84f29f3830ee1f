"""Files outside a model: what happens where they are missing, and does the model work with them inside?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.measurements.outside import SELF_CONTAINED, self_contained_folder
from savedmodel_matrix.models.savedmodel.whole import is_whole
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.store.atomic import set_aside
from savedmodel_matrix.store.runs import Run, RunOutside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection, OutsideRecord
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace


class OutsideQuestion:
    """One round, in the baseline: each such model without its files, and with them among its assets."""

    name = "outside"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round if a model reads files outside itself and a run is not recorded yet."""
        if before:
            return None
        jobs = _left(asked)
        if not jobs:
            return None
        models = count(len({job.case for job in jobs}), "model reads", "models read")
        says = f"{models} files outside the model: {count(len(jobs), 'run')} without them or with a fix"
        return Round(self.name, 1, shares_of(asked.plan, jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Run what is left, in the baseline's environment."""
        run_share(asked, asked.plan.asking(_left(asked)), environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the results of all runs."""
        found = collect(asked.project, asked.plan, Selection()).outside
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            outside=tuple(
                RunOutside(
                    case=each.job.case,
                    what=each.job.variant,
                    outcome=Outcome.SKIPPED if each.recording is None else each.recording.outcome,
                    reason=None if each.recording is None else each.recording.reason,
                    recording=None if each.recording is None else each.recording.key,
                )
                for each in found
            ),
        )


def left_outside(project: Workspace, plan: Plan, collection: Collection) -> list[Job]:
    """Return the runs without and with files outside that are not recorded yet."""
    for each in collection.outside:
        if each.recording is not None and _is_lost(project, plan, collection, each):
            set_aside(project.results.recording_path(each.recording.key))
    return pending(project, plan.asking([each.job for each in collection.outside]), Selection())


def _left(asked: Asked) -> list[Job]:
    jobs = left_outside(asked.project, asked.plan, collect(asked.project, asked.plan, Selection()))
    return [job for job in jobs if asked.request.fixes or job.variant != SELF_CONTAINED]


def _is_lost(project: Workspace, plan: Plan, collection: Collection, each: OutsideRecord) -> bool:
    """Whether a model was saved with its files, and is damaged or gone."""
    ready = collection.ready[each.job.case]
    if each.job.variant != SELF_CONTAINED or isinstance(ready, str) or each.recording is None:
        return False
    saved = each.recording.outcome is Outcome.RECORDED
    return saved and not is_whole(self_contained_folder(project, plan, ready), project.digests)
