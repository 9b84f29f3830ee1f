"""The plan of an upgrade: a cell for every minor release between two, and the models' cases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from savedmodel_matrix.domain.definition import Definition
from savedmodel_matrix.domain.errors import UsageError
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.planning.expand import expand
from savedmodel_matrix.planning.targets import target_of

if TYPE_CHECKING:
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.upgrade import Upgrade
    from savedmodel_matrix.planning.workspace import Workspace


def upgrade_plan(project: Workspace, upgrade: Upgrade) -> Plan:
    """Return the plan of an upgrade. Its baseline is the first release, and its last environment the last.

    Raises:
        UnknownReleaseError: for an unknown release.
        UsageError: unless the first release is older than the last.
        HarnessError: as ``target_of`` does.
    """
    target = target_of(project, upgrade.target)
    versions = candidates(project, upgrade.first or target.producer(project), upgrade.last)
    block: dict[str, object] = {"tensorflow": versions}
    if target.like is not None:
        block |= {"requirements": [list(target.like.requirements)], "without": [list(target.like.without)]}
        block |= {"resolve": [target.like.resolve]}
    definition = Definition.model_validate(
        {
            "baseline": f"tf{versions[0]}-*",
            "environments": [block],
            "settings": {target.setting: target.options},
            "cases": target.cases,
        }
    )
    plan = expand(definition, f"upgrade-{target.name}", project.releases, platform_name())
    environments = {name: replace(each, provisional=True) for name, each in plan.environments.items()}
    return replace(plan, environments=environments)


def candidates(project: Workspace, first: str, last: str) -> list[str]:
    """Return the first release, the newest patch of every minor between, and the last release.

    Raises:
        UnknownReleaseError: for an unknown release.
        UsageError: unless the first is older than the last.
    """
    releases = project.releases
    start, end = releases.resolve(first, platform_name()), releases.resolve(last, platform_name())
    if Version(start) >= Version(end):
        raise UsageError(f"--from {start} is not older than --to {end}")
    between = [
        each
        for each in releases.minor_releases()
        if Version(start) < Version(each) < Version(end) and not _same_minor(each, start, end)
    ]
    return [start, *between, end]


def _same_minor(version: str, *others: str) -> bool:
    return Version(version).release[:2] in {Version(each).release[:2] for each in others}
