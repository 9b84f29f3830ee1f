"""How much an environment downloads: the sizes of the files that an installer picks for its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging import tags
from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.environments.index import IndexFile, PackageIndex

# The newest systems that wheels may require: manylinux as in resolve.UV_PLATFORMS; today's newest macOS.
_NEWEST_GLIBC_MINOR = 28
_MACOS = (15, 0)


def download_mb(
    hashes: Mapping[str, tuple[str, ...]], python: str, platform: str, index: PackageIndex
) -> int | None:
    """Return the sum of the sizes in MB (10**6 bytes), rounded; None if the index does not list every size.

    ``hashes``: package -> SHA-256 of the files that the lock allows. Raises PackageError, see PackageIndex.
    """
    ranks = {tag: rank for rank, tag in enumerate(_tags(python, platform))}
    total = 0
    for name, allowed in hashes.items():
        file = _chosen([file for file in index.project_files(name) if file.sha256 in allowed], ranks)
        if file is None or file.size is None:
            return None
        total += file.size
    return round(total / 1e6)


def _chosen(files: list[IndexFile], ranks: Mapping[tags.Tag, int]) -> IndexFile | None:
    """Return the file an installer picks: the wheel with the most specific tag, else the source archive."""
    best: tuple[int, IndexFile] | None = None
    for file in files:
        if file.kind == "wheel":
            fitting = [ranks[tag] for tag in parse_wheel_filename(file.name)[3] if tag in ranks]
            if fitting and (best is None or min(fitting) < best[0]):
                best = min(fitting), file
    return best[1] if best else next((file for file in files if file.kind == "sdist"), None)


def _tags(python: str, platform: str) -> list[tags.Tag]:
    version = tuple(int(part) for part in python.split("."))
    interpreter = f"cp{python.replace('.', '')}"
    abi = f"{interpreter}m" if version < (3, 8) else interpreter
    platforms = _platforms(platform)
    return [
        *tags.cpython_tags(version, [abi], platforms),
        *tags.compatible_tags(version, interpreter, platforms),
    ]


def _platforms(platform: str) -> list[str]:
    system, _, machine = platform.partition("-")
    if system == "windows":
        return ["win_amd64"]
    if system == "macos":
        return list(tags.mac_platforms(_MACOS, machine))
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(_NEWEST_GLIBC_MINOR, 4, -1)]
    return [
        *numbered,
        *(f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")),
    ]
