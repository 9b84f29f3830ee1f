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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.model.definition import CaseDefinition, Expect, NoiseFloorDefinition, SettingDefinition


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
    left out of what all of these need.
    """

    tensorflow: str
    python: str
    build: Build
    resolve: str = "release"
    requirements: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    provisional: bool = field(default=False, compare=False)
    """Whether it is tried for what it shows and no part of a definition: its lock is nobody's to commit."""

    @property
    def base_id(self) -> str:
        """The id without what its requirements add: what globs of overrides are matched with."""
        resolved = "" if self.resolve == "release" else f"-{self.resolve.replace('-', '')}"
        return f"tf{self.tensorflow}-py{self.python}-{self.build}{resolved}"

    @property
    def id(self) -> str:
        """The readable id, e.g. ``tf2.15.1-py3.11-cpu``; equal ids are equal environments."""
        added, left_out = "", "".join(f"-no_{_word(name)}" for name in self.without)
        if self.requirements:
            names = "+".join(_word(Requirement(text).name) for text in self.requirements)
            digest = hashlib.sha256("\n".join(self.requirements).encode()).hexdigest()[:6]
            added = f"-{names[:40]}-{digest}"
        return f"{self.base_id}{added}{left_out}"


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
    """What a job is run for: a cell's own outputs, or the noise they are held against."""

    OUTPUTS = "outputs"
    FLOOR = "noise floor"
    """Replicates of the baseline with inputs and weights moved by a unit in the last place."""
    THREADS = "other threads"
    """The baseline with another number of threads: what differs then is noise by definition."""


@dataclass(frozen=True)
class Job:
    """One cell and case that is to run."""

    cell: CellId
    case: str
    limits: Limits
    purpose: Purpose = Purpose.OUTPUTS


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
                    yield Job(cell, case, self.limits[cell, case])

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

    def work(self, environment: str | None = None) -> Iterator[Job]:
        """All that is to run, of one environment or of all."""
        yield from self.jobs(environment)
        yield from self.noise_jobs(environment)
