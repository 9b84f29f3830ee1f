"""From what failed to what may mend it: the attempts that the store calls for, and models saved again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.launch import Launch, run_probe
from savedmodel_matrix.evidence.stages import given_by
from savedmodel_matrix.models.preflight.features import features_of
from savedmodel_matrix.planning.foresee import facts_of
from savedmodel_matrix.planning.ready import ReadyCase, model_folder
from savedmodel_matrix.questions.attempts import Failure, plan_remedies
from savedmodel_matrix.store.atomic import json_digest, read_json
from savedmodel_matrix.store.results import RECORDING_FORMAT
from savedmodel_matrix.verdicts.causes.match import find_causes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.plan import Environment, Plan
    from savedmodel_matrix.evidence.collect import Collected, Collection
    from savedmodel_matrix.evidence.stages import StageRecord
    from savedmodel_matrix.planning.project import Project
    from savedmodel_matrix.questions.attempts import Remedies
    from savedmodel_matrix.verdicts.causes.match import Match

#: Outcomes that a remedy may change. A crash or a time limit may have been the machine's.
_MENDABLE = {Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED}
_TIME_LIMIT_S = 600.0


@dataclass(frozen=True)
class Mending:
    """The remedies of a matrix, and what those that were tried came to."""

    remedies: Remedies
    tried: Collection
    done: bool
    """Whether every one that can be tried was."""


def causes_of(project: Project, plan: Plan, row: Collected, ready: ReadyCase | str | None) -> list[Match]:
    """Return what explains a failure, best first; nothing where it was recorded, or is unknown.

    ``ready`` is the failed case, whose model's own files confirm some causes.
    """
    if row.outcome is Outcome.RECORDED or row.recording is None:
        return []
    recording, facts = row.recording, facts_of(project, ready)
    return find_causes(
        row.outcome,
        recording["reason"],
        recording["traceback"],
        recording["log_tail"],
        plan.environments[row.cell.environment].tensorflow,
        frozenset() if facts is None else features_of(facts),
        producer=None if facts is None else facts.main.tensorflow_version or None,
    )


def remedies_for(project: Project, plan: Plan, collection: Collection) -> Remedies:
    """Return the attempts to mend what failed, with the plan that runs them."""
    trained = {
        row.case for row in collection.rows if row.cell == plan.baseline and row.outcome is Outcome.RECORDED
    }
    failures = []
    for row in collection.rows:
        if (
            row.required
            and row.outcome in _MENDABLE
            and (matches := causes_of(project, plan, row, collection.ready[row.case]))
        ):
            ready, target = collection.ready[row.case], None
            if row.case in trained and isinstance(ready, ReadyCase) and not plan.cases[row.case].function:
                folder = re_export_folder(project, plan, ready)
                target = folder.relative_to(project.root).as_posix()
            given = given_by(plan, row.case, collection.stages)
            if not _is_the_model_s(plan, row, collection.stages):
                given = None
            failures.append(Failure(row.cell, row.case, matches, target, given))

    def can_exist(environment: Environment) -> bool:
        why_not = project.releases.why_unavailable(
            environment.tensorflow, environment.build, platform_name(), environment.python
        )
        return why_not is None

    return plan_remedies(plan, failures, can_exist)


def _is_the_model_s(plan: Plan, row: Collected, stages: Sequence[StageRecord]) -> bool:
    """Whether it was the model that failed: the pipeline before it did not."""
    return any(
        stage.made is not None
        for stage in stages
        if (stage.cell, stage.case, stage.stage) == (row.cell, row.case, plan.cases[row.case].serving)
    )


def re_export_folder(project: Project, plan: Plan, ready: ReadyCase) -> Path:
    """Return where a model lies once the baseline's environment has saved it again, for inference alone."""
    name = json_digest({"model": ready.model_digest, "environment": plan.baseline.environment})
    return project.results.re_exports / name / "model"


def re_exports(project: Project, remedies: Remedies, collection: Collection) -> dict[str, Path]:
    """Return the models to save again that are not there yet: by case, where to."""
    plan = remedies.plan
    wanted = {}
    for attempt in remedies.attempts:
        target = project.root / plan.cases[attempt.variant].path
        ready = collection.ready[attempt.case]
        is_saved_again = target.is_relative_to(project.results.re_exports) and isinstance(ready, ReadyCase)
        if is_saved_again and not target.exists() and re_export_result(target) is None:
            wanted[attempt.case] = target
    return wanted


def re_export_result(target: Path) -> dict[str, Any] | None:
    """Return what became of saving a model again, or None where that was not tried."""
    return read_json(target.parent / "result.json", RECORDING_FORMAT)


def save_again(
    project: Project,
    plan: Plan,
    ready: Mapping[str, ReadyCase],
    wanted: Mapping[str, Path],
    python: Path,
    say: Callable[[str], None],
) -> None:
    """Have the baseline's interpreter save models again, each in a process and within limits of its own."""
    setting = plan.settings[plan.baseline.setting]
    launch = Launch(
        python=python,
        objects=project.results.objects,
        variables=setting.variables,
        cases=[_request(project, plan, ready[name], name, target) for name, target in wanted.items()],
        labels=[(str(python.parent.parent), "<environment>"), (str(project.root), "<project>")],
    )
    run_probe(launch, lambda result: say(f"re-export of {result['key']}: {_became(result)}"))


def _became(result: Mapping[str, Any]) -> str:
    return "saved" if result["outcome"] == Outcome.RECORDED else f"{result['outcome']}: {result['reason']}"


def _request(project: Project, plan: Plan, ready: ReadyCase, name: str, target: Path) -> dict[str, Any]:
    definition, setting = plan.cases[name], plan.settings[plan.baseline.setting]
    return {
        "result": str(target.parent / "result.json"),
        "key": name,
        "identity": {"case": name, "environment": plan.baseline.environment},
        "model": model_folder(project, ready),
        "loader": "saved_model",
        "imports": definition.imports,
        "modules": [],
        "libraries": [str(project.root / path) for path in definition.libraries],
        "tags": definition.tags,
        "signature": definition.signature,
        "function": None,
        "batches": [],
        "inputs_error": None,
        "setting": setting.model_dump(mode="json", exclude={"variables", "loader"}),
        "runs": 1,
        "time_limit_s": _TIME_LIMIT_S,
        "memory_limit_bytes": None,
        "floor": None,
        "stage": None,
        "check": None,
        "save_to": str(target),
    }
