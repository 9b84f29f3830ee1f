"""Predictions for every cell and case before anything runs: preflight for a whole plan."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import LockError, UnreadableModelError
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Kind, Prediction, Stage, Target
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.planning.outside import not_missing, outside_files
from savedmodel_matrix.planning.ready import model_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.definition import CaseDefinition
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import OutsideFile
    from savedmodel_matrix.models.savedmodel.facts import ModelFacts
    from savedmodel_matrix.planning.workspace import Workspace

#: Outcomes that predictions cover. A failed install or import, or a timeout, says nothing about them.
_FORESEEABLE = {Outcome.RECORDED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED}


def predict_plan(
    project: Workspace, plan: Plan, ready: Mapping[str, ReadyCase | str | None]
) -> dict[tuple[CellId, str], Prediction]:
    """Return a prediction for every planned cell and case whose model can be read."""
    facts = planned_facts(project, plan, ready)
    files = {name: not_missing(_outside(project, ready.get(name), known)) for name, known in facts.items()}
    packages = {name: _packages(project, each) for name, each in plan.environments.items()}
    predictions = {}
    for job in plan.jobs():
        if job.case in facts:
            case, setting = plan.cases[job.case], plan.settings[job.cell.setting]
            target = Target(
                tensorflow=plan.environments[job.cell.environment].tensorflow,
                packages=packages[job.cell.environment],
                loader=Loader(setting.loader or case.loader),
                tags=None if case.tags is None else frozenset(case.tags),
                variables=setting.variables,
                deterministic=setting.deterministic,
                files=files[job.case],
            )
            predictions[job.cell, job.case] = predict(facts[job.case], target)
    return predictions


def planned_facts(
    project: Workspace, plan: Plan, ready: Mapping[str, ReadyCase | str | None]
) -> dict[str, ModelFacts]:
    """Return the facts of every case's model that can be read now."""
    return {
        name: known
        for name, case in plan.cases.items()
        if (known := facts_of(project, ready.get(name)) or _local(project, case)) is not None
    }


def _outside(project: Workspace, ready: ReadyCase | str | None, facts: ModelFacts) -> tuple[OutsideFile, ...]:
    return ready.outside if isinstance(ready, ReadyCase) else outside_files(project, facts)


def facts_of(project: Workspace, ready: ReadyCase | str | None) -> ModelFacts | None:
    """Return the facts of a case's model; None if it is missing or cannot be read."""
    if not isinstance(ready, ReadyCase):
        return None
    try:
        return _facts(model_folder(project, ready), ready.model_digest)
    except UnreadableModelError:
        return None


def _local(project: Workspace, case: CaseDefinition) -> ModelFacts | None:
    """Return the facts of a local model, for a case that is not prepared yet."""
    if case.package is not None:
        return None
    try:
        return read_facts(project.root / case.path)
    except UnreadableModelError:
        return None


@lru_cache(maxsize=1024)
def _facts(folder: str, _digest: str) -> ModelFacts:
    return read_facts(Path(folder))


def came_true(prediction: Prediction, outcome: Outcome) -> bool | None:
    """Whether the prediction was correct; None if the outcome neither confirms nor refutes it."""
    if outcome not in _FORESEEABLE:
        return None
    if prediction.kind is Kind.LOADS:
        return outcome is Outcome.RECORDED
    expected = Outcome.LOAD_FAILED if prediction.stage is Stage.LOAD else Outcome.RUN_FAILED
    return outcome is expected


def _packages(project: Workspace, environment: Environment) -> frozenset[str]:
    try:
        return frozenset(read_lock(project.lock_path(environment)).pins)
    except LockError:
        return frozenset()
