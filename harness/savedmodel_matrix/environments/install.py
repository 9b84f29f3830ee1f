"""Install a lock into an environment that nox made."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from uv import find_uv_bin

from savedmodel_matrix.domain.errors import InstallError
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

_MARKER = "savedmodel-matrix-lock.sha256"


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_installed(venv: Path, digest: str) -> bool:
    """Whether the environment holds exactly what a lock with this content digest pins."""
    marker = venv / _MARKER
    return marker.exists() and marker.read_text(encoding="ascii") == digest


def make_venv(venv: Path, python: str) -> None:
    """Make an empty environment of a Python minor, unless there is one; uv fetches an interpreter if need be.

    For the environments beside those that nox makes.

    Raises:
        InstallError: with uv's own words.
    """
    if python_of(venv).exists():
        return
    interpreter = find_interpreter(python) or python
    _run_uv("venv", "--quiet", "--python", interpreter, str(venv))


def install_lock(venv: Path, lock: Path, digest: str) -> None:
    """Make the environment hold what the lock, of this content digest, pins and nothing else.

    Raises:
        InstallError: with uv's own words.
    """
    marker = venv / _MARKER
    # An interrupted sync must not pass for the lock that was there before it.
    marker.unlink(missing_ok=True)
    _run_uv(
        "pip", "sync", "--quiet", "--require-hashes",
        "--python", str(python_of(venv)), str(lock),
    )  # fmt: skip
    write_text(marker, digest)


def _run_uv(*arguments: str) -> None:
    done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallError(_in_one_line(done.stderr))


def _in_one_line(words: str) -> str:
    """Return uv's message without the marks it draws for a terminal."""
    lines = (line.strip(" \t×╰─▶│├") for line in words.splitlines())
    return "; ".join(line for line in lines if line) or "uv gave no reason"
