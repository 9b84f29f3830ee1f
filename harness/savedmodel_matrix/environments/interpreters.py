"""Find Python interpreters, including those that pyenv installed but has not selected."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path


def search_path() -> str:
    """Return ``PATH`` with pyenv's interpreters added; the process's own ``PATH`` does not change.

    pyenv's shims refuse to start a version that is not selected, so they are left out. The versions' own
    ``bin`` folders, which always work, are appended, so the user's choice stays first.
    """
    known = [entry for entry in _path_entries() if entry != str(_pyenv() / "shims")]
    found = [str(path) for path in _pyenv_folders()]
    return os.pathsep.join([*known, *(path for path in found if path not in known)])


def nox_python(minor: str) -> str:
    """Return the interpreter to pass to nox for a minor: pyenv's if ``PATH`` has none, else the minor.

    Starts no process, so that listing sessions stays fast.
    """
    return _chosen(tuple(_path_entries()), _pyenv(), minor)


@cache
def _chosen(entries: tuple[str, ...], pyenv: Path, minor: str) -> str:
    """Return the choice of ``nox_python``: hundreds of environments share a few minors."""
    folders = [Path(entry) for entry in entries if entry and entry != str(pyenv / "shims")]
    if not any((folder / f"python{minor}").exists() for folder in folders):
        for folder in _pyenv_folders():
            if (folder / f"python{minor}").exists():
                return str(folder / f"python{minor}")
    return minor


def find_interpreter(minor: str) -> str | None:
    """Return the path of an interpreter of this minor version (``"3.11"``) that starts, or None.

    Uses nox's own discovery, so both always find the same interpreter.
    """
    return _found_on(search_path(), minor)


def _path_entries() -> list[str]:
    return os.environ.get("PATH", "").split(os.pathsep)


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _pyenv_folders() -> list[Path]:
    """Return the ``bin`` folders of pyenv's versions, newest first."""
    found = (_pyenv() / "versions").glob("3.*/bin")
    return sorted(
        found, key=lambda path: [int(part) for part in re.findall(r"\d+", path.parent.name)], reverse=True
    )


@cache
def _found_on(path: str, minor: str) -> str | None:
    from python_discovery import get_interpreter  # noqa: PLC0415 - only asked for when one is needed

    found = get_interpreter(minor, env={**os.environ, "PATH": path})
    return found.executable if found is not None else None


def venv_version(folder: Path) -> str | None:
    """Return the full version of a virtual environment's interpreter (``"3.11.7"``), or None.

    Read from ``pyvenv.cfg``, so no process is started.
    """
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return values.get("version_info") or values.get("version")
