"""The backend seam: what creates an environment and reports what it holds."""

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

    ``python`` is the path of its interpreter, whether or not it exists. ``version`` is the interpreter's
    full version (``"3.11.7"``), None if there is no environment yet. ``lock`` is the content digest of the
    lock that is completely installed, None if no lock is. ``marker`` is the file that states it, which goes
    when the environment is taken apart; None if there is no such file.
    """

    python: Path
    version: str | None
    lock: str | None
    marker: Path | None = None


class Backend(ABC):
    """One way to create environments.

    ``name`` identifies it in environments; ``nox`` is nox's name for the backend that creates the folder.
    """

    name: ClassVar[str]
    nox: ClassVar[str]

    @abstractmethod
    def lock(self, wanted: LockInput, python: Path | None, to: Path) -> Lock:
        """Resolve the requirements, write the lock to ``to`` and return it.

        ``python`` is an interpreter of the requested minor version, if there is one.

        Raises:
            LockError: if the resolver could not reach a result; nothing is written in that case.
        """

    @abstractmethod
    def make(self, folder: Path, python: str) -> None:
        """Create an empty environment for a Python minor version unless it exists, where nox does not do so.

        Raises:
            InstallError: with the message of the program that creates it.
        """

    @abstractmethod
    def install(self, folder: Path, lock: Path, digest: str) -> None:
        """Install exactly what the lock pins. ``digest`` is the lock's content digest.

        Raises:
            InstallError: with the message of the program that installs it.
        """

    @abstractmethod
    def describe(self, folder: Path) -> Made:
        """Return what is in the folder. Starts no process: every run calls this for every environment."""
