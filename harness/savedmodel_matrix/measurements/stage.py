"""A stage: the pipeline before or after the model, run alone, in the cell's or in a separate environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.job import OUTPUTS
from savedmodel_matrix.domain.plan import POSTPROCESS, TRAIN
from savedmodel_matrix.domain.probe_request import CaseRequest, Measure, OutputsOf, SettingRequest
from savedmodel_matrix.domain.secrets import masked
from savedmodel_matrix.domain.stage import StagePart
from savedmodel_matrix.measurements.interface import Depends, Measurement
from savedmodel_matrix.measurements.keys import identity_of, key_of, source_files
from savedmodel_matrix.planning.besides import beside_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.environment import Beside
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.measurements.interface import Site

#: Suffix of the variant of a stage that runs once more in another process.
AGAIN = ", again"


class StageMeasurement(Measurement):
    """Runs the stage that ``job.variant`` names; with the suffix ``AGAIN``, in another process."""

    name = "stage"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job for every stage of every cell and case, unless the case is given inputs."""
        stages = {name: tuple(case.stages) for name, case in plan.cases.items()}
        for job in plan.jobs(environment) if any(stages.values()) else ():
            for stage in stages[job.case] if job.given is None else ():
                yield replace(job, measurement=self.name, variant=stage)

    def takes(self, plan: Plan, job: Job) -> Job | None:
        """Return the job of the model's outputs, for the stage after it."""
        if stage_of(job) != POSTPROCESS:
            return None
        return replace(job, measurement=OUTPUTS, variant="", limits=plan.limits[job.cell, job.case])

    def beside(self, site: Site, job: Job) -> Beside | None:
        """Return the environment of a stage with its own requirements."""
        return beside_of(site.plan.environments[job.cell.environment], site.ready.stages[stage_of(job)].needs)

    def depends_on(self, site: Site, job: Job) -> Depends:
        """Return the stage's code, inputs and setting. A setting does not apply in a separate environment."""
        case, name = site.plan.cases[job.case], stage_of(job)
        stage, made = case.stages[name], site.ready.stages[name]
        taken = self.takes(site.plan, job)
        asked: dict[str, Any] = {
            "stage": stage.function,
            "place": stage.module or stage.file,
            "runs": case.runs,
            "code": list(made.code.items()),
            "expects": self._expects(site, name),
            "again": job.variant.endswith(AGAIN),
            "parts": self.runs_parts(site, job),
            "variables": dict(self.variables(site, job)),
            "fresh_process": self.fresh_process(job),
        }
        inputs = key_of(site, taken) if taken else made.inputs_digest or site.ready.inputs_digest
        return Depends("", inputs, asked, self._options(site, job))

    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return the whole request."""
        plan, project, name = site.plan, site.project, stage_of(job)
        case, setting, made = plan.cases[job.case], plan.settings[job.cell.setting], site.ready.stages[name]
        stage, beside, taken = case.stages[name], self.beside(site, job), self.takes(plan, job)
        batches: Any = site.ready.batches
        problem = site.ready.inputs_problem
        if taken is not None:
            path = project.results.recording_path(key_of(site, taken))
            batches = OutputsOf(name="the model", outputs_of=str(path))
        elif made.inputs_digest is not None:
            batches, problem = made.batches, made.inputs_problem
        options = self._options(site, job)
        return CaseRequest(
            result=str(project.results.recording_path(key)),
            key=key,
            identity={
                **identity_of(site, job, beside),
                "beside": beside.id if beside else None,
                "code": dict(made.code),
                "options": {**options, "variables": dict(masked(setting.variables))} if options else {},
            },
            measure=Measure(
                kind="stage",
                parameters={
                    "name": name,
                    "file": str(project.root / stage.file) if stage.file else None,
                    "module": stage.module,
                    "function": stage.function,
                    "modules": [str(project.root / path) for path in stage.modules],
                    "reads": [str(project.root / path) for path in stage.reads],
                    "root": str(project.root),
                    "expects": self._expects(site, name),
                    "parts": self.runs_parts(site, job),
                },
            ),
            fresh_process=self.fresh_process(job),
            setting=SettingRequest(**setting.model_dump(exclude={"variables", "loader"})),
            batches=batches,
            inputs_error=problem,
            runs=case.runs,
            time_limit_s=job.limits.time_limit_s,
            memory_limit_bytes=job.limits.memory_limit_bytes,
            sources=source_files(site, stage.code),
        )

    def read(self, recording: Recording, job: Job) -> StagePart:  # noqa: ARG002 - the form of every kind
        """Return what was observed of the stage in addition to its outputs; empty if it never started."""
        return StagePart() if recording.measured is None else StagePart.model_validate(recording.measured)

    def fresh_process(self, job: Job) -> bool:  # noqa: ARG002 - for kinds to override
        """Whether the job starts an interpreter of its own."""
        return False

    def runs_parts(self, site: Site, job: Job) -> bool:
        """Whether the stage also runs on parts of each batch: where training and serving are compared."""
        case = site.plan.cases[job.case]
        return case.train is not None and stage_of(job) in (TRAIN, case.serving)

    def _options(self, site: Site, job: Job) -> dict[str, Any]:
        if self.beside(site, job) is not None:
            return {}
        return site.plan.settings[job.cell.setting].model_dump(mode="json", exclude={"loader"})

    def _expects(self, site: Site, name: str) -> dict[str, Any] | None:
        """Return what the signature declares about the stage's outputs, in the probe's format."""
        if name == POSTPROCESS or site.ready.expects is None:
            return None
        return {each: spec.model_dump(mode="json") for each, spec in site.ready.expects.items()}


def stage_of(job: Job) -> str:
    """Return the name of the stage that a job runs."""
    return job.variant.removesuffix(AGAIN).partition(" in ")[0]
