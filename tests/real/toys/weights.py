"""A measurement in one file: how many variables the model reads. ``weights_probe.py`` is its probe side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.measurements.of_model import ModelMeasurement


class WeightsPart(Stored):
    variables: int


class WeightsMeasurement(ModelMeasurement):
    name = "weights"

    def jobs(self, plan, environment=None):
        for job in plan.jobs(environment):
            yield replace(job, measurement=self.name)

    def measure(self, plan, job):
        program = Path(__file__).with_name("weights_probe.py")
        return Measure(kind="weights", program=str(program), parameters={"at_least": 1})

    def read(self, recording, job):
        return WeightsPart.model_validate(recording.measured)

    def says(self, recording, job):
        return [f"{job.case}: {self.read(recording, job).variables} variables in {job.cell}"]
