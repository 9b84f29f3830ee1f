"""Steps of fixes: what each of them changes about a failed cell and case."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge.causes.base import RemedyKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Given, Limits
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.knowledge.causes.base import Remedy
    from savedmodel_matrix.verdicts.causes.match import Match

#: The TensorFlow version is an axis of the matrix, so changing it does not count as a fix.
_TENSORFLOW = re.compile(r"(tensorflow|tf[-_]nightly)([-_](cpu|gpu|intel|macos))?")


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
class Changed:
    """A cell and case with some steps applied."""

    environment: Environment
    setting: tuple[str, SettingDefinition]
    case: tuple[str, CaseDefinition]
    limits: Limits
    given: Given | None


@dataclass(frozen=True)
class Step:
    """A step, and the explanation that it comes from."""

    remedy: Remedy
    match: Match


def _changes(remedy: Remedy) -> tuple[str, str]:
    """Return what a step changes: two steps that change the same thing are no set."""
    if remedy.kind in {RemedyKind.PACKAGE, RemedyKind.PIN}:
        return RemedyKind.PACKAGE, canonicalize_name(Requirement(remedy.value).name)
    if remedy.kind is RemedyKind.VARIABLE:
        return remedy.kind, remedy.value.partition("=")[0]
    return remedy.kind, remedy.value if remedy.kind is RemedyKind.IMPORT else ""


def applied(plan: Plan, failure: Failure, steps: Sequence[Step]) -> Changed | None:
    """Return the failed cell and case with all steps applied.

    None if a step changes nothing, changes the same as another, or only a person can take it.
    """
    if len({_changes(step.remedy) for step in steps}) < len(steps):
        return None
    # The only question is whether it runs at all, so no checks.
    case = plan.cases[failure.case].model_copy(update={"checks": []})
    changed: Changed | None = Changed(
        plan.environments[failure.cell.environment],
        (failure.cell.setting, plan.settings[failure.cell.setting]),
        (failure.case, case),
        plan.limits[failure.cell, failure.case],
        failure.given,
    )
    for step in steps:
        if changed is not None:
            changed = _apply(plan, failure, step, changed)
    return changed


def _apply(plan: Plan, failure: Failure, step: Step, same: Changed) -> Changed | None:
    """Return a cell and case with one step applied; None for a step that only a person can take."""
    remedy, match = step.remedy, step.match
    if remedy.kind is RemedyKind.RE_EXPORT:
        at_home = failure.cell.environment == plan.baseline.environment
        return None if failure.re_exported is None or at_home else _saved_again(same, failure.re_exported)
    brought = any(each.kind is RemedyKind.PACKAGE for each in match.remedies)
    if remedy.kind in {RemedyKind.IMPORT, RemedyKind.RESOLVE} and brought:
        return None  # tried together with the package that needs it
    apply = _APPLY.get(remedy.kind)
    changed = None if apply is None else apply(same, remedy.value)
    return None if changed is None or changed == same else _with_rest(changed, remedy, match)


def _other_loader(same: Changed, loader: str) -> Changed | None:
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


def _other_endpoint(same: Changed, endpoint: str) -> Changed | None:
    name, case = same.case
    if case.endpoint == endpoint or Loader.TFSM_LAYER not in (same.setting[1].loader, case.loader):
        return None
    return replace(same, case=(f"{name}+endpoint-{endpoint}", case.model_copy(update={"endpoint": endpoint})))


def _other_packages(same: Changed, requirement: str) -> Changed | None:
    """Add a requirement, in the place of what the environment asks of the same package, if anything."""
    wanted, asked = Requirement(requirement).name, same.environment.requirements
    if _TENSORFLOW.fullmatch(wanted) or requirement in asked:
        return None
    kept = [each for each in asked if canonicalize_name(Requirement(each).name) != canonicalize_name(wanted)]
    return replace(
        same,
        environment=replace(same.environment, requirements=(*kept, requirement), provisional=True),
    )


def _with_rest(changed: Changed, remedy: Remedy, match: Match) -> Changed:
    """Return a package added, with the date at which it is there and the import that the same cause names."""
    if remedy.kind is not RemedyKind.PACKAGE:
        return changed
    for each in match.remedies:
        if each.kind is RemedyKind.RESOLVE and changed.environment.resolve == "release":
            changed = _other_resolution(changed, each.value)
        if each.kind is RemedyKind.IMPORT:
            changed = _other_imports(changed, each.value)
    return changed


def _other_imports(same: Changed, module: str) -> Changed:
    name, case = same.case
    if module in case.imports:
        return same
    imports = [*case.imports, module]
    return replace(same, case=(f"{name}+import-{module}", case.model_copy(update={"imports": imports})))


def _other_resolution(same: Changed, resolve: str) -> Changed:
    return replace(same, environment=replace(same.environment, resolve=resolve, provisional=True))


def _other_variable(same: Changed, assignment: str) -> Changed:
    variable, _, value = assignment.partition("=")
    name, setting = same.setting
    changed = setting.model_copy(update={"variables": {**setting.variables, variable: value}})
    if changed == setting:
        return same
    return replace(same, setting=(f"{name}+{variable}-{re.sub('[^A-Za-z0-9._-]', '_', value)}", changed))


def _saved_again(same: Changed, folder: str) -> Changed:
    name, case = same.case
    place = {"path": folder, "package": None, "tags": None}
    return replace(same, case=(f"{name}+re-export", case.model_copy(update=place)))


_APPLY: dict[RemedyKind, Callable[[Changed, str], Changed | None]] = {
    RemedyKind.LOADER: _other_loader,
    RemedyKind.ENDPOINT: _other_endpoint,
    RemedyKind.IMPORT: _other_imports,
    RemedyKind.PACKAGE: _other_packages,
    RemedyKind.PIN: _other_packages,
    RemedyKind.RESOLVE: _other_resolution,
    RemedyKind.VARIABLE: _other_variable,
}
