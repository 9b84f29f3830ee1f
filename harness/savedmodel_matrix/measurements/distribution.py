"""The distribution of a case's random outputs: many runs in every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.distribution import DistributionPart
from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording


class DistributionMeasurement(ModelMeasurement):
    """Runs the model many times, and keeps a sample of each output."""

    name = "distribution"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:  # noqa: ARG002 - asks nothing
        """Yield nothing: a question adds the jobs for cases with random outputs."""
        yield from ()

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - the form of every kind
        """Return the number of runs, and the time that they may take."""
        return Measure(kind="distribution", parameters=plan.random.model_dump(mode="json"))

    def read(self, recording: Recording, job: Job) -> DistributionPart:  # noqa: ARG002 - as above
        """Return the samples."""
        return DistributionPart.model_validate(recording.measured)
