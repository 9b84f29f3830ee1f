"""Environments: an interpreter with installed packages, with or without TensorFlow."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from packaging.requirements import Requirement

#: Characters of an id that may name pins; a longer list is shortened to names and a digest.
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
    ``"today"`` or an ISO date. ``requirements`` are installed with TensorFlow; ``without`` are dependencies
    to leave out. ``beside`` pins packages in the separate environments for stages with requirements of
    their own.
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
    """Whether it is only tried out and not part of a definition: its lock is not meant to be committed."""

    @property
    def base_id(self) -> str:
        """The id without its requirements; override globs are matched with this."""
        resolved = "" if self.resolve == "release" else f"-{self.resolve.replace('-', '')}"
        return f"tf{self.tensorflow}-py{self.python}-{self.build}{resolved}"

    @cached_property
    def lock_id(self) -> str:
        """The name of its lock: the id without ``beside``, whose environments have their own locks."""
        return replace(self, beside=()).id if self.beside else self.id

    @cached_property
    def id(self) -> str:
        """The readable id, e.g. ``tf2.15.1-py3.11-cpu``; equal ids are equal environments."""
        added = f"-{_named(self.requirements)}" if self.requirements else ""
        left_out = "".join(f"-no_{_word(name)}" for name in self.without)
        beside = f"-beside-{_pinned(self.beside) or _named(self.beside)}" if self.beside else ""
        made_by = "" if self.backend == UV else f"-{self.backend}"
        return f"{self.base_id}{added}{left_out}{beside}{made_by}"


@dataclass(frozen=True)
class Beside:
    """A separate environment without TensorFlow, for stages with their own requirements.

    It is resolved as of today: no TensorFlow release gives such stages a date.
    """

    python: str
    requirements: tuple[str, ...]
    provisional: bool = field(default=False, compare=False)
    """The backend of the cell's environment."""
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
    """Return exact pins as part of an id, which need no digest; None for other requirements."""
    exact = [re.fullmatch(r"([\w.-]+)==([\w.]+)", text.replace(" ", "")) for text in requirements]
    words = "+".join(f"{_word(each[1])}-{each[2]}" for each in exact if each)
    return words if all(exact) and len(words) <= _LONGEST else None


def _named(requirements: tuple[str, ...]) -> str:
    names = "+".join(_word(Requirement(text).name) for text in requirements)
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:6]
    return f"{names[:40]}-{digest}"


def _word(name: str) -> str:
    return re.sub(r"\W+", "_", name)
