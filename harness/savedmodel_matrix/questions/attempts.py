"""Candidate fixes for failed cells, as a plan: each is tried in its own new cell."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.plan import Plan
from savedmodel_matrix.knowledge.causes.base import RemedyKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Given, Limits
    from savedmodel_matrix.knowledge.causes.base import Remedy
    from savedmodel_matrix.verdicts.causes.match import Match

#: Attempts per failure. Causes and their fixes are ranked; later ones are guesses.
_MOST_CAUSES = 2
_MOST_ATTEMPTS = 5
#: The TensorFlow version is an axis of the matrix, so changing it does not count as a fix.
_TENSORFLOW = re.compile(r"(tensorflow|tf[-_]nightly)([-_](cpu|gpu|intel|macos))?")
_NOT_TRIED = "no part of any attempt"


@dataclass(frozen=True)
class Failure:
    """A cell and case that failed, and its explanations, best first."""

    cell: CellId
    case: str
    matches: Sequence[Match]
    re_exported: str | None = None
    """The model as exported again by the baseline's environment; None if that is not possible."""
    given: Given | None = None
    """The inputs from the baseline's pipeline, if the model itself failed: a fixed model is compared with the
    baseline on the same inputs."""


@dataclass(frozen=True)
class Attempt:
    """One fix for one failure: ``variant`` of the case in ``cell`` of the fix plan."""

    failed: CellId
    case: str
    cause: str
    remedy: Remedy
    cell: CellId
    variant: str


@dataclass(frozen=True)
class Remedies:
    """The attempts, and the plan that runs them all."""

    plan: Plan
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class _Changed:
    """A cell and case with one fix applied."""

    environment: Environment
    setting: tuple[str, SettingDefinition]
    case: tuple[str, CaseDefinition]
    limits: Limits
    given: Given | None


def plan_remedies(
    plan: Plan, failures: Sequence[Failure], can_exist: Callable[[Environment], bool]
) -> Remedies:
    """Return the attempts to fix failures: a few for each environment and case.

    Settings that fail alike in one environment have the same fix, so only the first of them is tried.
    ``can_exist`` says whether an environment can be created here.
    """
    attempts: list[Attempt] = []
    changed: dict[tuple[CellId, str], _Changed] = {}
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    for failure in failures:
        causes = tuple(match.cause.id for match in failure.matches[:_MOST_CAUSES])
        if (kind := (failure.cell.environment, failure.case, causes)) in seen:
            continue
        seen.add(kind)
        for attempt, result in list(_attempts(plan, failure, can_exist))[:_MOST_ATTEMPTS]:
            attempts.append(attempt)
            changed[attempt.cell, attempt.variant] = result
    return Remedies(_plan(plan, changed), tuple(attempts))


def _attempts(
    plan: Plan, failure: Failure, can_exist: Callable[[Environment], bool]
) -> Iterator[tuple[Attempt, _Changed]]:
    tried: set[tuple[CellId, str]] = set()
    for match in failure.matches[:_MOST_CAUSES]:
        for remedy in match.remedies:
            brought = any(each.kind is RemedyKind.PACKAGE for each in match.remedies)
            result = _apply(plan, failure, remedy, brought=brought)
            if result is None or not can_exist(result.environment):
                continue
            result = _with_rest(result, remedy, match)
            cell = CellId(result.environment.id, result.setting[0])
            if (cell, result.case[0]) not in tried:
                tried.add((cell, result.case[0]))
                yield (
                    Attempt(failure.cell, failure.case, match.cause.id, remedy, cell, result.case[0]),
                    result,
                )


def _apply(plan: Plan, failure: Failure, remedy: Remedy, *, brought: bool) -> _Changed | None:
    """Return the failed cell and case with the fix applied; None for a fix that only a person can make.

    ``brought`` is whether another fix for the same cause adds a package.
    """
    setting = plan.settings[failure.cell.setting]
    # The only question is whether it runs at all, so no checks.
    case = plan.cases[failure.case].model_copy(update={"checks": []})
    same = _Changed(
        plan.environments[failure.cell.environment],
        (failure.cell.setting, setting),
        (failure.case, case),
        plan.limits[failure.cell, failure.case],
        failure.given,
    )
    if remedy.kind is RemedyKind.RE_EXPORT:
        at_home = failure.cell.environment == plan.baseline.environment
        return None if failure.re_exported is None or at_home else _saved_again(same, failure.re_exported)
    if remedy.kind in {RemedyKind.IMPORT, RemedyKind.RESOLVE} and brought:
        return None  # tried together with the package that needs it
    apply = _APPLY.get(remedy.kind)
    changed = None if apply is None else apply(same, remedy.value)
    return None if changed == same else changed


