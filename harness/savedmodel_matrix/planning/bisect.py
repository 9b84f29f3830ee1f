"""The plan of a bisection: a cell for every version of a package, and everything else the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from savedmodel_matrix.domain.bisect import TENSORFLOW, Bisect, Predicate
from savedmodel_matrix.domain.definition import Definition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.errors import LockError, UsageError
from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.planning.expand import expand
from savedmodel_matrix.planning.load import nearest
from savedmodel_matrix.planning.locking import usable_lock
from savedmodel_matrix.planning.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.environments.index import PackageIndex
    from savedmodel_matrix.planning.workspace import Workspace

#: Distributions that are TensorFlow itself.
TENSORFLOWS = {
    "tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly", "tf-nightly-cpu",
}  # fmt: skip
_NEEDS_FLOOR = (Predicate.VERDICT, Predicate.NOISE, Predicate.DECISION)


def completed(
    project: Workspace, bisect: Bisect, index: Callable[[], PackageIndex], say: Callable[[str], None]
) -> Bisect:
    """Return what was asked with every version between the two ends, and what stays the same.

    ``index`` opens the package index, for packages other than TensorFlow.

    Raises:
        UsageError: if the versions are unknown or in the wrong order, or something is missing.
        UnknownReleaseError: for an unknown TensorFlow release.
        PackageError: if the index does not know the package.
        LockError: if the good end cannot be resolved.
    """
    if (bisect.predicate is Predicate.COMMAND) != (bisect.command is not None):
        raise UsageError("--command goes with --on command, and only with it")
    if bisect.package == TENSORFLOW:
        if bisect.tensorflow is not None:
            raise UsageError("--tensorflow is for bisecting another package: it names the release that stays")
        good, bad = (project.releases.resolve(each, platform_name()) for each in (bisect.good, bisect.bad))
        versions = _between(project.releases.versions, good, bad)
        done = bisect.model_copy(update={"good": good, "bad": bad, "versions": versions})
    else:
        tensorflow = project.releases.resolve(
            bisect.tensorflow or target_of(project, bisect.target).producer(project), platform_name()
        )
        with_tensorflow = bisect.model_copy(update={"tensorflow": tensorflow})
        files = index().project_files(bisect.package)
        known = [each.version for each in files if each.version and not each.yanked]
        versions = _between(_sorted(known), bisect.good, bisect.bad)
        done = with_tensorflow.model_copy(update={"versions": versions})
    if done.package != TENSORFLOW:
        return _pinned(project, done, say)
    _pythons_of(project, done)  # refused as early as possible
    return done


def bisect_plan(project: Workspace, bisect: Bisect) -> Plan:
    """Return the plan of a completed bisection: one environment for each version, the good end first.

    Raises:
        UsageError: if the target has no such case.
        HarnessError: as ``target_of`` does.
    """
    target = target_of(project, bisect.target)
    cases = dict(target.cases)
    if bisect.case is not None:
        if bisect.case not in cases:
            raise UsageError(f"{bisect.target} has no case '{bisect.case}'{nearest(bisect.case, cases)}")
        cases = {bisect.case: cases[bisect.case]}
    made = {each.id: each for each in _environments(project, bisect)}
    floor = {} if bisect.predicate in _NEEDS_FLOOR else {"replicates": 0}
    definition = Definition.model_validate(
        {
            "baseline": next(iter(made)),
            "environments": [_block(each) for each in made.values()],
            "settings": {target.setting: target.options},
            "cases": cases,
            "noise_floor": floor,
            "power": {"seconds": 0},
        }
    )
    plan = expand(definition, f"bisect-{target.name}", project.releases, platform_name())
    return replace(plan, environments={name: replace(each, provisional=True) for name, each in made.items()})


def version_of(bisect: Bisect, environment: Environment) -> str:
    """Return the version of the bisected package in an environment of the plan."""
    if bisect.package == TENSORFLOW:
        return environment.tensorflow
    return environment.requirements[0].partition("==")[2]


def pins_without(pins: Iterable[tuple[str, str]], *names: str) -> tuple[str, ...]:
    """Return exact requirements for everything but some packages and TensorFlow itself."""
    left_out = {canonicalize_name(name) for name in names} | TENSORFLOWS
    return tuple(f"{name}=={version}" for name, version in pins if canonicalize_name(name) not in left_out)


def _environments(project: Workspace, bisect: Bisect) -> list[Environment]:
    if bisect.package == TENSORFLOW:
        pythons = _pythons_of(project, bisect)
        return [
            Environment(version, python, Build.NIGHTLY if ".dev" in version else Build.CPU)
            for version, python in zip(bisect.versions, pythons, strict=True)
        ]
    assert bisect.tensorflow is not None, "it is completed"  # noqa: S101
    python = _stays(project, bisect)
    return [
        Environment(
            bisect.tensorflow, python, Build.CPU, "today", (f"{bisect.package}=={version}", *bisect.pins)
        )
        for version in bisect.versions
    ]


def _block(environment: Environment) -> dict[str, object]:
    return {
        "tensorflow": environment.tensorflow,
        "python": environment.python,
        "resolve": environment.resolve,
        "requirements": [list(environment.requirements)],
    }


def _stays(project: Workspace, bisect: Bisect) -> str:
    """Return the Python for the TensorFlow that stays.

    Raises:
        UsageError: if the Python that was asked for does not run it.
    """
    assert bisect.tensorflow is not None, "as above"  # noqa: S101
    own = _pythons(project, bisect.tensorflow)
    if bisect.python is not None and bisect.python not in own:
        raise UsageError(
            f"--python {bisect.python}: TensorFlow {bisect.tensorflow} runs on {joined(own, 'or')}"
        )
    return bisect.python or own[-1]


def _pythons_of(project: Workspace, bisect: Bisect) -> list[str]:
    """Return a Python for each release of TensorFlow: one for as long as it runs them, then the next.

    Raises:
        UsageError: if the Python that was asked for does not run both ends.
    """
    every = [_pythons(project, version) for version in bisect.versions]
    if bisect.python is not None:
        for version, own in ((bisect.good, every[0]), (bisect.bad, every[-1])):
            if bisect.python not in own:
                raise UsageError(
                    f"--python {bisect.python}: TensorFlow {version} runs on {joined(own, 'or')}"
                )
    found: list[str] = []
    while len(found) < len(every):
        left = every[len(found) :]
        lasts = {python: _length(python, left) for python in left[0]}
        python = bisect.python if bisect.python in lasts else max(lasts, key=lambda each: (lasts[each], each))
        found += [python] * lasts[python]
    return found


def _length(python: str, pythons: Sequence[Sequence[str]]) -> int:
    """Return how many of the first releases a Python runs."""
    return next((at for at, own in enumerate(pythons) if python not in own), len(pythons))


def _pythons(project: Workspace, version: str) -> list[str]:
    build = "nightly" if ".dev" in version else "cpu"
    newest = project.releases.newest_python(version, build, platform_name())
    every = project.releases.pythons(version, build, platform_name())
    if newest is None:
        raise UsageError(f"TensorFlow {version} has no wheels for {platform_name()}")
    return list(every[: every.index(newest) + 1])


def _between(versions: Sequence[str], good: str, bad: str) -> tuple[str, ...]:
    """Return the versions from one end to the other, in the order from good to bad."""
    ordered = _sorted(versions)
    for each in (good, bad):
        if each not in ordered:
            raise UsageError(f"no version '{each}'{nearest(each, ordered)}")
    first, last = ordered.index(good), ordered.index(bad)
    if first == last:
        raise UsageError(f"--good and --bad are the same version, {good}")
    return tuple(ordered[first : last + 1] if first < last else reversed(ordered[last : first + 1]))


def _sorted(versions: Iterable[str]) -> list[str]:
    found: dict[str, Version] = {}
    for each in versions:
        try:
            found[each] = Version(each)
        except InvalidVersion:
            continue
    return sorted(found, key=found.__getitem__)


def _pinned(project: Workspace, bisect: Bisect, say: Callable[[str], None]) -> Bisect:
    """Return the bisection with the other packages of its good end, resolved as of TensorFlow's release."""
    assert bisect.tensorflow is not None, "it was just resolved"  # noqa: S101
    python = _stays(project, bisect)
    wanted = (f"{bisect.package}=={bisect.versions[0]}",)
    found = find_interpreter(python)
    good = Environment(bisect.tensorflow, python, Build.CPU, "release", wanted, provisional=True)
    try:
        lock = usable_lock(project, good, Path(found) if found else None, say)
    except LockError:  # a good version that is younger than TensorFlow's release
        lock = usable_lock(project, replace(good, resolve="today"), Path(found) if found else None, say)
    return bisect.model_copy(update={"pins": pins_without(lock.pins.items(), bisect.package)})
