"""Environments: an interpreter with installed packages, with or without TensorFlow."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from packaging.requirements import Requirement

#: Characters of an id that name pins; what is longer has a digest instead of versions.
_LONGEST = 80
#: The backend that makes environments unless a definition names another.
UV = "uv"


class Build(StrEnum):
    """Which distribution of TensorFlow an environment installs."""

    CPU = "cpu"
    GPU = "gpu"
    NIGHTLY = "nightly"


@dataclass(frozen=True)
class Environment:
    """An interpreter with installed packages; its ``id`` names its lock, nox session and folder.

    ``tensorflow`` is an exact version, ``python`` a minor (``"3.11"``), ``resolve`` is ``"release"``,
    ``"today"`` or an ISO date, ``requirements`` what is installed beside TensorFlow, ``without`` what is
    left out of what all of these need. ``beside`` pins packages in the environments beside it, which run
    those stages that have requirements of their own.
    """

    tensorflow: str
    python: str
    build: Build
    resolve: str = "release"
    requirements: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    backend: str = UV
    """Name of the backend that makes it (``environments.backends``)."""
    provisional: bool = field(default=False, compare=False)
    """Whether it is tried for what it shows and no part of a definition: its lock is nobody's to commit."""

    @property
    def base_id(self) -> str:
        """The id without what its requirements add: what globs of overrides are matched with."""
        resolved = "" if self.resolve == "release" else f"-{self.resolve.replace('-', '')}"
        return f"tf{self.tensorflow}-py{self.python}-{self.build}{resolved}"

    @property
    def lock_id(self) -> str:
        """The id without what is beside it, which has locks of its own: the name of its lock."""
        return replace(self, beside=()).id

    @property
    def id(self) -> str:
        """The readable id, e.g. ``tf2.15.1-py3.11-cpu``; equal ids are equal environments."""
        added = f"-{_named(self.requirements)}" if self.requirements else ""
        left_out = "".join(f"-no_{_word(name)}" for name in self.without)
        beside = f"-beside-{_pinned(self.beside) or _named(self.beside)}" if self.beside else ""
        made_by = "" if self.backend == UV else f"-{self.backend}"
        return f"{self.base_id}{added}{left_out}{beside}{made_by}"


@dataclass(frozen=True)
class Beside:
    """An environment without TensorFlow, beside a cell's, for stages with requirements of their own.

    Resolved as of today: what such stages need has no date of a TensorFlow release to go by.
    """

    python: str
    requirements: tuple[str, ...]
    provisional: bool = field(default=False, compare=False)
    """As of the environment that it is beside."""
    backend: str = UV

    @property
    def id(self) -> str:
        """The readable id, e.g. ``beside-py3.11-pillow-0123ab``."""
        return f"beside-py{self.python}-{_named(self.requirements)}"

    @property
    def lock_id(self) -> str:
        """The name of its lock."""
        return self.id


def _pinned(requirements: tuple[str, ...]) -> str | None:
    """Return exact pins as a part of an id, without a digest: they say all; None for anything else."""
    exact = [re.fullmatch(r"([\w.-]+)==([\w.]+)", text.replace(" ", "")) for text in requirements]
    words = "+".join(f"{_word(each[1])}-{each[2]}" for each in exact if each)
    return words if all(exact) and len(words) <= _LONGEST else None


def _named(requirements: tuple[str, ...]) -> str:
    names = "+".join(_word(Requirement(text).name) for text in requirements)
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:6]
    return f"{names[:40]}-{digest}"


def _word(name: str) -> str:
    return re.sub(r"\W+", "_", name)
