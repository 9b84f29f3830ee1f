"""The identity of a SavedModel: a digest of every file in its directory.

Asked for at every start, so the digests of files that have not changed since are remembered by their
place, size, times of modification and change, and inode.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.reader import not_a_folder
from savedmodel_matrix.probe.sealed import seal, unseal
from savedmodel_matrix.store.atomic import write_bytes
from savedmodel_matrix.store.file_facts import SETTLED_NS, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.store.file_facts import Facts

_FORMAT = 2

_Entry = tuple[int, int, int, int, str]  # facts, SHA-256


class DigestCache:
    """Digests of files by path, size, times and inode, kept in one JSON file.

    It only saves time: if it is damaged, missing or unwritable, the digests are computed without it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, _Entry] | None = None
        self._changed = False
        self._seen: dict[str, Facts] = {}

    def digest(self, file: Path) -> str:
        """Return the SHA-256 of the content of a regular file, whose path is absolute. Raises ``OSError``."""
        entries = self._loaded()
        before = file.stat()
        if not stat.S_ISREG(before.st_mode):  # a device or a pipe may never end
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(file))
        key = os.fspath(file)
        known = entries.get(key)
        self._seen[key] = facts_of(before)
        if known is not None and known[:4] == facts_of(before):
            return known[4]
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        facts = facts_of(before)
        settled = time.time_ns() - before.st_mtime_ns > SETTLED_NS
        if settled and facts_of(file.stat()) == facts:
            entries[key] = (*facts, found)
            self._changed = True
        return found

    def seen_at(self, path: Path) -> dict[str, Facts]:
        """Return the facts of a file, or of every file below a folder, as they were when last hashed here.

        Whoever runs on these files later can tell by them whether they still are what was hashed.
        """
        whole = os.path.abspath(path)  # noqa: PTH100 - links stay links
        below = whole + os.sep
        return {key: facts for key, facts in self._seen.items() if key == whole or key.startswith(below)}

    def save(self) -> None:
        """Write what was learned since the last save, if anything."""
        if not self._changed:
            return
        try:
            write_bytes(self._path, seal(json.dumps({"format": _FORMAT, "files": self._loaded()})))
        except OSError:
            return
        self._changed = False

    def _loaded(self) -> dict[str, _Entry]:
        if self._entries is None:
            self._entries = _read(self._path)
        return self._entries


def model_digest(path: Path, cache: DigestCache) -> str:
    """Return the SHA-256 that identifies the content of the model directory ``path``.

    It covers the relative path, size and content of every file, links followed, in the order of the paths.
    Modes and times do not count. Raises ``UnreadableModelError`` if the directory is missing or empty, holds
    something that is neither a file nor a directory, or cannot be read.
    """
    return _folder_digest(path, cache, frozenset())


def code_digest(path: Path, cache: DigestCache) -> str | None:
    """Return the SHA-256 that identifies a file, or a folder as ``model_digest`` does; None if unreadable.

    Compiled Python (``__pycache__``) does not count.
    """
    try:
        if path.is_dir():
            return _folder_digest(path, cache, frozenset({"__pycache__"}))
        return cache.digest(Path(os.path.abspath(path)))  # noqa: PTH100 - as below
    except (OSError, UnreadableModelError):
        return None


def _folder_digest(path: Path, cache: DigestCache, left_out: frozenset[str]) -> str:
    root = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, and renames with them
    whole = hashlib.sha256()
    try:
        found = files_of(root, left_out)
        files = sorted((os.fsencode(file.relative_to(root).as_posix()), file) for file in found)
        for name, file in files:
            size = file.stat().st_size
            # A path holds no NUL, and the digest has a fixed length: the concatenation is unambiguous.
            whole.update(b"%s\0%d\0%s\n" % (name, size, cache.digest(file).encode("ascii")))
    except NotADirectoryError as error:
        raise not_a_folder(path) from error
    except OSError as error:
        raise UnreadableModelError(f"{error.filename or path}: {error.strerror}") from error
    if not files:
        raise UnreadableModelError(f"{path}: contains no file")
    return whole.hexdigest()


def files_of(folder: Path, left_out: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield every file below a folder, links followed, but for what has a name in ``left_out``.

    Raises:
        OSError: if a folder cannot be read.
        UnreadableModelError: if something is neither a file nor a directory, or a link leads back up.
    """
    return _files(folder, (), left_out)


def _files(folder: Path, above: tuple[tuple[int, int], ...], left_out: frozenset[str]) -> Iterator[Path]:
    own = folder.stat()
    if (own.st_dev, own.st_ino) in above:
        raise UnreadableModelError(f"{folder}: a link to one of its own parent directories")
    with os.scandir(folder) as entries:
        listed = [entry for entry in entries if entry.name not in left_out]
    for entry in listed:
        mode = entry.stat().st_mode
        if stat.S_ISDIR(mode):
            yield from _files(folder / entry.name, (*above, (own.st_dev, own.st_ino)), left_out)
        elif stat.S_ISREG(mode):
            yield folder / entry.name
        else:
            raise UnreadableModelError(f"{entry.path}: is neither a file nor a directory")


def _read(path: Path) -> dict[str, _Entry]:
    try:
        stored = json.loads(unseal(path.read_bytes()))
        if stored["format"] != _FORMAT:
            return {}
        return {
            str(name): (int(size), int(mtime), int(ctime), int(inode), str(digest))
            for name, (size, mtime, ctime, inode, digest) in stored["files"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
