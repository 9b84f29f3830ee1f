"""Everything that a report is made from, as one digest: the same content needs no new report."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    import datetime as dt

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.evidence.collected import Collection

_PACKAGE = Path(__file__).parent.parent


def content_digest(plan: Plan, collection: Collection, today: dt.date) -> str:
    """Return the digest of everything a report reads: plan, outcomes, recordings, and this program itself.

    ``today`` matters if the definition contains dates.
    """
    return json_digest(
        {
            "program": program_digest(),
            "plan": {
                "matrix": plan.matrix,
                "baseline": str(plan.baseline),
                "environments": [[name, plan.included.get(name)] for name in plan.environments],
                "cases": {name: case.model_dump(mode="json") for name, case in plan.cases.items()},
                "settings": {name: each.model_dump(mode="json") for name, each in plan.settings.items()},
                "expectations": [
                    [expect.model_dump(mode="json"), expect.is_expired(today)] for expect in plan.expectations
                ],
                "noise_floor": plan.noise_floor.model_dump(mode="json") if plan.noise_floor else None,
                "remarks": plan.remarks,
                "added": [row.model_dump() for row in plan.added],
            },
            "rows": [
                [str(row.cell), row.case, row.outcome, row.reason, row.required, row.selected]
                for row in collection.rows
            ],
            "stages": [
                [str(each.cell), each.case, each.stage, each.outcome, each.reason]
                for each in collection.stages
            ],
            "checks": [
                [str(cell), case, name, check.required]
                for (cell, case, name), check in collection.checks.items()
            ],
            "recordings": sorted(collection.read),
            "remarks": collection.remarks,
            # Predictions, for example, come from a model's files and need no recording.
            "ready": {name: _ready(case) for name, case in collection.ready.items()},
            "environments": [
                state and state.model_dump(mode="json", exclude={"run", "executed"})
                for state in collection.states.values()
            ],
        }
    )


def _ready(case: ReadyCase | str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a prepared case without its batches: their digest represents them."""
    if isinstance(case, str):
        return case
    return case.model_dump(mode="json", exclude={"batches": True, "stages": {"__all__": {"batches"}}})


@cache
def program_digest() -> str:
    """Return a digest of this package's files, data included: another version may report differently.

    It uses sizes and modification times: reading every file takes longer than a run in which nothing changed.
    """
    found = []
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in {".py", ".json", ".toml"}:
            status = path.stat()
            found.append([path.relative_to(_PACKAGE).as_posix(), status.st_size, status.st_mtime_ns])
    return json_digest(found)
