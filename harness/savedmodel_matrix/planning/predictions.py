"""Predictions for every cell and case before anything runs: preflight for a whole plan."""

from __future__ import annotations

from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from savedmodel_matrix.domain.errors import LockError, NoModelError, UnreadableModelError
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.environments.host import cpu_flags, host_facts, platform_name
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.models.inputs.misfit import misfit_of
from savedmodel_matrix.models.preflight.predict import knowledge, predict
from savedmodel_matrix.models.preflight.prediction import (
    Confidence,
    Finding,
    Kind,
    Prediction,
    Stage,
    Target,
    conclude,
)
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.reader import Kind as TensorKind
from savedmodel_matrix.models.savedmodel.reader import TensorSpec
from savedmodel_matrix.planning.outside import not_missing, outside_files
from savedmodel_matrix.planning.ready import model_folder, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.specifiers import SpecifierSet

    from savedmodel_matrix.domain.arrays import InputPart
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.definition import CaseDefinition
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import OutsideFile
    from savedmodel_matrix.models.savedmodel.facts import ModelFacts
    from savedmodel_matrix.planning.workspace import Workspace

#: Outcomes that predictions cover. A failed install or import, or a timeout, says nothing about them.
_FORESEEABLE = {Outcome.RECORDED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED}
#: Modules that register no ops but TensorFlow's own.
_WITHOUT_OPS = {"tensorflow", "keras", "tf_keras"}


def predict_plan(
    project: Workspace,
    plan: Plan,
    ready: Mapping[str, ReadyCase | str | None],
    facts: Mapping[str, ModelFacts],
) -> dict[tuple[CellId, str], Prediction]:
    """Return a prediction for every planned cell and case whose model can be read.

    ``facts`` are the ``planned_facts``. A model is predicted once for all cells and cases in which nothing
    differs that matters.
    """
    files = {name: not_missing(_outside(project, ready.get(name), known)) for name, known in facts.items()}
    packages = {name: installed_packages(project, each) for name, each in plan.environments.items()}
    misfits = {name: _misfit(project, plan.cases[name], ready.get(name)) for name in facts}
    same: dict[tuple[Any, ...], Prediction] = {}
    predictions = {}
    broken = {
        name: _broken(project, case, ready.get(name))
        for name, case in plan.cases.items()
        if name not in facts
    }
    for job in plan.jobs():
        if job.case not in facts:
            if (found := broken[job.case]) is not None:
                predictions[job.cell, job.case] = found
            continue
        case, setting = plan.cases[job.case], plan.settings[job.cell.setting]
        environment, loader = job.cell.environment, setting.loader or case.loader
        tags = None if case.tags is None else frozenset(case.tags)
        imports, brings = frozenset(case.imports), _brings(case)
        called = (case.signature, case.function, case.endpoint, tuple(sorted(case.arguments.items())))
        given = _given(case, ready.get(job.case))
        elsewhere = setting.jit_compile or (host_facts()["gpus"] != "none" and setting.device != "cpu")
        run_time = (
            loader,
            tags,
            frozenset(setting.variables.items()),
            setting.deterministic,
            setting.grappler,
            elsewhere,
            called,
        )
        asked = (
            id(facts[job.case]),
            environment,
            *run_time,
            imports,
            brings,
            files[job.case],
            _key(given),
            misfits[job.case],
        )
        if asked not in same:
            target = Target(
                tensorflow=plan.environments[environment].tensorflow,
                packages=packages[environment],
                loader=Loader(loader),
                tags=tags,
                variables=setting.variables,
                deterministic=setting.deterministic,
                platform=platform_name(),
                imports=imports,
                brings=brings,
                files=files[job.case],
                signature=case.signature,
                function=case.function,
                arguments=case.arguments,
                batches=given,
                endpoint=case.endpoint,
                cpu_flags=cpu_flags(),
                grappler=setting.grappler,
                misfit=None if elsewhere else misfits[job.case],
                computes_elsewhere=elsewhere,
            )
            same[asked] = predict(facts[job.case], target)
        predictions[job.cell, job.case] = same[asked]
    return predictions


