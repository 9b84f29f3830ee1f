"""The files next to ``saved_model.pb``: which of those it needs are there?"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import UnreadableModelError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SHARD = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")
#: More than any checkpoint has; the number is five digits in a file's name.
_MOST_SHARDS = 99_999


@dataclass(frozen=True)
class FileFacts:
    """What a model's folder holds, and what it should hold and does not."""

    index: bool
    """Whether ``variables/variables.index`` is there."""
    shards: int
    """How many files of values there should be; 0 if unknown."""
    missing_shards: tuple[str, ...]
    assets: tuple[str, ...]
    missing_assets: tuple[str, ...]
    foreign_assets: tuple[str, ...]
    """Assets whose names point outside the model's folder; they are not looked for."""
    fingerprint: bool
    keras_metadata: bool


def read_files(path: Path, assets: Iterable[str]) -> FileFacts:
    """Return which of its files the model in ``path`` has; ``assets`` are the names it declares."""
    named = tuple(sorted(set(assets)))
    foreign = tuple(name for name in named if _is_foreign(name))
    index = path / "variables" / "variables.index"
    found = {name for name in _names(path / "variables") if _SHARD.fullmatch(name)}
    shards = _shards_of_index(index) or max((int(name[-5:]) for name in found), default=0)
    wanted = [f"variables.data-{number:05}-of-{shards:05}" for number in range(shards)]
    return FileFacts(
        index=_is_file(index),
        shards=shards,
        missing_shards=tuple(name for name in wanted if name not in found),
        assets=named,
        missing_assets=tuple(
            name for name in named if name not in foreign and not _exists(path / "assets" / name)
        ),
        foreign_assets=foreign,
        fingerprint=_is_file(path / "fingerprint.pb"),
        keras_metadata=_is_file(path / "keras_metadata.pb"),
    )


def read_small(path: Path, largest: int) -> bytes | None:
    """Return the content of a file in the model's folder; None if it does not exist.

    Raises UnreadableModelError if it is larger or not a regular file: reading a pipe could block forever.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > largest:
            raise UnreadableModelError(f"{path}: not a regular file of at most {largest} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableModelError(f"{path}: {error.strerror}") from error


def _is_foreign(name: str) -> bool:
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    rooted = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor != ""
    return rooted or ".." in parts or "\0" in name


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names only
    except OSError:
        return []


def _shards_of_index(index: Path) -> int:
    """Return the number of shards that the index states; 0 if it states none or is unreadable.

    The index is a table whose first entry has an empty key and the header as its value
    (tensorflow/core/util/tensor_bundle/tensor_bundle.cc; BundleHeaderProto, ``num_shards`` is field 1):
    shared length 0, own length 0, the value's length, and then the value.
    """
    if not _is_file(index):
        return 0
    try:
        with index.open("rb") as stream:
            head = stream.read(16)
    except OSError:
        return 0
    if len(head) < 6 or head[:2] != b"\0\0" or head[3] != 0x08:
        return 0
    number = shift = 0
    for byte in head[4:7]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number if number <= _MOST_SHARDS else 0
    return 0
