"""The files outside a model that it reads, as they are on this machine."""

from __future__ import annotations

import fnmatch
import os
from glob import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.ready_case import OutsideFile
from savedmodel_matrix.models.preflight.self_contained import is_remote
from savedmodel_matrix.models.savedmodel.outside import Reads
from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from savedmodel_matrix.models.savedmodel.facts import ModelFacts
    from savedmodel_matrix.planning.workspace import Workspace

#: Files that one path may stand for. A pattern or a folder can hold a whole disk.
_MOST_FILES = 1000


def outside_files(project: Workspace, facts: ModelFacts | None) -> tuple[OutsideFile, ...]:
    """Return every path outside the model that it reads, with the digest of its content."""
    return tuple(
        OutsideFile(path=each.path, reads=each.reads, digest=_digest(project, each.path, each.reads))
        for each in (facts.outside if facts else ())
    )


def are_the_same(project: Workspace, outside: Sequence[OutsideFile]) -> bool:
    """Whether the files are what they were; unchanged files are not read again."""
    return all(_digest(project, each.path, each.reads) == each.digest for each in outside)


def not_missing(outside: Sequence[OutsideFile]) -> frozenset[str]:
    """Return the paths that a case finds on this machine, as far as that is known without running the model.

    A case has its own working folder, with the project's files in it that the model reads, and nothing above.
    """
    above = {each.path for each in outside if os.path.normpath(each.path).startswith(os.pardir)}
    found = {each.path for each in outside if each.digest is not None or is_remote(each.path)}
    return frozenset(found - above)


def places_of(project: Workspace, outside: OutsideFile) -> list[Path]:
    """Return the files that a path stands for; for one missing file, the place where it should be.

    A relative path counts from the project's root: a case finds such files in its working folder.
    """
    if is_remote(outside.path):
        return []
    found = list(_files(project, outside.path, outside.reads))
    return found or [project.root / outside.path] if outside.reads == Reads.FILE else found


def _digest(project: Workspace, path: str, reads: str) -> str | None:
    """Return the digest of the names and contents of what a path stands for; None if that is nothing."""
    if is_remote(path):
        return None
    try:
        found = {str(file): project.digests.digest(file) for file in _files(project, path, reads)}
    except OSError:
        return None
    finally:
        project.digests.save()
    return json_digest(found) if found else None


def _files(project: Workspace, path: str, reads: str) -> Iterator[Path]:
    """Yield the regular files that a path stands for: reading a pipe or a device might never end.

    The op MatchingFiles supports wildcards in the last part of a path only.
    """
    place = Path(os.path.abspath(project.root / path))  # noqa: PTH100 - links stay links
    match reads:
        case Reads.FILE if place.is_dir():
            found: Iterable[Path] = _matching(place, "*")
        case Reads.FILE:
            found = [place]
        case Reads.PREFIX:
            found = [place, *_matching(place.parent, f"{escape(place.name)}.*")]
        case _:
            found = _matching(place.parent, place.name)
    yield from islice((file for file in found if file.is_file()), _MOST_FILES)


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        names = sorted(fnmatch.filter(os.listdir(folder), pattern))  # noqa: PTH208 - names only
    except OSError:
        return []
    return [folder / name for name in names]
