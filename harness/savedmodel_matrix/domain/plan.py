"""An expanded matrix: environments × settings × cases, each with a readable id.

Ids are rendered from fields and never parsed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import PowerDefinition, RandomDefinition
from savedmodel_matrix.domain.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.definition import (
        CaseDefinition,
        Expect,
        NoiseFloorDefinition,
        SettingDefinition,
    )
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Given, Limits
    from savedmodel_matrix.domain.proposal import ProposedCell

ISOLATED = "models and stages run isolated: no network, no home folder, no files but those of their case"

#: The stage after the model; all others come before it.
POSTPROCESS = "postprocess"
#: The stage that is compared with the one before the model.
TRAIN = "train"


@dataclass(frozen=True)
class Plan:
    """Everything that a matrix runs, and everything that it leaves out, with the reason.

    ``unavailable`` holds environments for which no wheel exists, ``excluded`` what the definition itself
    leaves out, and ``remarks`` notes for the user, such as a selector that matched nothing.
    """

    matrix: str
    baseline: CellId
    environments: Mapping[str, Environment]
    settings: Mapping[str, SettingDefinition]
    cases: Mapping[str, CaseDefinition]
    limits: Mapping[tuple[CellId, str], Limits]
    noise_floor: NoiseFloorDefinition | None = None
    """How to measure the noise of the baseline's outputs; None if the definition disables it."""
    power: PowerDefinition = field(default_factory=PowerDefinition)
    """How much of a change of the model the inputs have to notice."""
    random: RandomDefinition = field(default_factory=RandomDefinition)
    """How random outputs are compared."""
    unavailable: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[tuple[CellId, str], str] = field(default_factory=dict)
    included: Mapping[str, str] = field(default_factory=dict)
    expectations: tuple[Expect, ...] = ()
    """Known problems, in the order of the definition."""
    given: Mapping[tuple[CellId, str], Given] = field(default_factory=dict)
    """Inputs that models take instead of those from their own cells' pipelines."""
    asked: tuple[Job, ...] = ()
    """Jobs that a question adds to those that the measurements want for every cell and case."""
    added: tuple[ProposedCell, ...] = ()
    """Proposals of an earlier report whose cells were added to the definition's."""
    remarks: tuple[str, ...] = ()
    isolate: bool = False
    """Whether models and stages run without network and without files that they do not need."""

    def isolated(self) -> Plan:
        """Return this plan with its models and stages isolated, which a remark says."""
        return self if self.isolate else replace(self, isolate=True, remarks=(*self.remarks, ISOLATED))

    def cells(self, environment: str | None = None) -> Iterator[CellId]:
        """The cells of one environment or of all, grouped by environment, in the order of the definition."""
        for each in self.environments if environment is None else self.environments.keys() & {environment}:
            for setting in self.settings:
                yield CellId(each, setting)

    def jobs(self, environment: str | None = None) -> Iterator[Job]:
        """What will run, in one environment or in all: cells that are neither unavailable nor excluded."""
        for name in self.environments if environment is None else self.environments.keys() & {environment}:
            if name in self.unavailable:
                continue
            for cell in (CellId(name, setting) for setting in self.settings):
                for case in self.cases:
                    place = cell, case
                    if place not in self.excluded:
                        yield Job(cell, case, self.limits[place], given=self.given.get(place))

    def baseline_jobs(self, environment: str | None = None) -> Iterator[Job]:
        """What will run in the baseline; nothing if ``environment`` is another one."""
        if environment in (None, self.baseline.environment):
            yield from (job for job in self.jobs(self.baseline.environment) if job.cell == self.baseline)

    def asking(self, jobs: Sequence[Job]) -> Plan:
        """Return a plan with only these jobs."""
        why = "only what was asked for is measured"
        everything = {(cell, case): why for cell in self.cells() for case in self.cases}
        return replace(self, excluded=everything, asked=tuple(jobs))
