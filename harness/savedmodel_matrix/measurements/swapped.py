"""The model on what another cell's pipeline made: whether it is the model that differs."""

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
        """Yield nothing: which inputs differ is known only after the pipelines ran, so a question asks."""
        yield from ()
