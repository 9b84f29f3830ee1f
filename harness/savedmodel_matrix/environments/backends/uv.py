"""Environments of packages from the index, resolved and installed by uv."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import InstallError
from savedmodel_matrix.environments.addresses import without_addresses
from savedmodel_matrix.environments.backends.interface import Backend, Made
from savedmodel_matrix.environments.interpreters import find_interpreter, venv_version
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.environments.locks.lock import Lock, LockInput

#: Holds the content digest of the lock that is completely installed.
_MARKER = "savedmodel-matrix-lock.sha256"
#: The next step for what uv says where neither the lock nor the definition is at fault.
_ADVICE = {
    r"No space left|Disk quota": "free some space and run again",
    r"Read-only file system|Permission denied": "make the folder writable, and run again",
}
_OF_THE_INDEX = re.compile(r"Failed to (?:fetch|download)(?! and build)|error sending request")


class _IndexFailureError(InstallError):
    """The network or the index is at fault."""


class UvBackend(Backend):
    """A virtual environment; uv downloads an interpreter if the requested minor version is missing."""

    name = "uv"
    nox = "uv"

    def lock(self, wanted: LockInput, python: Path | None, to: Path) -> Lock:
        """See ``Backend.lock``."""
        # Imported here: it imports the index client, which a run with nothing to resolve does not need.
        from savedmodel_matrix.environments.locks.resolve import resolve  # noqa: PLC0415

        return resolve(wanted, python, to)

    def make(self, folder: Path, python: str) -> None:
        """See ``Backend.make``."""
        if self.describe(folder).python.exists():
            return
        interpreter = find_interpreter(python) or python
        _run_uv("venv", "--quiet", "--python", interpreter, str(folder))

    def install(self, folder: Path, lock: Path, digest: str) -> None:
        """See ``Backend.install``."""
        marker = folder / _MARKER
        # After an interrupted sync, the environment must not count as holding the previous lock.
        marker.unlink(missing_ok=True)
        python = str(self.describe(folder).python)
        sync = ("pip", "sync", "--quiet", "--require-hashes", "--python", python, str(lock))
        try:
            _run_uv(*sync)
        except _IndexFailureError as error:
            # uv asks the index about files that it has cached, too, unless it is told to do without.
            try:
                _run_uv(*sync, "--offline")
            except InstallError:
                raise error from None
        write_text(marker, digest)

    def describe(self, folder: Path) -> Made:
        """See ``Backend.describe``."""
        marker = folder / _MARKER
        try:
            lock: str | None = marker.read_text(encoding="ascii")
        except OSError:
            lock = None
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        return Made(python, venv_version(folder), lock, marker if lock is not None else None)


def _run_uv(*arguments: str) -> None:
    from uv import find_uv_bin  # noqa: PLC0415 - a run with nothing to install does without

    done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = _in_one_line(done.stderr)
        for words, step in _ADVICE.items():
            if re.search(words, said):
                raise InstallError(f"{said}; {step}")
        if _OF_THE_INDEX.search(said):
            raise _IndexFailureError(f"{said}; check the network and the package index, and run again")
        raise InstallError(said)


def _in_one_line(words: str) -> str:
    """Return uv's message without addresses, and without the marks it draws for a terminal."""
    lines = (line.strip(" \t×╰─▶│├") for line in without_addresses(words).splitlines())
    return "; ".join(line for line in lines if line) or "uv gave no reason"
