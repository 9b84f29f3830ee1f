"""Install a lock into an environment that nox made."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from uv import find_uv_bin

from harness.errors import InstallError
from harness.store.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

_MARKER = "savedmodel-matrix-lock.sha256"


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install_lock(venv: Path, lock: Path, digest: str) -> bool:
    """Make the environment hold what the lock pins and nothing else; return whether that was work.

    ``digest`` is the lock's content digest: an environment that has it already is left alone.

    Raises:
        InstallError: with uv's own words.
    """
    marker = venv / _MARKER
    if marker.exists() and marker.read_text(encoding="ascii") == digest:
        return False
    # An interrupted sync must not pass for the lock that was there before it.
    marker.unlink(missing_ok=True)
    command = [
        find_uv_bin(), "pip", "sync", "--quiet", "--require-hashes",
        "--python", str(python_of(venv)), str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallError(_in_one_line(done.stderr))
    write_text(marker, digest)
    return True


def _in_one_line(words: str) -> str:
    """Return uv's message without the marks it draws for a terminal."""
    lines = (line.strip(" \t×╰─▶│├") for line in words.splitlines())
    return "; ".join(line for line in lines if line) or "uv gave no reason"
