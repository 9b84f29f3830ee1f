"""What is common to all measurements that load a case's model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.probe_request import CaseRequest, Measure, OutputsOf, SettingRequest
from savedmodel_matrix.domain.secrets import masked
from savedmodel_matrix.measurements.interface import Depends, Measurement
from savedmodel_matrix.measurements.keys import (
    identity_of,
    key_of,
    outside_links,
    outside_sources,
    source_files,
)
from savedmodel_matrix.planning.ready import batches_digest, model_folder

if TYPE_CHECKING:
    from savedmodel_matrix.domain.definition import SettingDefinition
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.measurements.interface import Site

#: How the model is called; what is not set does not change a recording's key.
_CALLED = {"feed", "one_row", "reload", "carry_on"}


class ModelMeasurement(Measurement):
    """Loads a case's model with its loader, in its setting. A kind overrides what differs."""

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - for kinds to override
        """Return what the probe should measure with the loaded model."""
        return Measure(kind="outputs")

    def setting(self, plan: Plan, job: Job) -> SettingDefinition:
        """Return the setting that the job runs in."""
        return plan.settings[job.cell.setting]

    def taken_stage(self, plan: Plan, job: Job) -> str | None:
        """Return the stage that makes the model's inputs, if there is one."""
        return plan.cases[job.case].serving

    def takes(self, plan: Plan, job: Job) -> Job | None:
        """Return the stage's job, unless this job is given inputs."""
        stage = None if job.given is not None else self.taken_stage(plan, job)
        if stage is None:
            return None
        return replace(job, measurement="stage", variant=stage, limits=plan.limits[job.cell, job.case])

    def fresh_process(self, job: Job) -> bool:  # noqa: ARG002 - for kinds to override
        """Whether the job imports TensorFlow in its own process."""
        return False

    def follows(self, plan: Plan, job: Job) -> Job | None:  # noqa: ARG002 - for kinds to override
        """Return a job whose failure becomes this job's outcome."""
        return None

    def depends_on(self, site: Site, job: Job) -> Depends:
        """Return the model, inputs, loader, code and setting, and what is measured."""
        case, ready = site.plan.cases[job.case], site.ready
        asked = case.model_dump(mode="json", include={"signature", "function", "tags", "runs", "imports"})
        asked["loader"] = self._loader(site.plan, job)
        if case.endpoint is not None:
            asked["endpoint"] = case.endpoint
        asked |= case.model_dump(mode="json", include=_CALLED, exclude_defaults=True)
        asked["code"] = list(ready.code.items())  # in import order
        asked["measure"] = self.measure(site.plan, job).to_json()
        asked["fresh_process"] = self.fresh_process(job)
        if ready.call is not None:
            asked["call"] = ready.call.model_dump(mode="json")
        if ready.outside:
            asked["outside"] = [[each.path, each.digest] for each in ready.outside]
        taken = self.takes(site.plan, job)
        if job.given is not None:
            inputs = batches_digest(job.given.batches)
        else:
            inputs = ready.inputs_digest if taken is None else key_of(site, taken)
        return Depends(ready.model_digest, inputs, asked, _options(self.setting(site.plan, job)))

    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return the complete request."""
        plan, ready, project = site.plan, site.ready, site.project
        case, setting = plan.cases[job.case], self.setting(plan, job)
        taken, follows = self.takes(plan, job), self.follows(plan, job)
        batches: Any = ready.batches
        if job.given is not None:
            batches = job.given.batches
        elif taken is not None:
            path = project.results.recording_path(key_of(site, taken))
            batches = OutputsOf(name=taken.variant, outputs_of=str(path))
        after = None if follows is None else project.results.recording_path(key_of(site, follows))
        return CaseRequest(
            result=str(project.results.recording_path(key)),
            key=key,
            identity={
                **identity_of(site, job),
                "model": ready.model_digest,
                "archive": ready.archive.model_dump() if ready.archive else None,
                "loader": self._loader(plan, job),
                "code": dict(ready.code),
                "options": {**_options(setting), "variables": dict(masked(setting.variables))},
            },
            measure=self.measure(plan, job),
            after=None if after is None else str(after),
            fresh_process=self.fresh_process(job),
            model=model_folder(project, ready),
            setting=SettingRequest(**setting.model_dump(exclude={"variables", "loader"})),
            loader=self._loader(plan, job),
            imports=tuple(case.imports),
            modules=tuple(str(project.root / path) for path in case.modules),
            libraries=tuple(str(project.root / path) for path in case.libraries),
            tags=None if case.tags is None else tuple(case.tags),
            signature=None if case.function else case.signature,
            function=case.function,
            endpoint=case.endpoint,
            call=ready.call,
            feed=case.feed,
            one_row=case.one_row,
            reload=case.reload,
            carry_on=case.carry_on,
            batches=batches,
            inputs_error=ready.inputs_problem,
            runs=case.runs,
            time_limit_s=job.limits.time_limit_s,
            memory_limit_bytes=job.limits.memory_limit_bytes,
            sources=(
                *source_files(site, [model_folder(project, ready), *case.modules, *case.libraries]),
                *outside_sources(site),
            ),
            links=outside_links(site),
        )

    def _loader(self, plan: Plan, job: Job) -> str:
        return plan.settings[job.cell.setting].loader or plan.cases[job.case].loader


def _options(setting: SettingDefinition) -> dict[str, Any]:
    # Without the setting's loader: it makes no difference whether the setting or the case names it.
    return setting.model_dump(mode="json", exclude={"loader"})
