"""The model exported again by the baseline's TensorFlow for inference only, without training objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.measurements.of_model import ModelMeasurement
from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.probe_request import CaseRequest
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.measurements.interface import Site
    from savedmodel_matrix.planning.workspace import Workspace

_TIME_LIMIT_S = 600.0


class ReExportMeasurement(ModelMeasurement):
    """Loads the model and saves it to a folder in ``results/re-exports`` without running it."""

    name = "re-export"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:  # noqa: ARG002 - asks nothing
        """Yield nothing: a question adds the job if a model fails to load."""
        yield from ()

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - the form of every kind
        """Return what determines the key; ``ask`` adds the folder."""
        return Measure(kind="re_export")

    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return the request, with the folder."""
        target = re_export_folder(site.project, site.plan, site.ready)
        asked = super().ask(site, replace(job, limits=replace(job.limits, time_limit_s=_TIME_LIMIT_S)), key)
        measure = Measure(kind="re_export", parameters={"save_to": str(target)})
        return asked.model_copy(
            update={
                "measure": measure,
                "loader": "saved_model",
                "modules": (),
                "batches": (),
                "inputs_error": None,
                "runs": 1,
            }
        )


def re_export_folder(project: Workspace, plan: Plan, ready: ReadyCase) -> Path:
    """Return the folder of a model that the baseline's environment has exported again."""
    name = json_digest({"model": ready.model_digest, "environment": plan.baseline.environment})
    return project.results.re_exports / name / "model"
