"""The ops that other packages register: in which release, on which TensorFlow, by which import.

The facts are in ``op_packages.json``. ``python -m maintenance.refresh_op_packages`` generates it: it installs
one release of each package for each minor of TensorFlow, and writes down what that registers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from savedmodel_matrix.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DATA = Path(__file__).with_name("op_packages.json")
FORMAT = 1


@dataclass(frozen=True)
class OpPackage:
    """A package that registers an op, and what is known of both."""

    name: str
    module: str | None
    """What to import to have the op; None if no import registers it."""
    library: str | None
    """The file to load for it, below the folder of installed packages, if no import does."""
    having: tuple[str, ...]
    """The releases seen to register the op, oldest first."""
    lacking: tuple[str, ...]
    """The other releases that were seen."""
    tried: Mapping[str, Mapping[str, str]]
    """By minor of TensorFlow, oldest first: the ``release`` that was installed, or the ``problem``; ``as_of``
    is the date that packages were resolved for, if the release is too late for TensorFlow's own."""
    wheels: Mapping[str, Mapping[str, Sequence[str]]]
    """By release and platform: the Pythons."""

    def release(self, minor: str, platform: str) -> str | None:
        """Return the release that was seen to work on a TensorFlow, and has wheels for a platform."""
        row = self.tried.get(minor, {})
        release = row.get("release")
        if release is None or "problem" in row or platform not in self.wheels[release]:
            return None
        return release

    def has_op(self, release: str) -> bool | None:
        """Whether a release registers the op; None if that is neither seen nor between two that were."""
        try:
            asked = Version(release)
        except InvalidVersion:
            return None
        if str(asked) in self.having:
            return True
        having, lacking = [*map(Version, self.having)], [*map(Version, self.lacking)]
        if asked in lacking or any(asked < each < having[0] for each in lacking):
            return False
        if any(having[-1] < each < asked for each in lacking):
            return False
        # Newer than all that were seen: packages rarely remove an op.
        return True if asked > having[0] else None

    @property
    def first(self) -> str | None:
        """The first release seen with the op, if an older one was seen without it."""
        older = any(Version(each) < Version(self.having[0]) for each in self.lacking)
        return self.having[0] if older else None

    def working(self, platform: str) -> dict[str, str]:
        """Return the releases that work and have the op, by minor of TensorFlow, oldest first."""
        return {
            minor: release
            for minor in self.tried
            if (release := self.release(minor, platform)) is not None and self.has_op(release)
        }


class OpPackages:
    """The table, read when it is first needed."""

    def of_op(self, op: str) -> OpPackage | None:
        """Return the package that registers an op; None if none of those tried does.

        If several do, as copies of one another, it is the first in the table.
        """
        if op not in self._ops:
            return None
        for name, row in self._rows.items():
            groups = [each for each in row["registers"] if op in each["ops"]]
            if not groups:
                continue
            having = sorted({release for each in groups for release in each["in"]}, key=Version)
            # The way of the newest release counts.
            newest = next(each for each in groups if having[-1] in each["in"])
            return OpPackage(
                name=name,
                module=None if newest["library"] else newest["by"],
                library=newest["by"] if newest["library"] else None,
                having=tuple(having),
                lacking=tuple(release for release in row["wheels"] if release not in having),
                tried=row["tried"],
                wheels=row["wheels"],
            )
        return None

    def of_module(self, module: str) -> OpPackage | None:
        """Return the package that a module belongs to, with all its releases; None if it is none of these."""
        top = module.partition(".")[0]
        for name, row in self._rows.items():
            if row["imports"].partition(".")[0] == top:
                releases = tuple(sorted(row["wheels"], key=Version))
                return OpPackage(name, top, None, releases, (), row["tried"], row["wheels"])
        return None

    @property
    def modules(self) -> frozenset[str]:
        """What the packages are imported as."""
        return frozenset(row["imports"].partition(".")[0] for row in self._rows.values())

    @cached_property
    def _ops(self) -> frozenset[str]:
        return frozenset(op for row in self._rows.values() for each in row["registers"] for op in each["ops"])

    @cached_property
    def _rows(self) -> dict[str, Any]:
        data = json.loads(DATA.read_text(encoding="utf-8"))
        if data.get("format") != FORMAT:
            raise StoreError(f"{DATA.name} has format {data.get('format')}, but this version reads {FORMAT}")
        return dict(data["packages"])
