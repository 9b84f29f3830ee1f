"""What releases ask of the environment around them, and what changes between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.knowledge.requirements import cuda_of, required_by
from savedmodel_matrix.planning.predictions import installed_packages
from savedmodel_matrix.report.upgrade.document import ReleaseRow

if TYPE_CHECKING:
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.planning.workspace import Workspace

#: In the order in which they are told.
_PACKAGES = {"numpy": "NumPy", "protobuf": "protobuf", "keras": "Keras", "h5py": "h5py"}


def release_row(project: Workspace, plan: Plan, environment: Environment, *, measured: bool) -> ReleaseRow:
    """Return what a candidate asks for."""
    version = environment.tensorflow
    build = environment.build if environment.build is Build.NIGHTLY else Build.CPU
    cuda = cuda_of(version)
    pins = installed_packages(project, environment)
    return ReleaseRow(
        tensorflow=version,
        environment=environment.id,
        measured=measured,
        unavailable=plan.unavailable.get(environment.id),
        pythons=list(project.releases.pythons(version, build, platform_name())),
        packages=dict(required_by(version) or {}),
        installed={name: pins[name] for name in _PACKAGES if pins.get(name)},
        cuda=cuda.cuda if cuda else None,
        cudnn=cuda.cudnn if cuda else None,
    )


def asks(first: ReleaseRow, last: ReleaseRow) -> list[str]:
    """Return what an upgrade between two releases asks for, one line each, what has to change first."""
    return [
        _python(first, last),
        *(_package(name, shown, first, last) for name, shown in _PACKAGES.items() if name in last.packages),
        *_cuda(first, last),
    ]


def _python(first: ReleaseRow, last: ReleaseRow) -> str:
    common = [minor for minor in first.pythons if minor in last.pythons]
    if common:
        return f"Python {joined(common, 'or')} (runs both releases)"
    return (
        f"Python {joined(last.pythons, 'or')}: a new interpreter, as {first.tensorflow} runs on "
        f"{joined(first.pythons, 'or')} only"
    )


def _package(name: str, shown: str, first: ReleaseRow, last: ReleaseRow) -> str:
    asked = f"{shown} {_bounds(last.packages[name])}".strip()
    before = f"; was {_bounds(first.packages[name]) or 'any'}" if name in first.packages else "; new"
    same = first.packages.get(name) == last.packages[name]
    pinned = f", {last.installed[name]} in the lock" if name in last.installed else ""
    return f"{asked}{' (as before)' if same else before}{pinned}"


def _bounds(specifier: str) -> str:
    """Return a version specifier, the lower bound first, without versions that are left out one by one."""
    parts = [part for part in specifier.split(",") if part and not part.startswith("!=")]
    return ",".join(sorted(parts, key=lambda part: part.startswith("<")))


def _cuda(first: ReleaseRow, last: ReleaseRow) -> list[str]:
    if last.cuda is None:
        return []
    same = (first.cuda, first.cudnn) == (last.cuda, last.cudnn)
    before = "as before" if same else f"was {first.cuda} and {first.cudnn}"
    return [f"CUDA {last.cuda} and cuDNN {last.cudnn} on a GPU ({before})"]
