"""The model on the inputs from another cell's pipeline: does the model itself differ?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan


class SwappedMeasurement(ModelMeasurement):
    """Runs the model on ``job.given``."""

    name = "swapped"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:  # noqa: ARG002 - asks nothing
        """Yield nothing: a question adds jobs once the pipelines have run and their inputs differ."""
        yield from ()
