"""Extract SavedModels from wheels and source archives, which are not trusted.

Only the bytes of regular files are copied, to names that are checked here. Links, devices, modes and owners
in the archive never reach the disk.
"""

from __future__ import annotations

import contextlib
import difflib
import shutil
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from savedmodel_matrix.domain.errors import PackageError
from savedmodel_matrix.domain.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
SIZE_LIMIT = 4 * 2**30  # bytes; a larger archive is more likely an attempt to fill the disk
_ZIP_SUFFIXES = (".whl", ".zip")
#: How many models are named if the requested one does not exist.
_MOST_NAMED = 5
_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
#: Everything that readers of archives raise on other bytes, or on a compression that they do not know
#: (NotImplementedError: ``zipfile``, of a compression method).
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError)


@dataclass(frozen=True)
class Member:
    """An entry of an archive that is not a folder. ``size`` is in bytes."""

    name: PurePosixPath
    size: int
    regular: bool
    open: Callable[[], IO[bytes] | None]


def find_models(archive: Path) -> list[str]:
    """Return every folder that holds a SavedModel, sorted; in a source archive, without its outer folder.

    Raises PackageError if the archive cannot be read.
    """
    with _members(archive) as members:
        return sorted({str(member.name.parent) for member in members if member.name.name in MODEL_FILES})


def extract_model(archive: Path, path: str, to: Path) -> None:
    """Copy the SavedModel in the folder ``path`` of ``archive`` into the new folder ``to``.

    Raises PackageError if there is no SavedModel at ``path`` (the error names the nearest), if it holds links
    or names that lead out of the folder, if it is larger than SIZE_LIMIT, or if the archive cannot be read.
    """
    folder = PurePosixPath(path)
    with _members(archive) as members:
        models = sorted({member.name.parent for member in members if member.name.name in MODEL_FILES})
        if folder not in models:
            raise PackageError(_not_there(archive.name, path, [str(model) for model in models]))
        selected = [member for member in members if folder in member.name.parents]
        size = sum(member.size for member in selected)
        if size > SIZE_LIMIT:
            raise PackageError(f"{archive.name}: {path} unpacks to {size} bytes, more than {SIZE_LIMIT}")
        for member in selected:
            _copy(archive.name, member, to, member.name.relative_to(folder))


def _copy(archive: str, member: Member, to: Path, name: PurePosixPath) -> None:
    # On Windows, a backslash or a colon would change the path.
    if ".." in name.parts or any(mark in str(name) for mark in "\\:\0"):
        raise PackageError(f"{archive} is refused: the name {str(member.name)!r} points outside its folder")
    stream = member.open() if member.regular else None
    if stream is None:
        raise PackageError(f"{archive} is refused: {member.name} is a link or a device, not a file")
    target = to / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, 2**20)
    except OSError as error:  # the disk is full, or a name is both a file and a folder
        raise PackageError(f"{archive}: {member.name} cannot be unpacked: {error}") from error


@contextlib.contextmanager
def _members(archive: Path) -> Iterator[list[Member]]:
    """Open an archive and list it; errors from damaged data become a PackageError."""
    try:
        if archive.name.endswith(_ZIP_SUFFIXES):
            with zipfile.ZipFile(archive) as opened:
                yield list(_zip_members(opened, strip=archive.suffix == ".zip"))
        elif archive.name.endswith(_TAR_SUFFIXES):
            with tarfile.open(archive) as opened_tar:
                yield list(_tar_members(opened_tar))
        else:
            raise PackageError(f"{archive.name} is not a wheel or source archive that can be opened")
    except _DAMAGED as error:
        raise PackageError(
            f"{archive.name} is damaged ({error}); delete it so that it is downloaded again"
        ) from error


def _zip_members(opened: zipfile.ZipFile, *, strip: bool) -> Iterator[Member]:
    for info in opened.infolist():
        if not info.is_dir():
            regular = not stat.S_ISLNK(info.external_attr >> 16)
            yield Member(
                _name(info.filename, strip=strip),
                info.file_size,
                regular,
                lambda info=info: opened.open(info),  # type: ignore[misc]  # a default binds the loop's value
            )


def _tar_members(opened: tarfile.TarFile) -> Iterator[Member]:
    for info in opened:
        if not info.isdir():
            yield Member(
                _name(info.name, strip=True),
                info.size,
                info.isreg(),
                lambda info=info: opened.extractfile(info),  # type: ignore[misc]  # as above
            )


def _name(name: str, *, strip: bool) -> PurePosixPath:
    """Return a member's name; source archives (``strip``) have one outer folder NAME-VERSION."""
    path = PurePosixPath(name)
    return PurePosixPath(*path.parts[1:]) if strip and not path.is_absolute() else path


def _not_there(archive: str, path: str, models: list[str]) -> str:
    if not models:
        return f"{archive} contains no SavedModel (no folder has a {MODEL_FILES[0]})"
    nearest = difflib.get_close_matches(path, models, n=_MOST_NAMED, cutoff=0.3)
    ordered = [*nearest, *(each for each in models if each not in nearest)]
    shown = listed(ordered, len(nearest) or _MOST_NAMED)
    return f"{archive} contains no SavedModel in {path!r}; nearest: {shown}"
