"""A matrix, expanded: environments × settings × cases, each with a readable id.

Ids are rendered from fields and never parsed back.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from savedmodel_matrix.domain.check import RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.check import Check
    from savedmodel_matrix.domain.definition import (
        CaseDefinition,
        Expect,
        NoiseFloorDefinition,
        SettingDefinition,
    )


#: The stage after the model; all others come before it.
POSTPROCESS = "postprocess"
#: The stage that is compared with the one before the model.
TRAIN = "train"

#: Characters of an id that name pins; what is longer has a digest instead of versions.
_LONGEST = 80
#: A case's time limit is multiplied by this where its noise floor is measured.
_FLOOR_TIME = 10


class Build(StrEnum):
    """Which distribution of TensorFlow an environment installs."""

    CPU = "cpu"
    GPU = "gpu"
    NIGHTLY = "nightly"


@dataclass(frozen=True)
class Environment:
    """An interpreter with installed packages; its ``id`` names its lock, nox session and folder.

    ``tensorflow`` is an exact version, ``python`` a minor (``"3.11"``), ``resolve`` is ``"release"``,
    ``"today"`` or an ISO date, ``requirements`` what is installed beside TensorFlow, ``without`` what is
    left out of what all of these need. ``beside`` pins packages in the environments beside it, which run
    those stages that have requirements of their own.
    """

    tensorflow: str
    python: str
    build: Build
    resolve: str = "release"
    requirements: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    provisional: bool = field(default=False, compare=False)
    """Whether it is tried for what it shows and no part of a definition: its lock is nobody's to commit."""

    @property
    def base_id(self) -> str:
        """The id without what its requirements add: what globs of overrides are matched with."""
        resolved = "" if self.resolve == "release" else f"-{self.resolve.replace('-', '')}"
        return f"tf{self.tensorflow}-py{self.python}-{self.build}{resolved}"

    @property
    def lock_id(self) -> str:
        """The id without what is beside it, which has locks of its own: the name of its lock."""
        return replace(self, beside=()).id

    @property
    def id(self) -> str:
        """The readable id, e.g. ``tf2.15.1-py3.11-cpu``; equal ids are equal environments."""
        added = f"-{_named(self.requirements)}" if self.requirements else ""
        left_out = "".join(f"-no_{_word(name)}" for name in self.without)
        beside = f"-beside-{_pinned(self.beside) or _named(self.beside)}" if self.beside else ""
        return f"{self.base_id}{added}{left_out}{beside}"


@dataclass(frozen=True)
class Beside:
    """An environment without TensorFlow, beside a cell's, for stages with requirements of their own.

    Resolved as of today: what such stages need has no date of a TensorFlow release to go by.
    """

    python: str
    requirements: tuple[str, ...]
    provisional: bool = field(default=False, compare=False)
    """As of the environment that it is beside."""

    @property
    def id(self) -> str:
        """The readable id, e.g. ``beside-py3.11-pillow-0123ab``."""
        return f"beside-py{self.python}-{_named(self.requirements)}"

    @property
    def lock_id(self) -> str:
        """The name of its lock."""
        return self.id


def _pinned(requirements: tuple[str, ...]) -> str | None:
    """Return exact pins as a part of an id, without a digest: they say all; None for anything else."""
    exact = [re.fullmatch(r"([\w.-]+)==([\w.]+)", text.replace(" ", "")) for text in requirements]
    words = "+".join(f"{_word(each[1])}-{each[2]}" for each in exact if each)
    return words if all(exact) and len(words) <= _LONGEST else None


def _named(requirements: tuple[str, ...]) -> str:
    names = "+".join(_word(Requirement(text).name) for text in requirements)
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:6]
    return f"{names[:40]}-{digest}"


def _word(name: str) -> str:
    return re.sub(r"\W+", "_", name)


@dataclass(frozen=True, order=True)
class CellId:
    """One environment × setting."""

    environment: str
    setting: str

    def __str__(self) -> str:
        return f"{self.environment}/{self.setting}"

    def matches(self, pattern: str) -> bool:
        """Whether a glob selects this cell: by its environment's id, or with ``/`` by the whole id."""
        return fnmatchcase(str(self) if "/" in pattern else self.environment, pattern)


@dataclass(frozen=True)
class Limits:
    """What one case may use in one cell: wall time in seconds and resident memory in bytes."""

    time_limit_s: float
    memory_limit_bytes: int | None


class Purpose(StrEnum):
    """What a job is run for: a cell's own outputs, and what they are held against or come from."""

    OUTPUTS = "outputs"
    FLOOR = "noise floor"
    """Replicates of the baseline with inputs and weights moved by a unit in the last place."""
    THREADS = "other threads"
    """The baseline with another number of threads: what differs then is noise by definition."""
    STAGE = "stage"
    """A pipeline on one side of the model, by itself."""
    TRAINED = "on the training pipeline's inputs"
    """The model in the baseline on what the training pipeline makes of the inputs there."""
    AGAIN = "stage in another process"
    """The baseline's pipeline once more: whether it makes the same in another process."""
    SWAPPED = "on another cell's inputs"
    """The model on what another cell's pipeline made: whether it is the model that differs."""
    CHECK = "check"
    """How the model behaves in a session, in any cell."""


