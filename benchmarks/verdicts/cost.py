"""What the noise floor and power cost, beside what the baseline costs without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.evidence.recorded import Evidence
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.noise_floor import NoiseFloorMeasurement
from savedmodel_matrix.measurements.other_threads import OtherThreadsMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.planning.workspace import Workspace

from benchmarks.verdicts.project import BASELINE, ORIGINALS

if TYPE_CHECKING:
    from pathlib import Path

_FLOOR = (NoiseFloorMeasurement.name, OtherThreadsMeasurement.name)


def costs(root: Path, matrix: str = ORIGINALS) -> list[dict[str, str | float]]:
    """Return what the baseline cell and each of its cases takes by itself, and with floor and power.

    The import of TensorFlow is shared by the cases of a cell, and by their floors.
    """
    project = Workspace(root)
    plan = project.plan(matrix)
    evidence = Evidence(project, plan, Selection())
    seconds = {case: dict.fromkeys(("own", "floor", "power"), 0.0) for case in plan.cases}
    shared = 0.0
    for job in work(plan):
        recording = evidence.recording(job) if str(job.cell) == BASELINE else None
        if recording is None:
            continue
        spent = seconds[job.case]
        phases = {name: phase.wall_s for name, phase in recording.phases.items()}
        if job.measurement == OutputsMeasurement.name:
            spent["own"] += recording.seconds
            shared = phases.get("import", 0.0)
        elif job.measurement in _FLOOR:
            spent["power"] += phases.get("power", 0.0)
            spent["floor"] += recording.seconds - phases.get("power", 0.0)
    total = {name: sum(each[name] for each in seconds.values()) for name in ("own", "floor", "power")}
    total["own"] += shared
    return [
        {
            "baseline": case,
            "by itself, s": each["own"],
            "noise floor, s": each["floor"],
            "power, s": each["power"],
            "floor and power, x its own": (each["floor"] + each["power"]) / each["own"],
        }
        for case, each in {**seconds, "the cell, with its import": total}.items()
    ]
