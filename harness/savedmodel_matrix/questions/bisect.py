"""Bisection: the first version with another answer, and whether the package itself is to blame.

The two ends are measured first. Final releases are halved before candidates, and these before nightlies. What
cannot be installed is left out. At every boundary where TensorFlow changes, the packages that changed with it
are put back one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from savedmodel_matrix.domain.bisect import TENSORFLOW, Predicate
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.recorded import Evidence
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.planning.bisect import TENSORFLOWS, pins_without, version_of
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.matrix import matrix_run
from savedmodel_matrix.questions.narrow import boundaries, next_points
from savedmodel_matrix.questions.predicates import Judged, command_jobs, judged
from savedmodel_matrix.questions.share import run_share

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.bisect import Bisect
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.store.runs import Run

#: Packages that are put back at a boundary, the likeliest first; the others follow by name.
_LIKELY = ("numpy", "protobuf", "keras", "tf-keras", "h5py", "ml-dtypes", "wrapt", "flatbuffers", "absl-py")
_MOST_SWAPS = 6


@dataclass(frozen=True)
class Change:
    """A place where the answer changes, by environment."""

    before: str
    after: str
    exact: bool
    """Whether nothing that can be measured lies between."""


@dataclass(frozen=True)
class Swap:
    """One package put back at a boundary: the newer environment with the older version of the package."""

    change: Change
    package: str
    old: str
    new: str
    environment: Environment


@dataclass(frozen=True)
class Found:
    """How far a bisection has come."""

    points: tuple[str, ...]
    """The environments on the axis, those left out that cannot be measured."""
    left_out: tuple[str, ...]
    """Environments that could not be judged."""
    judged: Mapping[str, Judged]
    """What became of every environment that was measured."""
    changes: tuple[Change, ...]
    wanted: frozenset[str]
    """Environments to measure next."""
    runs_left: int
    """How many more environments halving takes, at most."""


class BisectQuestion:
    """Rounds of versions, until every change of the answer lies between two neighbours."""

    name = "bisect"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the versions to measure now; None if every change is found."""
        if asked.request.bisect is None:
            return None
        tried = {share.environment.id for each in before for share in each.shares}
        found = searched(asked.project, asked.plan, asked.request.bisect, tried)
        jobs = [job for job in _pending(asked, asked.plan) if job.cell.environment in found.wanted]
        if not jobs:
            return None
        return Round(self.name, len(before) + 1, shares_of(asked.plan, jobs), _says(asked, found))

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - everything that is left there
        """Run the case, or the command, in one environment."""
        run_share(asked, _with_command(asked, asked.plan), environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome of every version so far."""
        run = matrix_run(asked.plan, asked.run, collect(asked.project, asked.plan, Selection()), number)
        return run.model_copy(update={"question": self.name})


class BoundaryQuestion:
    """One round: at each boundary, the packages that changed with TensorFlow, put back one at a time."""

    name = "boundary"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round if a package can be put back and that is not measured yet."""
        if before:
            return None
        plan = swap_plan(asked.plan, _swaps(asked))
        jobs = [] if plan is None else _pending(asked, plan)
        if plan is None or not jobs:
            return None
        says = "putting back packages that changed with TensorFlow, one at a time"
        return Round(self.name, 1, shares_of(plan, jobs), says)

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Run the case, or the command, with one package put back."""
        plan = swap_plan(asked.plan, _swaps(asked))
        if plan is not None:
            run_share(asked, _with_command(asked, plan), environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome in every such environment."""
        plan = swap_plan(asked.plan, _swaps(asked)) or asked.plan
        run = matrix_run(plan, asked.run, collect(asked.project, plan, Selection()), number)
        return run.model_copy(update={"question": self.name, "matrix": asked.plan.matrix})


def searched(project: Workspace, plan: Plan, bisect: Bisect, tried: set[str]) -> Found:
    """Return how far the search has come, from what is in the store.

    ``tried`` are environments in which this run measured; those without an answer cannot be judged.
    """
    collection, evidence = collect(project, plan, Selection()), Evidence(project, plan, Selection())
    became = judged(project, plan, bisect, collection, evidence)
    known = {name: each.answer for name, each in became.items() if each.answer is not None}
    settled = {name for name, each in became.items() if not each.may_change}
    left_out = tuple(
        name
        for name in plan.environments
        if name not in known and (name in tried or name in settled or name in plan.unavailable)
    )
    axis = [name for name in plan.environments if name not in left_out]
    wanted: list[str] = []
    for level in _levels(plan, bisect, axis):
        places = {at: known[name] for at, name in enumerate(level) if name in known}
        wanted = [level[at] for at in next_points(len(level), places, _same(places))]
        if wanted:
            break
    places = {at: known[name] for at, name in enumerate(axis) if name in known}
    found = boundaries(places, _same(places))
    return Found(
        points=tuple(axis),
        left_out=left_out,
        judged=became,
        changes=tuple(Change(axis[each.before], axis[each.after], each.is_exact) for each in found),
        wanted=frozenset(wanted),
        runs_left=sum(each.runs_left for each in found),
    )


def _same(places: Mapping[int, Hashable]) -> Callable[[int, int], bool]:
    return lambda a, b: places[a] == places[b]


def _levels(plan: Plan, bisect: Bisect, axis: Sequence[str]) -> list[list[str]]:
    """Return the axis without candidates and nightlies, without nightlies, and whole; the ends stay."""

    def kept(name: str, most: int) -> bool:
        version = Version(version_of(bisect, plan.environments[name]))
        kind = 2 if version.is_devrelease else 1 if version.is_prerelease else 0
        return kind <= most or name in (axis[0], axis[-1])

    return [[name for name in axis if kept(name, most)] for most in range(3)]


def swaps_of(project: Workspace, plan: Plan, bisect: Bisect, changes: Sequence[Change]) -> list[Swap]:
    """Return the packages to put back at each exact change of TensorFlow, at most six for each."""
    if bisect.package != TENSORFLOW:
        return []
    found = []
    for change in changes:
        old, new = (pins_of(project, plan.environments[name]) for name in (change.before, change.after))
        different = [
            name for name in old if name in new and old[name] != new[name] and name not in TENSORFLOWS
        ]
        ranked = sorted(
            different, key=lambda name: (_LIKELY.index(name) if name in _LIKELY else len(_LIKELY), name)
        )
        for name in ranked[:_MOST_SWAPS]:
            pinned = (f"{name}=={old[name]}", *pins_without(new.items(), name))
            base = plan.environments[change.after]
            environment = replace(base, resolve="today", requirements=pinned, provisional=True)
            found.append(Swap(change, name, old[name], new[name], environment))
    return found


def pins_of(project: Workspace, environment: Environment) -> dict[str, str]:
    """Return the versions in an environment's lock; nothing if it is not locked."""
    try:
        pins = read_lock(project.lock_path(environment)).pins
    except LockError:
        return {}
    return {canonicalize_name(name): version for name, version in pins.items()}


def swap_plan(plan: Plan, swaps: Sequence[Swap]) -> Plan | None:
    """Return the plan of the environments with packages put back; it has the baseline as well."""
    if not swaps:
        return None
    baseline = plan.environments[plan.baseline.environment]
    made = {baseline.id: baseline, **{each.environment.id: each.environment for each in swaps}}
    limits = {
        (CellId(name, plan.baseline.setting), case): plan.limits[plan.baseline, case]
        for name in made
        for case in plan.cases
    }
    return replace(plan, environments=made, limits=limits, unavailable={}, excluded={})


def _swaps(asked: Asked) -> list[Swap]:
    bisect = asked.request.bisect
    if bisect is None:
        return []
    found = searched(asked.project, asked.plan, bisect, set(asked.plan.environments))
    return swaps_of(asked.project, asked.plan, bisect, found.changes)


def _pending(asked: Asked, plan: Plan) -> list[Job]:
    return pending(asked.project, _with_command(asked, plan), Selection())


def _with_command(asked: Asked, plan: Plan) -> Plan:
    """Return a plan that only runs the command, if there is one."""
    bisect = asked.request.bisect
    if bisect is None or bisect.predicate is not Predicate.COMMAND or bisect.command is None:
        return plan
    return plan.asking(command_jobs(plan, bisect.command))


def _says(asked: Asked, found: Found) -> str:
    bisect = asked.request.bisect
    assert bisect is not None, "the question is asked of a bisection"  # noqa: S101

    def version(name: str) -> str:
        return version_of(bisect, asked.plan.environments[name])

    if not found.changes:
        versions = [version(name) for name in found.points if name in found.wanted]
        return f"measuring {bisect.package} {', '.join(versions)}"
    narrowed = ", ".join(f"{version(each.before)} … {version(each.after)}" for each in found.changes)
    left = f" (about {count(found.runs_left, 'run')} left)" if found.runs_left else ""
    return f"narrowed to {bisect.package} {narrowed}{left}"
