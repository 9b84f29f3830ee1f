"""The model's outputs: the recording of every cell and case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.job import OUTPUTS
from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan


class OutputsMeasurement(ModelMeasurement):
    """Runs the model on the case's inputs, or on the outputs of the stage before it."""

    name = OUTPUTS

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job for every cell and case."""
        return plan.jobs(environment)
