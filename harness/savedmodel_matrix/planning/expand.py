"""Expand a definition: products, then overrides, exclusions, inclusions, the baseline, and the cover."""

from __future__ import annotations

import math
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.job import Limits
from savedmodel_matrix.domain.plan import Plan
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.knowledge.releases import WORDS, UnknownReleaseError
from savedmodel_matrix.planning.cover import LEFT_OUT, pairwise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from savedmodel_matrix.domain.definition import Definition, EnvironmentBlock
    from savedmodel_matrix.knowledge.releases import ReleaseTable

#: Fifty times the largest plan that is measured.
_MOST_JOBS = 1_000_000
_MOST_NAMED = 10


def expand(definition: Definition, matrix: str, releases: ReleaseTable, platform: str) -> Plan:
    """Return the plan of a definition on a platform such as ``linux-x86_64``.

    Raises:
        DefinitionError: for unknown releases, and for an ambiguous or unknown baseline; all are listed.
    """
    return _Expansion(definition, releases, platform).plan(matrix)


class _Expansion:
    def __init__(self, definition: Definition, releases: ReleaseTable, platform: str) -> None:
        self.definition = definition
        self.releases = releases
        self.platform = platform
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self.used_overrides: set[int] = set()
        # An override can change an environment's id, so its glob is matched with the id before overrides.
        self.ids_before: dict[str, set[str]] = {}

    def plan(self, matrix: str) -> Plan:
        definition = self.definition
        self._require_a_size()
        products = [
            environment
            for index, block in enumerate(definition.environments)
            for environment in self._product(block, f"environments.{index}")
        ]
        included = {
            environment.id: (environment, block.reason)
            for index, block in enumerate(definition.include)
            for environment in self._product(block, f"include.{index}")
        }
        environments = {environment.id: environment for environment in products}
        environments |= {name: environment for name, (environment, _) in included.items()}
        cells = [CellId(name, setting) for name in environments for setting in definition.settings]
        limits = self._limits(cells)
        excluded = self._excluded([cell for cell in cells if cell.environment not in included])
        self._report_unused_overrides()
        self._report_unused_expectations(cells)
        baseline = self._baseline(cells)
        if self.problems:
            raise DefinitionError(self.problems)
        unavailable = self._unavailable(environments.values())
        if definition.cover == "pairwise":
            always = {baseline, *(cell for cell in cells if cell.environment in included)}
            excluded |= self._thinned(cells, environments, always, unavailable, excluded)
        plan = Plan(
            matrix=matrix,
            baseline=baseline,
            environments=environments,
            settings=definition.settings,
            cases=definition.cases,
            limits=limits,
            noise_floor=definition.noise_floor if definition.noise_floor.replicates else None,
            power=definition.power,
            random=definition.random,
            unavailable=unavailable,
            excluded=excluded,
            included={name: reason for name, (_, reason) in included.items()},
            expectations=tuple(definition.expect),
            remarks=tuple(self.remarks),
        )
        return plan.isolated() if definition.isolate else plan

    def _require_a_size(self) -> None:
        """Raise DefinitionError for products that take more memory than a machine has."""
        axes = ("tensorflow", "python", "build", "resolve", "requirements", "without", "beside")
        environments = sum(
            math.prod(len(getattr(block, axis)) for axis in axes)
            for block in (*self.definition.environments, *self.definition.include)
        )
        jobs = environments * len(self.definition.settings) * len(self.definition.cases)
        if jobs > _MOST_JOBS:
            raise DefinitionError(
                [f"environments × settings × cases are {jobs:,} runs; at most {_MOST_JOBS:,} are planned"]
            )

    def _product(self, block: EnvironmentBlock, where: str) -> Iterator[Environment]:
        for spec, python, build, resolve, requirements, without, beside in product(
            block.tensorflow, block.python, block.build, block.resolve, block.requirements, block.without,
            block.beside,
        ):  # fmt: skip
            try:
                version = self.releases.resolve(spec, self.platform)
            except UnknownReleaseError as error:
                # "rc" matches nothing while no candidate is out: the matrix still runs, with a remark.
                found = self.remarks if spec in WORDS else self.problems
                if (text := f"{where}.tensorflow: {error}") not in found:
                    found.append(text)
                continue
            # A nightly is always its own build, whatever builds the block lists.
            kind = Build.NIGHTLY if ".dev" in version else build
            minor = python
            if python == "auto":
                minor = self.releases.newest_python(version, kind, self.platform) or "auto"
            added = tuple(requirements), tuple(without), tuple(beside)
            made = Environment(version, minor, kind, resolve, *added)
            yield self._overridden(made)

    def _overridden(self, environment: Environment) -> Environment:
        resolve, requirements = environment.resolve, environment.requirements
        for index, override in enumerate(self.definition.override):
            ids = (environment.id, environment.base_id)
            if "/" in override.cells or not any(fnmatchcase(each, override.cells) for each in ids):
                continue
            if override.resolve is not None or override.requirements is not None:
                self.used_overrides.add(index)
            resolve = override.resolve or resolve
            requirements = (*requirements, *(override.requirements or ()))
        changed = replace(environment, resolve=resolve, requirements=requirements)
        known = self.ids_before.setdefault(changed.id, set())
        known.update((changed.id, environment.id, environment.base_id))
        return changed

    def _limits(self, cells: list[CellId]) -> dict[tuple[CellId, str], Limits]:
        limits = {}
        for cell, (name, case) in product(cells, self.definition.cases.items()):
            time_limit, memory_limit = case.time_limit, case.memory_limit
            for index, override in enumerate(self.definition.override):
                ids = [CellId(before, cell.setting) for before in self.ids_before[cell.environment]]
                if any(each.matches(override.cells) for each in ids) and fnmatchcase(name, override.cases):
                    if override.time_limit is not None or override.memory_limit is not None:
                        self.used_overrides.add(index)
                    time_limit = override.time_limit or time_limit
                    memory_limit = override.memory_limit or memory_limit
            limits[cell, name] = Limits(time_limit, None if memory_limit is None else int(memory_limit))
        return limits

    def _excluded(self, cells: list[CellId]) -> dict[tuple[CellId, str], str]:
        excluded: dict[tuple[CellId, str], str] = {}
        for index, exclude in enumerate(self.definition.exclude):
            hit = [
                (cell, name)
                for cell, name in product(cells, self.definition.cases)
                if cell.matches(exclude.cells) and fnmatchcase(name, exclude.cases)
            ]
            if not hit:
                self.remarks.append(
                    f"exclude.{index}: cells '{exclude.cells}', cases '{exclude.cases}' match nothing"
                )
            excluded |= dict.fromkeys(hit, exclude.reason)
        return excluded

    def _report_unused_overrides(self) -> None:
        for index, override in enumerate(self.definition.override):
            if index not in self.used_overrides:
                self.remarks.append(
                    f"override.{index}: cells '{override.cells}', cases '{override.cases}' match nothing"
                )

    def _report_unused_expectations(self, cells: list[CellId]) -> None:
        for index, expect in enumerate(self.definition.expect):
            if not any(expect.selects(cell, name) for cell, name in product(cells, self.definition.cases)):
                self.remarks.append(
                    f"expect.{index}: cells '{expect.cells}', cases '{expect.cases}' match nothing"
                )

    def _thinned(
        self,
        cells: list[CellId],
        environments: Mapping[str, Environment],
        always: Collection[CellId],
        unavailable: Mapping[str, str],
        excluded: Mapping[tuple[CellId, str], str],
    ) -> dict[tuple[CellId, str], str]:
        """Return what a pairwise cover excludes in addition to existing exclusions."""
        names = list(self.definition.cases)
        running, missing = {}, {}
        for cell in cells:
            cases = frozenset(name for name in names if (cell, name) not in excluded)
            if cell.environment in unavailable:
                missing[cell] = unavailable[cell.environment]
            elif cases:
                running[cell] = cases
            else:
                missing[cell] = f"excluded: {excluded[cell, names[0]]}"
        cover = pairwise(running, environments, always, missing)
        self.remarks += cover.remarks
        return {
            (cell, name): LEFT_OUT
            for cell, cases in running.items()
            if cell not in cover.kept
            for name in names
            if name in cases
        }

    def _baseline(self, cells: list[CellId]) -> CellId:
        wanted = self.definition.baseline
        matching = [cell for cell in cells if cell.matches(wanted)]
        if len({cell.environment for cell in matching}) != 1 or ("/" in wanted and len(matching) != 1):
            shown = listed(sorted({cell.environment for cell in matching or cells}), _MOST_NAMED)
            count = "several" if matching else "none"
            self.problems.append(
                f"baseline: '{wanted}' must match one cell; "
                f"it matches {count} of: {shown or 'no environment'}"
            )
            return CellId("", "")
        return matching[0]

    def _unavailable(self, environments: Iterable[Environment]) -> dict[str, str]:
        found = {}
        for environment in environments:
            reason = self.releases.why_unavailable(
                environment.tensorflow, environment.build, self.platform, environment.python
            )
            if reason is not None:
                found[environment.id] = reason
        return found
