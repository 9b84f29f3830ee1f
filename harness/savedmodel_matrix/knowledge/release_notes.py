"""What the release notes of TensorFlow's minors say that moves numbers or loading."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).with_name("release_notes.toml")


def notes_between(older: str, newer: str) -> list[str]:
    """Return the known changes of every minor after ``older``, up to ``newer``, each with its minor."""
    after, until = (Version(each).release[:2] for each in (older, newer))
    return [
        f"{minor}: {change}"
        for minor, changes in _notes().items()
        if after < Version(minor).release[:2] <= until
        for change in changes
    ]


@cache
def _notes() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return found
