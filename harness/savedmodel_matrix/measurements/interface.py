"""The seam of measurements: what a kind answers for, and what it is told."""

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
    """Where jobs of one case run: what is planned, what is installed there, and the case made ready."""

    project: Workspace
    plan: Plan
    installed: Installed
    ready: ReadyCase


@dataclass(frozen=True)
class Depends:
    """What the outputs of a job can depend on, beside its environment and the host.

    Names (of the matrix, the case, the setting) are no part of it: the same work under another name has the
    same recording. ``asked`` is what the probe is asked to do, ``setting`` what varies at run time.
    """

    model: str
    """Digest of the SavedModel; "" if none is loaded."""
    inputs: str
    """Digest of the inputs, or the key of the recording that they come from."""
    asked: Mapping[str, Any]
    setting: Mapping[str, Any] = field(default_factory=dict)


class Measurement(ABC):
    """One kind of measurement.

    ``name`` is how jobs, progress lines and run files call it.
    """

    name: ClassVar[str]

    @abstractmethod
    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield the jobs that a plan wants of this kind, in one environment or in all."""

    @abstractmethod
    def depends_on(self, site: Site, job: Job) -> Depends:
        """Return what the recording's key depends on. Called for every job of every run: reads no arrays."""

    @abstractmethod
    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return what the probe is asked; its recording gets this key."""

    def read(self, recording: Recording, job: Job) -> Stored | None:  # noqa: ARG002 - for kinds to override
        """Return what was measured beside outputs, as this kind's type; None if it records outputs alone.

        Raises:
            ValueError: if the recording does not fit the type (pydantic's ValidationError is one).
        """
        return None

    def takes(self, plan: Plan, job: Job) -> Job | None:  # noqa: ARG002 - as above
        """Return the job whose outputs are this job's inputs; None if it takes the case's own."""
        return None

    def beside(self, site: Site, job: Job) -> Beside | None:  # noqa: ARG002 - as above
        """Return the environment that the job runs in beside the cell's; None for the cell's own."""
        return None

    def says(self, recording: Recording, job: Job) -> list[str]:  # noqa: ARG002 - as above
        """Return what a report says of a recording, for kinds that the report has no section for."""
        return []
