"""Stages made ready: what each depends on, and the environment that it runs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from savedmodel_matrix.domain.plan import POSTPROCESS, Beside
from savedmodel_matrix.knowledge.releases import NEWEST_PROBED
from savedmodel_matrix.planning.stage_script import ScriptNeeds, package, stage_needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.domain.definition import CaseDefinition
    from savedmodel_matrix.domain.plan import Environment, Plan
    from savedmodel_matrix.models.inputs.make import Batch
    from savedmodel_matrix.planning.project import Project
    from savedmodel_matrix.planning.ready import ReadyCase

#: The oldest Python that uv provides by itself.
_OLDEST = (3, 8)
#: The probe reads and writes arrays with it.
_NEEDED = "numpy"


@dataclass(frozen=True)
class ReadyStage:
    """A stage that can be handed to any environment.

    ``code`` holds the digests of its files by path, None for what cannot be read. ``needs`` are requirements
    of its own, None where it runs in the cell's environment. ``batches`` are inputs of its own, with their
    digest, or ``inputs_problem`` why they could not be made.
    """

    code: dict[str, str | None]
    needs: ScriptNeeds | None
    batches: list[Batch] | None
    inputs_digest: str | None
    inputs_problem: str | None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the stage that ``dataclasses.asdict`` made JSON of."""
        needs = stored["needs"]
        found = None if needs is None else ScriptNeeds(tuple(needs["dependencies"]), needs["requires_python"])
        return cls(**{**stored, "needs": found})


def beside_of(environment: Environment, needs: ScriptNeeds | None) -> Beside | None:
    """Return the environment that a stage with these needs runs in beside a cell's; None for the cell's own.

    Its Python is the cell's where the stage runs on that, else the newest that it runs on.
    """
    if needs is None:
        return None
    minors = [environment.python, *(f"3.{minor}" for minor in range(NEWEST_PROBED[1], _OLDEST[1] - 1, -1))]
    python = next((minor for minor in minors if needs.runs_on(minor)), environment.python)
    # A pin of the matrix stands for what the file says of the same package; the others pin those of others.
    found = {package(text): text for text in (_NEEDED, *needs.dependencies)}
    found |= {package(text): text for text in environment.beside if package(text) in found}
    return Beside(python, tuple(found[name] for name in sorted(found)), environment.provisional)


def besides(project: Project, plan: Plan, environment: Environment) -> Iterator[Beside]:
    """Yield every environment that stages of a plan need beside one of its cells', each once."""
    found = set()
    for case in {job.case for job in plan.jobs(environment.id)}:
        for stage in plan.cases[case].stages.values():
            beside = beside_of(environment, stage_needs(project.root, stage))
            if beside is not None and beside not in found:
                found.add(beside)
                yield beside


def stage_request(project: Project, case: CaseDefinition, name: str, ready: ReadyCase) -> dict[str, Any]:
    """Return a stage in the probe's own words."""
    stage = case.stages[name]
    return {
        "name": name,
        "file": str(project.root / stage.file) if stage.file else None,
        "module": stage.module,
        "function": stage.function,
        "modules": [str(project.root / path) for path in stage.modules],
        "reads": [str(project.root / path) for path in stage.reads],
        "root": str(project.root),
        "expects": None if name == POSTPROCESS else ready.expects,
    }
