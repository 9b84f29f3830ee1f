"""Everything that a report is made from, as one digest: the same content needs no new report."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.environments.host import host_fingerprint
from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.environments.state import EnvironmentState
    from savedmodel_matrix.evidence.collected import Collection, JobName

_PACKAGE = Path(__file__).parent.parent


def content_digest(plan: Plan, collection: Collection, today: dt.date) -> str:
    """Return the digest of everything a report reads: plan, outcomes, recordings, and this program itself.

    ``today`` matters if the definition contains dates.
    """
    return json_digest(
        {
            **_premises(plan, collection.states, collection.ready, today),
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
        }
    )


def premises_digest(
    plan: Plan,
    selection: Selection,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
    keys: Sequence[tuple[JobName, str | None]],
    today: dt.date,
) -> str:
    """Return the digest of everything that a collection and its report depend on, except stored recordings.

    The keys of this package's measurements follow from it; to compute them takes longer than all the rest.
    ``keys`` holds those of other packages' measurements, which may depend on anything. If this digest and the
    recordings are the same, ``content_digest`` is.
    """
    return json_digest(
        {
            **_premises(plan, states, ready, today),
            "unavailable": dict(plan.unavailable),
            "excluded": [[str(cell), case, reason] for (cell, case), reason in plan.excluded.items()],
            "selected": [selection.cells, selection.cases],
            "isolate": plan.isolate,
            "host": host_fingerprint(),
            "keys": keys,
        }
    )


def _premises(
    plan: Plan,
    states: Mapping[str, EnvironmentState | None],
    ready: Mapping[str, ReadyCase | str],
    today: dt.date,
) -> dict[str, Any]:
    return {
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
            "power": plan.power.model_dump(mode="json"),
            "random": plan.random.model_dump(mode="json"),
            "remarks": plan.remarks,
            "added": [row.model_dump() for row in plan.added],
        },
        # Predictions, for example, come from a model's files and need no recording.
        "ready": {name: _ready(case) for name, case in ready.items()},
        "environments": [
            state and state.model_dump(mode="json", exclude={"run", "executed"}) for state in states.values()
        ],
    }


def _ready(case: ReadyCase | str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a prepared case without its batches: their digest represents them."""
    if isinstance(case, str):
        return case
    return case.model_dump(mode="json", exclude={"batches": True, "stages": {"__all__": {"batches"}}})


@cache
def program_digest() -> str:
    """Return a digest of the files of this package and of its plugins, data included.

    Other code may report the same recordings differently. The digest uses sizes and modification times:
    reading every file takes longer than a run in which nothing changed.
    """
    return json_digest([_files(_PACKAGE), *(_files(path) for path in _plugins())])


def _plugins() -> list[Path]:
    """Return the modules and packages that offer entry points of ours. None of them is imported."""
    names = {
        point.module.partition(".")[0]
        for group in entry_points().groups
        if group.startswith("savedmodel_matrix.")
        for point in entry_points(group=group)
    }
    specs = [find_spec(name) for name in sorted(names - {"savedmodel_matrix"})]
    return [
        Path(place)
        for spec in specs
        if spec
        for place in spec.submodule_search_locations or [spec.origin or ""]
    ]


def _files(path: Path) -> list[tuple[str, int, int]]:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = []
    for file in files:
        if file.suffix in {".py", ".json", ".toml"}:
            status = file.stat()
            found.append((file.relative_to(path.parent).as_posix(), status.st_size, status.st_mtime_ns))
    return found
