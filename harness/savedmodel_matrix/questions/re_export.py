"""Models saved again for inference alone, by the baseline's interpreter: one of the fixes that are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments.launch import Launch, run_probe
from savedmodel_matrix.planning.ready import ReadyCase, model_folder
from savedmodel_matrix.store.atomic import json_digest, read_json
from savedmodel_matrix.store.results import RECORDING_FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collect import Collection
    from savedmodel_matrix.planning.project import Project
    from savedmodel_matrix.questions.attempts import Remedies

_TIME_LIMIT_S = 600.0


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
