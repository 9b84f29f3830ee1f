"""The noise floor: replicates of the baseline with inputs and weights moved by one unit in the last place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.noise_floor import NoiseFloorPart
from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording

#: A case's time limit covers loading and a few runs; here it runs dozens of times.
_TIME_FACTOR = 10


class NoiseFloorMeasurement(ModelMeasurement):
    """Runs the model as for the plain outputs, then once per replicate."""

    name = "noise floor"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job in the baseline for every case, unless the matrix disables the noise floor."""
        if plan.noise_floor is None:
            return
        for job in plan.baseline_jobs(environment):
            limits = replace(job.limits, time_limit_s=job.limits.time_limit_s * _TIME_FACTOR)
            yield replace(job, measurement=self.name, limits=limits)

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - the form of every kind
        """Return the matrix's number of replicates, their seed, and the time for changes of weights."""
        asked = plan.noise_floor
        parameters = asked.model_dump(mode="json") if asked else {}
        return Measure(kind="noise_floor", parameters={**parameters, "power_seconds": plan.power.seconds})

    def read(self, recording: Recording, job: Job) -> NoiseFloorPart:  # noqa: ARG002 - as above
        """Return the spread of the replicates."""
        return NoiseFloorPart.model_validate(recording.measured)
