"""The seam of backends: what makes an environment and says what is in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.environments.locks.lock import Lock, LockInput


@dataclass(frozen=True)
class Made:
    """What is in an environment's folder.

    ``python`` is where its interpreter is, or would be. ``version`` is the interpreter's full version
    (``"3.11.7"``), None if there is no environment yet. ``lock`` is the content digest of the lock that is
    completely installed, None if none is.
    """

    python: Path
    version: str | None
    lock: str | None


class Backend(ABC):
    """One way to make environments.

    ``name`` is how an environment names it, ``nox`` what nox calls the backend that makes its folder.
    """

    name: ClassVar[str]
    nox: ClassVar[str]

    @abstractmethod
    def lock(self, wanted: LockInput, python: Path | None, to: Path) -> Lock:
        """Resolve what is wanted, write the lock to ``to`` and return it.

        ``python`` is an interpreter of the minor that is wanted, if there is one.

        Raises:
            LockError: if nothing could be found out; nothing is written then.
        """

    @abstractmethod
    def make(self, folder: Path, python: str) -> None:
        """Make an empty environment of a Python minor, unless there is one. For those that nox does not make.

        Raises:
            InstallError: in the words of the program that makes it.
        """

    @abstractmethod
    def install(self, folder: Path, lock: Path, digest: str) -> None:
        """Make the environment hold exactly what the lock, of this content digest, pins.

        Raises:
            InstallError: in the words of the program that installs it.
        """

    @abstractmethod
    def describe(self, folder: Path) -> Made:
        """Return what is in the folder. Costs no process: it is asked for every environment of every run."""