def _other_loader(same: _Changed, loader: str) -> _Changed | None:
    (setting_name, setting), (name, case) = same.setting, same.case
    if loader == (setting.loader or case.loader):
        return None
    if setting.loader is not None:
        # Under its own name: other fixes for the same failure keep the setting unchanged.
        setting_name, setting = f"{setting_name}+{loader}", setting.model_copy(update={"loader": None})
    return replace(
        same,
        setting=(setting_name, setting),
        case=(f"{name}+{loader}", case.model_copy(update={"loader": loader})),
    )


def _other_packages(same: _Changed, requirement: str) -> _Changed | None:
    """Add a requirement, in the place of what the environment asks of the same package, if anything."""
    wanted, asked = Requirement(requirement).name, same.environment.requirements
    if _TENSORFLOW.fullmatch(wanted) or requirement in asked:
        return None
    kept = [each for each in asked if canonicalize_name(Requirement(each).name) != canonicalize_name(wanted)]
    return replace(
        same,
        environment=replace(same.environment, requirements=(*kept, requirement), provisional=True),
    )


def _with_rest(changed: _Changed, remedy: Remedy, match: Match) -> _Changed:
    """Return a package added, with the date at which it is there and the import that the same cause names."""
    if remedy.kind is not RemedyKind.PACKAGE:
        return changed
    for each in match.remedies:
        if each.kind is RemedyKind.RESOLVE and changed.environment.resolve == "release":
            changed = _other_resolution(changed, each.value)
        if each.kind is RemedyKind.IMPORT:
            changed = _other_imports(changed, each.value)
    return changed


def _other_imports(same: _Changed, module: str) -> _Changed:
    name, case = same.case
    if module in case.imports:
        return same
    imports = [*case.imports, module]
    return replace(same, case=(f"{name}+import-{module}", case.model_copy(update={"imports": imports})))


def _other_resolution(same: _Changed, resolve: str) -> _Changed:
    return replace(same, environment=replace(same.environment, resolve=resolve, provisional=True))


def _other_variable(same: _Changed, assignment: str) -> _Changed:
    variable, _, value = assignment.partition("=")
    name, setting = same.setting
    changed = setting.model_copy(update={"variables": {**setting.variables, variable: value}})
    if changed == setting:
        return same
    return replace(same, setting=(f"{name}+{variable}-{re.sub('[^A-Za-z0-9._-]', '_', value)}", changed))


def _saved_again(same: _Changed, folder: str) -> _Changed:
    name, case = same.case
    place = {"path": folder, "package": None, "tags": None}
    return replace(same, case=(f"{name}+re-export", case.model_copy(update=place)))


_APPLY: dict[RemedyKind, Callable[[_Changed, str], _Changed | None]] = {
    RemedyKind.LOADER: _other_loader,
    RemedyKind.IMPORT: _other_imports,
    RemedyKind.PACKAGE: _other_packages,
    RemedyKind.PIN: _other_packages,
    RemedyKind.RESOLVE: _other_resolution,
    RemedyKind.VARIABLE: _other_variable,
}


def _plan(plan: Plan, changed: dict[tuple[CellId, str], _Changed]) -> Plan:
    environments = {found.environment.id: found.environment for found in changed.values()}
    settings = dict(found.setting for found in changed.values())
    cases = dict(found.case for found in changed.values())
    cells = [CellId(name, setting) for name, setting in product(environments, settings)]
    return Plan(
        matrix=f"{plan.matrix}, remedies",
        baseline=plan.baseline,
        environments=environments,
        settings=settings,
        cases=cases,
        limits={place: found.limits for place, found in changed.items()},
        given={place: found.given for place, found in changed.items() if found.given is not None},
        excluded={
            (cell, case): _NOT_TRIED for cell, case in product(cells, cases) if (cell, case) not in changed
        },
        isolate=plan.isolate,
    )
