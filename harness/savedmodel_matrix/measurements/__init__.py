"""What can be measured in a cell, one file per kind.

Each kind's file defines which jobs a plan wants, what the recording's key depends on, what the probe is
asked to do, and how the recording is read (``interface.Measurement``). Packages add kinds through the
entry-point group ``savedmodel_matrix.measurements``.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.command import CommandMeasurement
from savedmodel_matrix.measurements.distribution import DistributionMeasurement
from savedmodel_matrix.measurements.elsewhere import ElsewhereMeasurement
from savedmodel_matrix.measurements.noise_floor import NoiseFloorMeasurement
from savedmodel_matrix.measurements.other_threads import OtherThreadsMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.measurements.outside import OutsideMeasurement
from savedmodel_matrix.measurements.re_export import ReExportMeasurement
from savedmodel_matrix.measurements.stage import StageMeasurement
from savedmodel_matrix.measurements.swapped import SwappedMeasurement
from savedmodel_matrix.measurements.trained import TrainedMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.measurements.interface import Measurement
    from savedmodel_matrix.store.results import Results

GROUP = "savedmodel_matrix.measurements"

MEASUREMENTS: tuple[Measurement, ...] = (
    StageMeasurement(),
    OutputsMeasurement(),
    TrainedMeasurement(),
    SwappedMeasurement(),
    NoiseFloorMeasurement(),
    OtherThreadsMeasurement(),
    DistributionMeasurement(),
    CheckMeasurement(),
    ReExportMeasurement(),
    OutsideMeasurement(),
    ElsewhereMeasurement(),
    CommandMeasurement(),
)


@cache
def added_measurements() -> dict[str, Measurement]:
    """Every kind from another package by name."""
    return {each.name: each for each in (point.load()() for point in entry_points(group=GROUP))}


@cache
def all_measurements() -> dict[str, Measurement]:
    """Every kind by name: those of this package, then those from other packages."""
    return {each.name: each for each in MEASUREMENTS} | added_measurements()


def measurement_of(job: Job) -> Measurement:
    """Return a job's kind."""
    return all_measurements()[job.measurement]


def work(plan: Plan, environment: str | None = None) -> Iterator[Job]:
    """Return every job that a plan wants, in one environment or in all."""
    for measurement in all_measurements().values():
        yield from measurement.jobs(plan, environment)
    yield from (job for job in plan.asked if environment in (None, job.cell.environment))


def recorded(results: Results, job: Job, key: str) -> Recording | None:
    """Return a job's recording under its key, whatever its outcome.

    None also if the recording does not match the type that its kind reads: the job then runs again.

    Raises:
        StoreError: if another version of this program wrote it.
    """
    recording = results.recording(key)
    try:
        if recording is not None and recording.is_recorded:
            measurement_of(job).read(recording, job)
    except ValueError:
        return None
    return recording
