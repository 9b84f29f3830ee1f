"""The model in the baseline on the inputs from the training pipeline, as the reference for serving."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.plan import TRAIN
from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan


class TrainedMeasurement(ModelMeasurement):
    """Runs the model on the outputs of the stage ``train``."""

    name = "trained"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job in the baseline for every case with a training pipeline."""
        for job in plan.baseline_jobs(environment):
            if plan.cases[job.case].train is not None:
                yield replace(job, measurement=self.name)

    def taken_stage(self, plan: Plan, job: Job) -> str | None:  # noqa: ARG002 - always the same one
        """Return the training stage."""
        return TRAIN
