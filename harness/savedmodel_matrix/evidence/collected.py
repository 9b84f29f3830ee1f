"""The state of a plan as types: outcomes of cells and cases, and the recordings of each measurement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.stage import StagePart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.check import Check, CheckPart
    from savedmodel_matrix.domain.distribution import DistributionPart
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.noise_floor import MeasuredFloor
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.domain.recording import RecordedOutputs, Recording
    from savedmodel_matrix.environments.state import EnvironmentState
    from savedmodel_matrix.evidence.origins import Origin
    from savedmodel_matrix.store.file_facts import Facts

#: Environment, setting, case, measurement and variant: what names a job in its plan.
JobName = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Collected:
    """The outcome of one cell and case, with its recording if there is one.

    ``required`` says that the matrix requires it, ``selected`` that this run selected it.
    """

    cell: CellId
    case: str
    outcome: Outcome
    reason: str | None
    required: bool
    recording: Recording | None = None
    selected: bool = True

    @property
    def without_value(self) -> tuple[str, ...]:
        """The uninitialised variables that it read."""
        found = self.recording.effective.initialisation if self.recording else None
        return tuple(found.uninitialised_variables) if found else ()


@dataclass(frozen=True)
class CollectedNoise:
    """A case's noise in the baseline: replicates, and a run with other threads; None if absent or failed."""

    floor: MeasuredFloor | None
    threads: RecordedOutputs | None
    problem: str | None
    """Why there is no noise floor."""


@dataclass(frozen=True)
class CollectedCheck:
    """A check's recording and result, None if there is none, and whether this run selected it."""

    recording: Recording | None
    part: CheckPart | None
    required: bool


@dataclass(frozen=True)
class StageRecord:
    """One stage of one cell and case: its outcome, and its recording if there is one."""

    cell: CellId
    case: str
    stage: str
    outcome: Outcome
    reason: str | None
    recording: Recording | None
    beside: str | None
    """The separate environment that it ran in, if any."""
    part: StagePart = field(default_factory=StagePart)

    @property
    def made(self) -> tuple[tuple[OutputId, ArrayEntry], ...] | None:
        """Its outputs; None if it was not recorded."""
        if self.outcome is not Outcome.RECORDED or self.recording is None:
            return None
        return contents(self.recording)

    @property
    def is_unstable(self) -> bool:
        """Whether two calls with the same inputs gave different outputs."""
        return bool(self.recording and self.recording.unstable)


def contents(recording: Recording) -> tuple[tuple[OutputId, ArrayEntry], ...]:
    """Return the contents of a recording: every output's id and array entry, which identifies its content."""
    return tuple((output.id, output.array) for output in recording.outputs)


@dataclass(frozen=True)
class SwapRecord:
    """A job of the question ``swapped_inputs`` and its recording; None if it is not recorded (yet)."""

    job: Job
    recording: Recording | None


@dataclass(frozen=True)
class ElsewhereRecord:
    """A stage in a process with other surroundings, and its recording; None if it is not recorded (yet)."""

    job: Job
    recording: Recording | None


@dataclass(frozen=True)
class OutsideRecord:
    """A job of the question ``outside`` and its recording; None if it is not recorded (yet)."""

    job: Job
    recording: Recording | None


@dataclass(frozen=True)
class DistributionRecord:
    """A job of the question ``distributions``, with its recording and samples; None if not recorded (yet)."""

    job: Job
    recording: Recording | None
    part: DistributionPart | None


@dataclass(frozen=True)
class Collection:
    """Everything that the store holds for a plan: one row per cell and case, and the state of its parts."""

    rows: list[Collected]
    states: dict[str, EnvironmentState | None]
    ready: dict[str, ReadyCase | str]
    """Per case: the prepared case, or why it could not be prepared."""
    noise: dict[str, CollectedNoise]
    """The noise floor of each case for which the plan wants one."""
    checks: dict[tuple[CellId, str, Check], CollectedCheck] = field(default_factory=dict)
    """Every check that the plan wants."""
    stages: list[StageRecord] = field(default_factory=list)
    """Every stage of every cell and case."""
    trained: dict[str, Recording | None] = field(default_factory=dict)
    """Per case with a training pipeline: the model in the baseline on the outputs of that pipeline."""
    swaps: list[SwapRecord] = field(default_factory=list)
    """Models on other cells' inputs, if the pipelines of two cells made different inputs."""
    elsewhere: list[ElsewhereRecord] = field(default_factory=list)
    """Stages of the baseline in processes with other surroundings."""
    outside: list[OutsideRecord] = field(default_factory=list)
    """Changed copies of models that read files outside themselves."""
    distributions: list[DistributionRecord] = field(default_factory=list)
    """Many runs of the cases with random outputs, in every cell that recorded them."""
    remarks: list[str] = field(default_factory=list)
    """What measurements that the report has no section for say of their recordings."""
    arrays: Iterable[ArrayEntry] = ()
    """Every stored array that a recording of these names."""
    read: frozenset[tuple[str, str]] = frozenset()
    """Key and end time of every recording that was read: what a report of this collection depends on."""
    keys: Sequence[tuple[JobName, str | None]] = ()
    """Every job of a measurement from another package, with the key of its recording; None if it has none."""
    seen: Mapping[str, Facts | None] = field(default_factory=dict)
    """The facts of the file of every key that was looked up, just before it was read."""
    settled: bool = False
    """Whether no selected job would run again."""
    locked: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Per environment with a lock: the version of every package that it pins."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Per case: what in its model makes its outputs random, read on demand."""
