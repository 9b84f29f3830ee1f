"""What the noise floor and power cost, beside what the baseline costs without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.store.results import Results

from benchmarks.verdicts.project import BASELINE, ORIGINALS, collected

if TYPE_CHECKING:
    from pathlib import Path


def costs(root: Path) -> list[dict[str, str | float]]:
    """Return what the baseline cell and each of its cases takes by itself, and with floor and power.

    The import of TensorFlow is shared by the cases of a cell, and by their floors.
    """
    plan, collection = collected(root, ORIGINALS)
    results = Results(root / "results")
    seconds: dict[str, dict[str, float]] = {}
    shared = 0.0
    for (environment, setting, case, kind, _), key in collection.keys:
        recording = results.recording(key) if key and f"{environment}/{setting}" == BASELINE else None
        if recording is None or kind not in ("outputs", "noise floor", "other threads"):
            continue
        spent = seconds.setdefault(case, dict.fromkeys(("own", "floor", "power"), 0.0))
        phases = {name: phase.wall_s for name, phase in recording.phases.items()}
        if kind == "outputs":
            spent["own"] += recording.seconds
            shared = phases.get("import", 0.0)
        else:
            spent["power"] += phases.get("power", 0.0)
            spent["floor"] += recording.seconds - phases.get("power", 0.0)
    total = {name: sum(each[name] for each in seconds.values()) for name in ("own", "floor", "power")}
    total["own"] += shared
    rows = {**{case: seconds[case] for case in plan.cases}, "the cell, with its import": total}
    return [
        {
            "baseline": case,
            "by itself, s": each["own"],
            "noise floor, s": each["floor"],
            "power, s": each["power"],
            "floor and power, x its own": (each["floor"] + each["power"]) / each["own"],
        }
        for case, each in rows.items()
    ]
