"""A check of session behaviour, in every cell of a case that asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import PARTS, RECIPES, Check, CheckPart
from savedmodel_matrix.domain.job import OUTPUTS
from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.measurements.of_model import ModelMeasurement
from savedmodel_matrix.measurements.other_threads import with_other_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.definition import SettingDefinition
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording


class CheckMeasurement(ModelMeasurement):
    """Runs the check named by ``job.variant``.

    ``threads`` and ``fresh-process`` are plain runs with another setting and in another process; their
    outputs are compared with the cell's own.
    """

    name = "check"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job for every check of every cell and case."""
        checks = {name: case.checks for name, case in plan.cases.items()}
        for job in plan.jobs(environment) if any(checks.values()) else ():
            for check in checks[job.case]:
                limit_s = job.limits.time_limit_s * RECIPES[check].time_factor
                limits = replace(job.limits, time_limit_s=limit_s)
                yield replace(job, measurement=self.name, variant=check.value, limits=limits)

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - the form of every kind
        """Return the check's parameters, or a plain run."""
        check = Check(job.variant)
        if check not in PARTS:
            return Measure(kind="outputs")
        parameters = {"name": check.value, **RECIPES[check].parameters}
        return Measure(kind="check", parameters=parameters)

    def setting(self, plan: Plan, job: Job) -> SettingDefinition:
        """Return the cell's setting; the check ``threads`` changes the number of threads."""
        setting = plan.settings[job.cell.setting]
        return with_other_threads(setting) if Check(job.variant) is Check.THREADS else setting

    def fresh_process(self, job: Job) -> bool:
        """Whether the check needs a process that shares nothing with another."""
        return Check(job.variant) is Check.FRESH_PROCESS

    def follows(self, plan: Plan, job: Job) -> Job:
        """Return the job for the cell's own outputs: if the model fails, there is nothing to check."""
        return replace(job, measurement=OUTPUTS, variant="", limits=plan.limits[job.cell, job.case])

    def read(self, recording: Recording, job: Job) -> CheckPart | None:
        """Return the check's result; None for the checks that are plain runs."""
        part = PARTS.get(Check(job.variant))
        return None if part is None else part.model_validate(recording.measured)
