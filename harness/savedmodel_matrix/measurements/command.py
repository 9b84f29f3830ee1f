"""A command of the user's, run in an environment; what counts is its exit status."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.measurements.of_model import ModelMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.probe_request import CaseRequest
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.measurements.interface import Depends, Site

#: As for ``git bisect run``: the version can be judged neither good nor bad.
UNKNOWN = 125


class CommandPart(Stored):
    """What a command ended with."""

    exit_status: int
    output: str
    """The end of what it printed."""


class CommandMeasurement(ModelMeasurement):
    """Runs the command line in ``job.variant`` in the project's root, without a shell."""

    name = "command"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:  # noqa: ARG002 - asks nothing
        """Yield nothing: a question adds the job."""
        yield from ()

    def takes(self, plan: Plan, job: Job) -> Job | None:  # noqa: ARG002 - as above
        """Return None: a command runs without inputs."""
        return None

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - the form of every kind
        """Return the command, in words."""
        return Measure(kind="command", parameters={"words": [*shlex.split(job.variant)]})

    def depends_on(self, site: Site, job: Job) -> Depends:
        """Return what the model's recordings depend on, and the content of files that the command names."""
        depends = super().depends_on(site, job)
        files = [site.project.root / word for word in shlex.split(job.variant)]
        digests = [site.project.digests.digest(path.resolve()) for path in files if path.is_file()]
        return replace(depends, asked={**depends.asked, "files": digests})

    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return the request, with the project's root."""
        asked = super().ask(site, job, key)
        parameters = {**asked.measure.parameters, "root": str(site.project.root)}
        measure = Measure(kind="command", parameters=parameters)
        return asked.model_copy(update={"measure": measure, "batches": (), "inputs_error": None, "runs": 1})

    def read(self, recording: Recording, job: Job) -> CommandPart:  # noqa: ARG002 - as above
        """Return what the command ended with."""
        return CommandPart.model_validate(recording.measured)
