"""Cells that separate factors that a matrix could not: whether they can exist, and a plan with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.errors import NothingSelectedError
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.knowledge.keras_versions import can_pin_keras
from savedmodel_matrix.knowledge.releases import NEWEST_PROBED
from savedmodel_matrix.store.newest_report import newest_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.knowledge.releases import ReleaseTable
    from savedmodel_matrix.planning.workspace import Workspace

#: Factors that a pin changes, and the distribution to pin.
_PINNED = {"Keras": "keras", "NumPy": "numpy", "protobuf": "protobuf", "h5py": "h5py", "tf-keras": "tf-keras"}
_NOT_NEEDED = "not needed to separate the factors"


def changed_environment(
    releases: ReleaseTable, base: Environment, change: Mapping[str, str]
) -> Environment | None:
    """Return the environment that differs from ``base`` only in one factor's value; None if there is none."""
    ((factor, value),) = change.items()
    if factor == "Python":
        if tuple(int(part) for part in value.split(".")) > NEWEST_PROBED:
            return None
        why_not = releases.why_unavailable(base.tensorflow, base.build, platform_name(), value)
        return None if why_not else replace(base, python=value, provisional=True)
    if factor not in _PINNED or not value.split()[-1][:1].isdigit():
        return None
    version = value.split()[-1]
    if factor == "Keras" and not can_pin_keras(base.tensorflow, version):
        return None
    pin = f"{_PINNED[factor]}=={version}"
    return replace(base, requirements=(*base.requirements, pin), provisional=True)


def separating_plan(project: Workspace, plan: Plan) -> Plan:
    """Return the plan with the cells that the newest report of this matrix proposes.

    Raises:
        NothingSelectedError: if the newest report is for another matrix, or proposes nothing.
    """
    report = newest_report(project.results)
    proposed = report.proposals if report is not None and report.matrix == plan.matrix else ()
    environments, limits = dict(plan.environments), dict(plan.limits)
    excluded, included = dict(plan.excluded), dict(plan.included)
    wanted: dict[tuple[CellId, str], str] = {}
    added = []
    for row in proposed:
        base_id, setting = row.environment, row.setting
        if base_id not in environments:
            continue  # the definition has changed since
        environment = changed_environment(project.releases, environments[base_id], row.change)
        if environment is None:
            continue
        environments[environment.id] = environment
        included.setdefault(environment.id, f"separates {' from '.join(row.separates)}")
        wanted |= {(CellId(environment.id, setting), case): base_id for case in row.cases}
        added.append(row)
    if not wanted:
        raise NothingSelectedError(
            f"--separate: the newest report proposes no cells for matrix '{plan.matrix}'; run it without "
            "--separate first"
        )
    for name in environments:
        for cell in [CellId(name, setting) for setting in plan.settings if name not in plan.environments]:
            for case in plan.cases:
                # A base may be an added cell itself; added cells come in the order of the proposals.
                base = CellId(wanted.get((cell, case), plan.baseline.environment), cell.setting)
                limits[cell, case] = limits[base, case]
                if (cell, case) not in wanted:
                    excluded[cell, case] = _NOT_NEEDED
    return replace(
        plan,
        environments=environments,
        limits=limits,
        excluded=excluded,
        included=included,
        added=tuple(added),
    )
