"""Removes the half-written files of processes that are gone."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from savedmodel_matrix.probe.unfinished import owner_of, place, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Another machine's process cannot be looked up; nothing that it writes stays untouched for so long.
_ABANDONED_S = 24 * 3600.0


def sweep(folder: Path) -> None:
    """Remove what dead processes left half-written in a folder. What a live one may be writing stays."""
    here = place()
    for path in list(_half_written(folder)):
        process, where = owner_of(path.name) or (0, "")
        if _is_abandoned(path) if where != here else not psutil.pid_exists(process):
            remove(path)


def _half_written(folder: Path) -> Iterator[Path]:
    """Yield every half-written file and folder; a part of the folder may be a link to another disk."""
    try:
        parts = [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return
    for part in (folder, *parts):
        for where, folders, files in os.walk(part):
            for name in (*folders, *files):
                if owner_of(name) is not None:
                    yield Path(where, name)
            folders[:] = [] if part is folder else [name for name in folders if owner_of(name) is None]


def _is_abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_S
    except OSError:
        return False
