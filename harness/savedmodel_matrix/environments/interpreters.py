"""Find Python interpreters, also those that pyenv installed but has not selected."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def extend_path() -> None:
    """Make pyenv's interpreters visible on ``PATH``, to nox and uv as well.

    pyenv's shims refuse to start a version that is not selected, so they are taken out, and the
    versions' own ``bin`` folders, which always work, go to the end: what the user chose stays first.
    """
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    known = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry != str(root / "shims")]
    found = [str(path) for path in sorted((root / "versions").glob("3.*/bin"), reverse=True)]
    os.environ["PATH"] = os.pathsep.join([*known, *(path for path in found if path not in known)])


def find_interpreter(minor: str) -> str | None:
    """Return the path of an interpreter of this minor (``"3.11"``) that starts, or None.

    Uses the discovery that nox uses, so both always mean the same one.
    """
    return _found_on(os.environ.get("PATH", ""), minor)


@cache
def _found_on(path: str, minor: str) -> str | None:  # noqa: ARG001 - what is found depends on it
    from python_discovery import get_interpreter  # noqa: PLC0415 - only asked for when one is needed

    found = get_interpreter(minor)
    return found.executable if found is not None else None


def venv_version(folder: Path) -> str | None:
    """Return the full version of a virtual environment's interpreter (``"3.11.7"``), or None.

    Read from ``pyvenv.cfg``, which costs no process.
    """
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return values.get("version_info") or values.get("version")
