"""The recordings in the store for the jobs of a plan on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.environments.state import Installed, read_state
from savedmodel_matrix.measurements import measurement_of, recorded
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.planning.look import Look
from savedmodel_matrix.planning.ready import make_ready, reason_of

if TYPE_CHECKING:
    from savedmodel_matrix.domain.arrays import ArrayEntry, Output
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.effective import Effective
    from savedmodel_matrix.domain.environment import Beside
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.environments.state import EnvironmentState
    from savedmodel_matrix.evidence.collected import JobName
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.store.file_facts import Facts
    from savedmodel_matrix.verdicts.compare.elements import Array


def job_name(job: Job) -> JobName:
    """Return what names a job in its plan."""
    return (job.cell.environment, job.cell.setting, job.case, job.measurement, job.variant)


class Evidence:
    """Finds the recording of any job of a plan, and keeps track of every recording that was read.

    Cases that are not prepared are prepared here again, to get the reason if that fails. ``seen`` holds, by
    key, the facts of each recording's file just before it was read. ``settled`` says whether no selected job
    would run again.
    """

    def __init__(self, project: Workspace, plan: Plan, selection: Selection) -> None:
        self.plan = plan
        self.keys: dict[JobName, str] = {}
        self.seen: dict[str, Facts | None] = {}
        self.settled = True
        self._selection = selection
        self.states: dict[str, EnvironmentState | None] = {
            name: read_state(project.results, name) for name in plan.environments
        }
        self.ready: dict[str, ReadyCase | str] = {}
        self.read: set[tuple[str, str]] = set()
        self.arrays: dict[ArrayEntry, None] = {}
        self._effective: dict[CellId, Effective] = {}
        self._outputs: dict[tuple[Output, ...], tuple[Output, ...]] = {}
        self._project = project
        look = Look(project)
        for name, definition in plan.cases.items():
            try:
                self.ready[name] = make_ready(project, definition, look)
            except HarnessError as error:
                self.ready[name] = reason_of(project, error)
        project.digests.save()

    def site(self, job: Job) -> Site | None:
        """Return the site of a job; None if its environment or its case is missing."""
        state, ready = self.states[job.cell.environment], self.ready[job.case]
        if state is None or state.installed is None or isinstance(ready, str):
            return None
        return Site(self._project, self.plan, state.installed, ready)

    def recording(self, job: Job) -> Recording | None:
        """Return a job's recording, whatever its outcome."""
        site = self.site(job)
        recording = None if site is None else self._read(job, key_of(site, job))
        if self._selection.wants(job) and (recording is None or not recording.is_settled):
            self.settled = False
        return recording

    def _read(self, job: Job, key: str) -> Recording | None:
        self.keys[job_name(job)] = key
        if key not in self.seen:
            self.seen[key] = self._project.results.recording_facts(key)
        recording = recorded(self._project.results, job, key)
        if recording is None:
            return None
        # A job that runs again has the same key: the end time distinguishes the two recordings.
        self.read.add((recording.key, recording.ended.isoformat()))
        self.arrays.update(dict.fromkeys(recording.arrays()))
        return self._shared(job.cell, recording)

    def _shared(self, cell: CellId, recording: Recording) -> Recording:
        """Return a recording that shares its largest parts with equal ones that were read before.

        Cells of one class have the same outputs, and the cases of a cell hardly ever differ in what was in
        effect.
        """
        effective = recording.effective
        known = self._effective.setdefault(cell, effective)
        if known == effective and known.model_fields_set == effective.model_fields_set:
            effective = known
        outputs = self._outputs.setdefault(recording.outputs, recording.outputs)
        return recording.model_copy(update={"effective": effective, "outputs": outputs})

    def array(self, entry: ArrayEntry) -> Array:
        """Return a stored array, by memory map."""
        return self._project.results.array(entry)

    def beside(self, job: Job) -> tuple[Beside | None, Installed | str | None]:
        """Return the separate environment that a job runs in, and whether it is installed."""
        site = self.site(job)
        beside = None if site is None else measurement_of(job).beside(site, job)
        if site is None or beside is None:
            return None, None
        return beside, site.installed.besides.get(beside.id)