@dataclass(frozen=True)
class Given:
    """Inputs of a model that another cell's pipeline made, as array entries."""

    cell: CellId
    batches: Sequence[Sequence[Mapping[str, Any]]] = field(repr=False)


@dataclass(frozen=True)
class Job:
    """One cell and case that is to run."""

    cell: CellId
    case: str
    limits: Limits
    purpose: Purpose = Purpose.OUTPUTS
    stage: str | None = None
    """Of a stage, which."""
    given: Given | None = None
    """What a model on another cell's inputs is given."""
    check: Check | None = None
    """Which one, where the purpose is a check."""


@dataclass(frozen=True)
class Plan:
    """Everything a matrix would run, and everything it would not, with the reason.

    ``unavailable`` holds environments for which no wheel exists; ``excluded`` what the definition
    itself leaves out; ``remarks`` what the user should know, such as a selector that matched nothing.
    """

    matrix: str
    baseline: CellId
    environments: Mapping[str, Environment]
    settings: Mapping[str, SettingDefinition]
    cases: Mapping[str, CaseDefinition]
    limits: Mapping[tuple[CellId, str], Limits]
    noise_floor: NoiseFloorDefinition | None = None
    """How to measure the noise of the baseline's outputs; None where the definition asks for none."""
    unavailable: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[tuple[CellId, str], str] = field(default_factory=dict)
    included: Mapping[str, str] = field(default_factory=dict)
    expectations: tuple[Expect, ...] = ()
    """Problems that are known, in the order of the definition."""
    given: Mapping[tuple[CellId, str], Given] = field(default_factory=dict)
    """What models take instead of what pipelines of their own cells would make."""
    swaps: tuple[Job, ...] = ()
    """What is asked once pipelines made different inputs: models on other cells' inputs, and the baseline's
    pipeline again."""
    added: tuple[Mapping[str, Any], ...] = ()
    """Rows of an earlier report's proposals whose cells were added to the definition's."""
    remarks: tuple[str, ...] = ()

    def cells(self) -> Iterator[CellId]:
        """Every cell, environment by environment in the order of the definition."""
        for environment in self.environments:
            for setting in self.settings:
                yield CellId(environment, setting)

    def jobs(self, environment: str | None = None) -> Iterator[Job]:
        """What is to run, of one environment or of all: neither unavailable nor excluded."""
        for cell in self.cells():
            if environment not in (None, cell.environment) or cell.environment in self.unavailable:
                continue
            for case in self.cases:
                if (cell, case) not in self.excluded:
                    yield Job(cell, case, self.limits[cell, case], given=self.given.get((cell, case)))

    def noise_jobs(self, environment: str | None = None) -> Iterator[Job]:
        """What is to run in the baseline, beside its outputs, for the noise floor of each of its cases."""
        if self.noise_floor is None:
            return
        for job in self.jobs(environment):
            if job.cell == self.baseline:
                # A case's own time is for loading it and running it a few times.
                longer = replace(job.limits, time_limit_s=job.limits.time_limit_s * _FLOOR_TIME)
                yield replace(job, purpose=Purpose.FLOOR, limits=longer)
                yield replace(job, purpose=Purpose.THREADS)

    def stage_jobs(self, environment: str | None = None, *, before: bool) -> Iterator[Job]:
        """What is to run before the models, or after them."""
        for job in self.jobs(environment):
            for name in self.cases[job.case].stages if job.given is None else ():
                if (name != POSTPROCESS) is before:
                    yield replace(job, purpose=Purpose.STAGE, stage=name)

    def trained_jobs(self, environment: str | None = None) -> Iterator[Job]:
        """What is to run in the baseline on what the training pipelines make."""
        for job in self.jobs(environment):
            if job.cell == self.baseline and self.cases[job.case].train is not None:
                yield replace(job, purpose=Purpose.TRAINED)

    def check_jobs(self, environment: str | None = None) -> Iterator[Job]:
        """What is to run for the checks that cases ask for."""
        for job in self.jobs(environment):
            for check in self.cases[job.case].checks:
                limit_s = job.limits.time_limit_s * RECIPES[check].time_factor
                limits = replace(job.limits, time_limit_s=limit_s)
                yield replace(job, purpose=Purpose.CHECK, check=check, limits=limits)

    def work(self, environment: str | None = None) -> Iterator[Job]:
        """All that is to run, of one environment or of all, in an order in which inputs are there first."""
        yield from self.stage_jobs(environment, before=True)
        yield from self.jobs(environment)
        yield from self.trained_jobs(environment)
        yield from self.stage_jobs(environment, before=False)
        yield from self.noise_jobs(environment)
        yield from self.check_jobs(environment)
        yield from (job for job in self.swaps if environment in (None, job.cell.environment))
