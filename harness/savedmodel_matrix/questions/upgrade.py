"""Planning an upgrade: the releases that decide where each model stops loading or agreeing, and no others.

The first round measures the first and the last release, the others narrow down every place where an answer
changes. What is recorded already is not measured again, and every model runs where one of them has to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count, joined
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.planning.predictions import planned_facts, predict_plan
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.matrix import matrix_run
from savedmodel_matrix.questions.narrow import next_points
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.questions.standing import standings

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.models.preflight.prediction import Prediction
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.standing import Standings
    from savedmodel_matrix.store.runs import Run


@dataclass(frozen=True)
class Narrowed:
    """How far the search has come: how every case stands where it was measured, and where to measure next."""

    found: Mapping[str, Standings]
    predictions: Mapping[tuple[CellId, str], Prediction]
    wanted: frozenset[str]
    """Environments."""


class UpgradeQuestion:
    """Rounds of releases to measure, until every change of an answer lies between two neighbours."""

    name = "upgrade"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the releases to measure now; None if the rest follows."""
        tried = {share.environment.id for each in before for share in each.shares}
        wanted = narrowed(asked.project, asked.plan, tried).wanted
        if asked.request.upgrade is not None and asked.request.upgrade.everything:
            wanted = frozenset(asked.plan.environments) - tried
        jobs = [
            job for job in pending(asked.project, asked.plan, Selection()) if job.cell.environment in wanted
        ]
        if not jobs:
            return None
        shares = shares_of(asked.plan, jobs)
        releases = [share.environment.tensorflow for share in shares]
        cases = count(len({job.case for job in jobs}), "case")
        return Round(
            self.name, len(before) + 1, shares, f"measuring {cases} in TensorFlow {joined(releases)}"
        )

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - everything that is left there
        """Run every case in one environment."""
        run_share(asked, asked.plan, environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome of every release and case so far."""
        run = matrix_run(asked.plan, asked.run, collect(asked.project, asked.plan, Selection()), number)
        return run.model_copy(update={"question": self.name})


def narrowed(project: Workspace, plan: Plan, tried: set[str]) -> Narrowed:
    """Return how far the search has come, from what is in the store.

    ``tried`` are environments in which this run measured; those of them without a result cannot have one.
    """
    collection = collect(project, plan, Selection())
    found = standings(project, plan, collection)
    facts = planned_facts(project, plan, collection.ready)
    predictions = predict_plan(project, plan, collection.ready, facts)
    wanted: set[str] = set()
    for case, own in found.items():
        points = [
            name
            for name in plan.environments
            if name not in plan.unavailable and (name in own.of or name not in tried)
        ]
        if len(points) < 2 or points[0] != plan.baseline.environment:
            continue
        wanted |= _next(plan, case, points, own, predictions)
    return Narrowed(found, predictions, frozenset(wanted))


def _next(
    plan: Plan,
    case: str,
    points: Sequence[str],
    own: Standings,
    predictions: Mapping[tuple[CellId, str], Prediction],
) -> set[str]:
    known = {at: own.of[name].answer for at, name in enumerate(points) if name in own.of}
    told = [_mark(predictions.get((CellId(name, plan.baseline.setting), case))) for name in points]
    chosen = next_points(len(points), known, lambda a, b: own.same(points[a], points[b]), told)
    return {points[at] for at in chosen}


def _mark(prediction: Prediction | None) -> Hashable:
    return None if prediction is None else (prediction.kind, prediction.stage)
