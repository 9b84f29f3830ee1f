"""Why an op is not registered, and what brings it: one answer for predictions, causes and fixes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from savedmodel_matrix.knowledge.ops import order

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from savedmodel_matrix.knowledge.op_packages import OpPackage
    from savedmodel_matrix.knowledge.ops import Knowledge


class MissingOp(StrEnum):
    """Where a missing op belongs. The names in brackets are the facts that an answer always has."""

    LATER_TENSORFLOW = "later-tensorflow"
    """TensorFlow's own, from a later release on [since]."""
    EARLIER_TENSORFLOW = "earlier-tensorflow"
    """TensorFlow's own, up to an earlier release [until]."""
    PACKAGE = "package"
    """A package's that is not installed [package, provider]; also ``requirement``, ``module`` and, if the
    release is later than the TensorFlow's, ``as_of``; or ``library``."""
    NOT_IMPORTED = "not-imported"
    """A package's that is installed [package, provider, state]; also ``module``, or ``library``."""
    OLDER_PACKAGE = "older-package"
    """The installed release is too old, and another one fits this TensorFlow [package, provider, installed];
    also what ``PACKAGE`` has."""
    NEWER_THAN_PACKAGE = "newer-than-package"
    """No release for this TensorFlow has it [package, provider, release]; also ``since``."""
    NO_RELEASE = "no-release"
    """No release of the package works on this TensorFlow [package, provider]; also ``works``: the
    releases that work on the nearest others."""
    NAMED = "named"
    """A package's or a build's that was not tried [needs]."""
    UNKNOWN = "unknown"
    """Neither TensorFlow's nor a known package's."""


#: The facts that every answer of a kind has.
ALWAYS: Mapping[MissingOp, frozenset[str]] = {
    MissingOp.LATER_TENSORFLOW: frozenset({"since"}),
    MissingOp.EARLIER_TENSORFLOW: frozenset({"until"}),
    MissingOp.PACKAGE: frozenset({"package", "provider"}),
    MissingOp.NOT_IMPORTED: frozenset({"package", "provider", "state"}),
    MissingOp.OLDER_PACKAGE: frozenset({"package", "provider", "installed"}),
    MissingOp.NEWER_THAN_PACKAGE: frozenset({"package", "provider", "release"}),
    MissingOp.NO_RELEASE: frozenset({"package", "provider"}),
    MissingOp.NAMED: frozenset({"needs"}),
    MissingOp.UNKNOWN: frozenset(),
}
#: The facts that some have. All come from the tables, and none from an error's text.
FACTS = frozenset[str]().union(*ALWAYS.values(), {"requirement", "module", "as_of", "library", "works"})


@dataclass(frozen=True)
class Answer:
    """Where an op belongs, with the facts by name."""

    kind: MissingOp
    facts: Mapping[str, str]


def explain_op(
    known: Knowledge,
    op: str,
    minor: str,
    platform: str,
    installed: Mapping[str, str],
    imported: Collection[str] = (),
) -> Answer | None:
    """Return why an op is not registered; None if it should be: TensorFlow or an imported package has it.

    ``installed`` are the distributions beside TensorFlow with their versions, "" for one of any version.
    ``imported`` are the modules that were imported, and did not register it.
    """
    if known.is_op(op):
        return _of_tensorflow(known, op, minor)
    versions = {canonicalize_name(name): version for name, version in installed.items()}
    if (package := known.packages.of_op(op)) is not None:
        version = versions.get(canonicalize_name(package.name))
        return _of_package(package, minor, platform, version, imported=package.module in imported)
    provider = known.provider_of_op(op)
    if provider is None:
        return Answer(MissingOp.UNKNOWN, {})
    if provider.package and canonicalize_name(provider.package) in versions:
        return Answer(
            MissingOp.NOT_IMPORTED,
            {"package": provider.package, "provider": provider.package, "state": "not imported"},
        )
    return Answer(MissingOp.NAMED, {"needs": provider.needs})


def explain_module(
    known: Knowledge, module: str, minor: str, platform: str, installed: Collection[str]
) -> Mapping[str, str] | None:
    """Return the facts about the package that a missing module belongs to.

    ``package`` is always there, and ``requirement`` and ``as_of`` if a release works on this TensorFlow. None
    if the package is not known here, or is among the ``installed`` distributions.
    """
    package = known.packages.of_module(module)
    if package is None or canonicalize_name(package.name) in map(canonicalize_name, installed):
        return None
    facts = {"package": package.name}
    if (release := package.release(minor, platform)) is not None:
        facts["requirement"] = f"{package.name}=={release}"
        facts |= {name: value for name, value in package.tried[minor].items() if name == "as_of"}
    return facts


def _of_tensorflow(known: Knowledge, op: str, minor: str) -> Answer | None:
    first, last = known.registered(op)
    if first is not None and order(first) > order(minor):
        return Answer(MissingOp.LATER_TENSORFLOW, {"since": first})
    if last is not None and order(last) < order(minor):
        return Answer(MissingOp.EARLIER_TENSORFLOW, {"until": last})
    return None


def _of_package(
    package: OpPackage, minor: str, platform: str, installed: str | None, *, imported: bool
) -> Answer | None:
    since = f" {package.first} or later" if package.first else ""
    facts = {"package": package.name, "provider": f"{package.name}{since}"}
    release = package.release(minor, platform)
    if installed is not None and (not installed or package.has_op(installed) is not False):
        if not imported:
            facts["state"] = "not loaded" if package.module is None else "not imported"
            return Answer(MissingOp.NOT_IMPORTED, {**facts, **_way(package)})
        if release == installed:
            return None
    if release is not None and package.has_op(release) is not False:
        facts |= _way(package, f"{package.name}=={release}", package.tried[minor].get("as_of"))
        if installed is None:
            return Answer(MissingOp.PACKAGE, facts)
        return Answer(MissingOp.OLDER_PACKAGE, {**facts, "installed": installed})
    return _unavailable(package, minor, platform, installed or release, facts)


def _unavailable(
    package: OpPackage, minor: str, platform: str, release: str | None, facts: Mapping[str, str]
) -> Answer:
    """Return the answer if no release is known to bring the op to this TensorFlow; ``release`` lacks it."""
    working = package.working(platform)
    if release is not None:
        later = [each for each in working if order(each) > order(minor)]
        found = {"since": later[0]} if later else {}
        return Answer(MissingOp.NEWER_THAN_PACKAGE, {**facts, **found, "release": release})
    if minor not in package.tried:
        return Answer(MissingOp.PACKAGE, {**facts, **_way(package, package.name)})
    return Answer(MissingOp.NO_RELEASE, {**facts, **_nearest(working, minor)})


def _nearest(working: Mapping[str, str], minor: str) -> dict[str, str]:
    """Return in words which releases work on the TensorFlow before a minor, and on the one after it."""
    on = {each: f"{release} on TensorFlow {each}" for each, release in working.items()}
    before = [on[each] for each in working if order(each) < order(minor)][-1:]
    after = [on[each] for each in working if order(each) > order(minor)][:1]
    if before and after:
        return {"works": f"the nearest that work are {before[0]} and {after[0]}"}
    which = "last" if before else "first"
    only = before or after
    return {"works": f"the {which} that works is {only[0]}"} if only else {}


def _way(package: OpPackage, requirement: str | None = None, as_of: str | None = None) -> dict[str, str]:
    """Return what to install, if anything, and what to do then to have the op."""
    if package.module is None:
        return {"library": f"{package.library} of {requirement or package.name}"}
    facts = {"module": package.module, "requirement": requirement, "as_of": as_of}
    return {name: value for name, value in facts.items() if value is not None}
