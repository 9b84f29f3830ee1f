"""The baseline with a different number of threads: any difference is noise by definition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.environments.host import usable_cpus
from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.definition import SettingDefinition
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan


class OtherThreadsMeasurement(ModelMeasurement):
    """Runs the model as for the plain outputs, with a different number of threads."""

    name = "other threads"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job in the baseline for every case, unless the matrix disables the noise floor."""
        if plan.noise_floor is None:
            return
        for job in plan.baseline_jobs(environment):
            yield replace(job, measurement=self.name)

    def setting(self, plan: Plan, job: Job) -> SettingDefinition:
        """Return the cell's setting with a different number of threads."""
        return with_other_threads(plan.settings[job.cell.setting])


def with_other_threads(setting: SettingDefinition) -> SettingDefinition:
    """Return the setting with a number of threads that splits work differently, e.g. one instead of many."""
    is_single = (setting.intra_op_threads or usable_cpus()) == 1
    threads = 2 if is_single else 1
    return setting.model_copy(update={"intra_op_threads": threads, "inter_op_threads": threads})
