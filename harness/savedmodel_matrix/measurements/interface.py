"""The measurement seam: what a kind defines, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.domain.environment import Beside
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.probe_request import CaseRequest
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.domain.stored import Stored
    from savedmodel_matrix.environments.state import Installed
    from savedmodel_matrix.planning.workspace import Workspace


@dataclass(frozen=True)
class Site:
    """Where jobs of one case run: the plan, what is installed there, and the prepared case."""

    project: Workspace
    plan: Plan
    installed: Installed
    ready: ReadyCase


@dataclass(frozen=True)
class Depends:
    """Everything that can affect the outputs of a job, apart from its environment and the host.

    Names (of the matrix, the case, the setting) are not included: the same work under another name has the
    same recording. ``asked`` is what the probe is asked to do, ``setting`` what varies at run time.
    """

    model: str
    """Digest of the SavedModel; "" if none is loaded."""
    inputs: str
    """Digest of the inputs, or the key of the recording that provides them."""
    asked: Mapping[str, Any]
    setting: Mapping[str, Any] = field(default_factory=dict)


class Measurement(ABC):
    """One kind of measurement.

    ``name`` is used in jobs, progress lines and run files.
    """

    name: ClassVar[str]

    @abstractmethod
    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield the jobs of this kind that a plan wants, in one environment or in all."""

    @abstractmethod
    def depends_on(self, site: Site, job: Job) -> Depends:
        """Return what the recording's key depends on. Called for every job in every run: reads no arrays."""

    @abstractmethod
    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return the request for the probe, whose recording gets this key."""

    def read(self, recording: Recording, job: Job) -> Stored | None:  # noqa: ARG002 - for kinds to override
        """Return what was measured in addition to outputs, as this kind's type; None if nothing was.

        Raises:
            ValueError: if the recording does not match the type (pydantic's ValidationError is one).
        """
        return None

    def takes(self, plan: Plan, job: Job) -> Job | None:  # noqa: ARG002 - as above
        """Return the job whose outputs are this job's inputs; None if it uses the case's inputs."""
        return None

    def beside(self, site: Site, job: Job) -> Beside | None:  # noqa: ARG002 - as above
        """Return the separate environment that the job runs in; None for the cell's own."""
        return None

    def variables(self, site: Site, job: Job) -> Mapping[str, str]:
        """Return the environment variables of the probe that runs the job; a setting's are the cell's own."""
        if self.beside(site, job) is not None:
            return {}
        return site.plan.settings[job.cell.setting].variables

    def says(self, recording: Recording, job: Job) -> list[str]:  # noqa: ARG002 - as above
        """Return remarks on a recording, for kinds for which the report has no section."""
        return []
