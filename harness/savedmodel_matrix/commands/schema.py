"""JSON Schemas for editors and scripts, generated from the types that read and write the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from savedmodel_matrix.commands.inspect_document import InspectDocument
from savedmodel_matrix.commands.plan_document import PlanDocument
from savedmodel_matrix.domain.definition import Definition
from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.report.document import Report
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

_SCHEMAS: dict[str, type[BaseModel]] = {
    "matrix.schema.json": Definition,
    "report.schema.json": Report,
    "plan.schema.json": PlanDocument,
    "inspect.schema.json": InspectDocument,
}


def write_schemas(folder: Path, *, check: bool) -> list[str]:
    """Write the schemas, or with ``check`` only compare them; return what was done.

    Raises:
        HarnessError: with ``check``, if a file is out of date.
    """
    stale = []
    for name, model in _SCHEMAS.items():
        text = json.dumps(model.model_json_schema(), indent=1, ensure_ascii=False) + "\n"
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            write_text(path, text)
    if check and stale:
        raise HarnessError(f"out of date in {folder}: {', '.join(stale)}")
    return [f"{'wrote' if name in stale else 'up to date:'} {folder / name}" for name in _SCHEMAS]
