"""The files next to ``saved_model.pb``: which of those it needs are there?"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.checkpoint import read_index
from savedmodel_matrix.models.savedmodel.mistaken import file_instead, replaced_files
from savedmodel_matrix.models.savedmodel.wire import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.checkpoint import IndexFacts
    from savedmodel_matrix.models.savedmodel.reader import Shape

_SHARD = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")
_MOST_NAMED = 100


@dataclass(frozen=True)
class FileFacts:
    """What a model's folder holds, and what it should hold and does not."""

    index: bool
    """Whether ``variables/variables.index`` is there."""
    shards: int
    """How many files of values there should be; 0 if unknown."""
    missing_shards: tuple[str, ...]
    """The names of the first that are missing: a damaged index or file name may state 99,999."""
    missing_shard_count: int
    damaged: tuple[str, ...]
    """What is wrong with the files of the variables that are there: a sentence each, which names the file."""
    assets: tuple[str, ...]
    missing_assets: tuple[str, ...]
    foreign_assets: tuple[str, ...]
    """Assets whose names point outside the model's folder; they are not looked for."""
    replaced_assets: tuple[str, ...]
    """Assets that are something else than their content: a sentence each, which names the file."""
    tensors: Mapping[Shape, int] | None
    """How many tensors of each shape the variables have; None if unknown."""
    fingerprint: bool
    keras_metadata: bool


def read_files(path: Path, assets: Iterable[str]) -> FileFacts:
    """Return which of its files the model in ``path`` has; ``assets`` are the names it declares."""
    named = tuple(sorted(set(assets)))
    foreign = tuple(name for name in named if is_foreign(name))
    index = path / "variables" / "variables.index"
    found = {name for name in _names(path / "variables") if _SHARD.fullmatch(name)}
    facts, damaged = _variables(index)
    shards = facts.shards if facts else max((int(name[-5:]) for name in found), default=0)
    wanted = [f"variables.data-{number:05}-of-{shards:05}" for number in range(shards)]
    missing = [name for name in wanted if name not in found]
    for number, length in sorted(facts.lengths.items()) if facts else ():
        if wanted[number] in found:
            damaged += _shorter(path / "variables" / wanted[number], length)
    return FileFacts(
        index=_is_file(index),
        shards=shards,
        missing_shards=tuple(missing[:_MOST_NAMED]),
        missing_shard_count=len(missing),
        damaged=tuple(damaged),
        assets=named,
        missing_assets=tuple(
            name for name in named if name not in foreign and not _exists(path / "assets" / name)
        ),
        foreign_assets=foreign,
        replaced_assets=tuple(
            f"{name} is {kind}" for name, kind in replaced_files(path) if name.startswith("assets/")
        ),
        tensors=facts.tensors if facts else None,
        fingerprint=_is_file(path / "fingerprint.pb"),
        keras_metadata=_is_file(path / "keras_metadata.pb"),
    )


def _variables(index: Path) -> tuple[IndexFacts | None, list[str]]:
    """Return the facts of the index, and what is wrong with it; neither if there is none."""
    try:
        return read_index(index), []
    except DamagedError as error:
        instead = file_instead(index)
        return None, [f"variables/{index.name} is {instead or f'damaged: {error}'}"]
    except (FileNotFoundError, NotADirectoryError):
        return None, []
    except OSError as error:
        return None, [f"variables/{index.name} cannot be read: {error.strerror}"]


def _shorter(shard: Path, length: int) -> list[str]:
    """Return what is wrong with a data file that must have ``length`` bytes."""
    try:
        facts = shard.stat()
    except OSError as error:
        return [f"variables/{shard.name} cannot be read: {error.strerror}"]
    if not stat.S_ISREG(facts.st_mode):
        return [f"variables/{shard.name} is not a regular file"]
    if facts.st_size < length:
        if instead := file_instead(shard):
            return [f"variables/{shard.name} is {instead}"]
        return [f"variables/{shard.name} has {facts.st_size} bytes, but its values need {length}"]
    return []


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


def is_foreign(name: str) -> bool:
    """Whether an asset's name points outside the folder of assets."""
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
