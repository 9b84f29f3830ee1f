"""Delete from ``results/`` what neither the present matrices nor recent runs need."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import psutil

from savedmodel_matrix.commands.say import say
from savedmodel_matrix.domain.errors import MachineError
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.round_file import RoundFile
from savedmodel_matrix.store.atomic import read_stored
from savedmodel_matrix.store.retention import unneeded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.store.retention import Unneeded

_DAY_S = 24 * 3600.0


def collect_garbage(project: Workspace, *, keep: int, days: float, delete: bool) -> None:
    """Say what can be deleted and how much space that frees, and with ``delete`` delete it.

    The newest ``keep`` runs of each matrix are kept, and everything younger than ``days``.

    Raises:
        DefinitionError: if a matrix cannot be read: what it needs is then not known.
        MachineError: if a run is in progress on this host.
        StoreError: if another version of this program wrote a file.
    """
    present: set[str] = set()
    for matrix in project.matrices():
        present.update(collect(project, project.plan(matrix), Selection()).seen)
    _require_no_run(project)
    found = unneeded(project.results, present, keep, time.time() - days * _DAY_S)
    said = _said(found)
    if said is None:
        say("nothing to delete: everything in results/ is needed or young")
        return
    if not delete:
        say(f"would delete {said}; add --delete to do so")
        return
    for path in found.paths():
        _delete(path)
    say(f"deleted {said}")


def _said(found: Unneeded) -> str | None:
    """Return what is to be deleted in words; None if that is nothing."""
    parts = [
        (len(found.recordings), "recording"),
        (len(found.objects), "array"),
        (len(found.re_exports), "re-exported model"),
        (len(found.damaged), "damaged file"),
    ]
    named = ", ".join(count(number, noun) for number, noun in parts if number)
    return f"{named}: {_size(found.paths()) / 1e6:.1f} MB" if named else None


def _size(paths: Iterable[Path]) -> int:
    """Return the size of files and folders in bytes."""
    total = 0
    for path in paths:
        inside = [each for each in path.rglob("*") if not each.is_dir()] if path.is_dir() else [path]
        total += sum(each.lstat().st_size for each in inside)
    return total


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _require_no_run(project: Workspace) -> None:
    for path in project.results.logs.glob("*/*/round.json"):
        file = read_stored(path, RoundFile)
        if file is not None and file.parent is not None and _runs_since(file.parent, path.stat().st_mtime):
            raise MachineError(
                f"run {file.run} of {file.matrix} is in progress (process {file.parent}); wait for its end"
            )


def _runs_since(process: int, moment: float) -> bool:
    """Whether a process runs that had started by then: its id may be another's by now."""
    try:
        return psutil.Process(process).create_time() <= moment
    except psutil.NoSuchProcess:
        return False