def planned_facts(
    project: Workspace, plan: Plan, ready: Mapping[str, ReadyCase | str | None]
) -> dict[str, ModelFacts]:
    """Return the facts of every case's model that can be read now; each model is read once."""
    local = cache(partial(_local, project))
    return {
        name: known
        for name, case in plan.cases.items()
        if (known := facts_of(project, ready.get(name)) or local(case.package, case.path)) is not None
    }


def _outside(project: Workspace, ready: ReadyCase | str | None, facts: ModelFacts) -> tuple[OutsideFile, ...]:
    return ready.outside if isinstance(ready, ReadyCase) else outside_files(project, facts)


def _broken(project: Workspace, case: CaseDefinition, ready: ReadyCase | str | None) -> Prediction | None:
    """Return the prediction for a model that is damaged or none at all; None if that is not known."""
    if not isinstance(ready, ReadyCase) and case.package is not None:
        return None
    folder = ready.model if isinstance(ready, ReadyCase) else case.path
    if not (project.root / folder).exists():
        return None
    try:
        read_facts(project.root / folder)
    except NoModelError as error:
        return conclude([Finding(reason_of(project, error))], (), Confidence.HIGH)
    except UnreadableModelError:
        return None
    return None


def _misfit(project: Workspace, case: CaseDefinition, ready: ReadyCase | str | None) -> str | None:
    """Return why the case's inputs do not fit what it calls; None if that is not known before it runs."""
    if not isinstance(ready, ReadyCase) or case.serving is not None:
        return None
    if ready.inputs_problem is not None or ready.batches is None or case.function is not None:
        return ready.inputs_problem
    return misfit_of(Path(model_folder(project, ready)), case.signature, ready.batches, project.results.array)


def facts_of(project: Workspace, ready: ReadyCase | str | None) -> ModelFacts | None:
    """Return the facts of a case's model; None if it is missing or cannot be read."""
    if not isinstance(ready, ReadyCase):
        return None
    try:
        return _facts(model_folder(project, ready), ready.model_digest)
    except UnreadableModelError:
        return None


def _local(project: Workspace, package: str | None, path: str) -> ModelFacts | None:
    """Return the facts of a local model, for a case that is not prepared yet."""
    if package is not None:
        return None
    try:
        return read_facts(project.root / path)
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


def installed_packages(project: Workspace, environment: Environment) -> Mapping[str, str]:
    """Return the versions of an environment's packages.

    Until it is resolved, those that the definition names, with "" for a version that it does not pin.
    """
    try:
        return read_lock(project.lock_path(environment)).pins
    except LockError:
        named = map(Requirement, environment.requirements)
        return {each.name: _pinned(each.specifier) for each in named}


def _pinned(versions: SpecifierSet) -> str:
    exact = [each.version for each in versions if each.operator == "==" and "*" not in each.version]
    return exact[0] if exact else ""


def _given(case: CaseDefinition, ready: ReadyCase | str | None) -> tuple[Mapping[str, TensorSpec], ...]:
    """Return the types and shapes of a function's inputs, for each distinct batch of an unstaged case."""
    if case.function is None or case.serving or not isinstance(ready, ReadyCase):
        return ()
    found = ({part.name: _spec(part) for part in batch if _is_whole(part)} for batch in ready.batches or ())
    return tuple({_key([each]): each for each in found}.values())


#: The component of a sparse or ragged input that has its element type.
_VALUES = {None: TensorKind.DENSE, "values": TensorKind.SPARSE, "flat_values": TensorKind.RAGGED}


def _is_whole(part: InputPart) -> bool:
    return part.component in _VALUES


def _spec(part: InputPart) -> TensorSpec:
    shape = part.array.shape if part.component is None else None
    return TensorSpec(dtype=part.array.dtype, shape=shape, kind=_VALUES[part.component])


def _key(batches: Iterable[Mapping[str, TensorSpec]]) -> tuple[tuple[tuple[str, TensorSpec], ...], ...]:
    return tuple(tuple(sorted(each.items(), key=lambda item: item[0])) for each in batches)


def _brings(case: CaseDefinition) -> tuple[str, ...]:
    """Return the case's code that may register ops which are not known here."""
    own = [Path(each).name for each in (*case.libraries, *case.modules)]
    known = {*_WITHOUT_OPS, *knowledge().packages.modules}
    return (*own, *(each for each in case.imports if each.partition(".")[0] not in known))
