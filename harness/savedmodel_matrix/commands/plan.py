"""The dry run: which environments, cells and cases would run, which are recorded, and the download size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.commands.plan_document import (
    ExcludedCell,
    PlanDocument,
    PlannedEnvironment,
    PlannedStages,
    PredictedCase,
)
from savedmodel_matrix.commands.plan_text import render_plan
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.uncollected import uncollected
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import current_installation, pending
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.noise_floor import NoiseFloorMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.models.preflight.self_contained import not_self_contained
from savedmodel_matrix.planning.besides import besides
from savedmodel_matrix.planning.locking import lock_status
from savedmodel_matrix.planning.predictions import planned_facts, predict_plan
from savedmodel_matrix.planning.ready import find_all_ready
from savedmodel_matrix.questions.fixes import search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.models.preflight.prediction import Prediction
    from savedmodel_matrix.planning.workspace import Workspace

__all__ = ["describe_plan", "render_plan"]


@uncollected()
def describe_plan(project: Workspace, plan: Plan, selection: Selection) -> PlanDocument:
    """Return what a run of the plan would do now. Nothing is installed, downloaded or run."""
    ready = find_all_ready(project, plan.cases)
    waiting = pending(project, plan, selection, ready)
    jobs = list(plan.jobs())
    counts = _Counts(
        selected=Counter(job.cell.environment for job in jobs if selection.wants(job)),
        to_run=_of(OutputsMeasurement.name, waiting),
        noise_floors=_of(NoiseFloorMeasurement.name, waiting),
        checks=_of(CheckMeasurement.name, waiting),
    )
    predicted: dict[str, list[PredictedCase]] = {}
    facts = planned_facts(project, plan, ready)
    for (cell, case), prediction in predict_plan(project, plan, ready, facts).items():
        predicted.setdefault(cell.environment, []).append(_predicted(cell, case, prediction))
    included = {job.cell.environment for job in jobs}
    return PlanDocument(
        matrix=plan.matrix,
        baseline=str(plan.baseline),
        settings=list(plan.settings),
        cases=list(plan.cases),
        environments=[
            _environment(project, plan, environment, counts, predicted, is_included=name in included)
            for name, environment in plan.environments.items()
        ],
        excluded=[
            ExcludedCell(cell=str(cell), case=case, reason=reason)
            for (cell, case), reason in plan.excluded.items()
        ],
        replicates=plan.noise_floor.replicates if plan.noise_floor else None,
        # Looking for failures prepares cases, and a dry run must not fetch missing packages.
        fixes_to_try=0 if None in ready.values() else len(_attempts_left(project, plan)),
        to_run=counts.to_run.total(),
        recorded=counts.selected.total() - counts.to_run.total(),
        not_self_contained=[
            f"case {name}: {said}"
            for name, known in facts.items()
            if (said := not_self_contained(known.outside))
        ],
        remarks=list(plan.remarks),
    )


@dataclass(frozen=True)
class _Counts:
    """Jobs by environment."""

    selected: Counter[str]
    to_run: Counter[str]
    noise_floors: Counter[str]
    checks: Counter[str]


def _of(measurement: str, jobs: Sequence[Job]) -> Counter[str]:
    return Counter(job.cell.environment for job in jobs if job.measurement == measurement)


def _environment(
    project: Workspace,
    plan: Plan,
    environment: Environment,
    counts: _Counts,
    predicted: Mapping[str, list[PredictedCase]],
    *,
    is_included: bool,
) -> PlannedEnvironment:
    name = environment.id
    found = PlannedEnvironment(
        environment=name,
        status="unavailable" if name in plan.unavailable else "planned" if is_included else "excluded",
        unavailable=plan.unavailable.get(name),
        included_because=plan.included.get(name),
        to_run=counts.to_run[name],
        selected=counts.selected[name],
        noise_floors=counts.noise_floors[name],
        checks=counts.checks[name],
        predictions=predicted.get(name, []),
        stage_environments=[
            PlannedStages(environment=beside.id, lock=lock_status(project, beside)[0])
            for beside in besides(project, plan, environment)
        ],
    )
    if found.status != "planned":
        return found
    lock, problem, download = lock_status(project, environment)
    return found.model_copy(
        update={
            "interpreter": find_interpreter(environment.python) is not None,
            "lock": lock,
            "lock_problem": problem,
            "installed": current_installation(project, environment, plan) is not None,
            "download_mb": download,
        }
    )


def _predicted(cell: CellId, case: str, prediction: Prediction) -> PredictedCase:
    return PredictedCase(
        setting=cell.setting,
        case=case,
        kind=prediction.kind,
        stage=prediction.stage,
        because=list(prediction.because),
        needs=list(prediction.needs),
        confidence=prediction.confidence,
    )


def _attempts_left(project: Workspace, plan: Plan) -> list[Job]:
    return search(project, plan, collect(project, plan, Selection())).jobs
