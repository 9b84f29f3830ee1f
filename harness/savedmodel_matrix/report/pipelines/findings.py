"""What a pipeline passes to a model, compared with what the model's own files say about its inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.models.savedmodel.expected_inputs import expectations_of
from savedmodel_matrix.planning.ready import model_folder
from savedmodel_matrix.report.pipelines.document import FindingRow
from savedmodel_matrix.report.pipelines.stages import arrays_of
from savedmodel_matrix.verdicts.judge.input_findings import check_expectations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.expected_inputs import Expectations
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.report.pipelines.stages import Pipeline
    from savedmodel_matrix.verdicts.compare.elements import Array


def finding_rows(
    project: Workspace,
    plan: Plan,
    case: str,
    collection: Collection,
    pipelines: Mapping[str, Pipeline],
    read: Callable[[ArrayEntry], Array],
) -> list[FindingRow]:
    """Return what conflicts with the model's expectations, each finding once with the cells that show it."""
    expected = _expected(project, plan, case, collection)
    pipeline = pipelines.get(plan.cases[case].serving or "")
    if expected is None or pipeline is None:
        return []
    rows: dict[tuple[str, str], FindingRow] = {}
    for group in pipeline.groups:
        for tensors in arrays_of(group[0], read).values():
            for finding in check_expectations(expected, tensors):
                row = rows.setdefault(
                    (finding.id, finding.input),
                    FindingRow(
                        case=case,
                        cells=[],
                        id=finding.id,
                        input=finding.input,
                        confidence=finding.confidence.value,
                        says=finding.sentence,
                    ),
                )
                row.cells = list(dict.fromkeys([*row.cells, *(str(each.cell) for each in group)]))
    return list(rows.values())


def _expected(project: Workspace, plan: Plan, case: str, collection: Collection) -> Expectations | None:
    """Return what the model expects; None if it cannot be read, or if a function is called."""
    ready, definition = collection.ready[case], plan.cases[case]
    if not isinstance(ready, ReadyCase) or definition.function is not None:
        return None
    try:
        return expectations_of(Path(model_folder(project, ready)), definition.signature)
    except UnreadableModelError:
        return None
