"""Check the contents of the built archives: ``python -m maintenance.check_package WHEEL SDIST``."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PACKAGE = "savedmodel_matrix"
_SOURCES = Path(__file__).parents[1] / "harness" / _PACKAGE
#: What a source archive may hold at its top level in addition to the package's sources.
_TOP = {"LICENSE", "PKG-INFO", "README.md", "harness", "pyproject.toml", "setup.cfg"}


def problems(archive: Path) -> Iterator[str]:
    """Yield the problems of an archive: files that should not be published, and missing package files."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = [PurePosixPath(name) for name in wheel.namelist()]
        allowed, packages = {_PACKAGE}, names
        strangers = [name for name in names if not name.parts[0].endswith(".dist-info")]
    else:
        with tarfile.open(archive) as source:
            members = [PurePosixPath(member.name) for member in source.getmembers() if member.isfile()]
        names = [PurePosixPath(*name.parts[1:]) for name in members]  # below the folder NAME-VERSION
        allowed, packages = _TOP, [PurePosixPath(*name.parts[1:]) for name in names]
        strangers = names
    for name in strangers:
        if name.parts[0] not in allowed:
            yield f"{archive.name} holds {name}, which is not part of the package"
    for missing in sorted(_shipped() - {str(name) for name in packages}):
        yield f"{archive.name} lacks {missing}"


def _shipped() -> set[str]:
    return {
        (PurePosixPath(_PACKAGE) / path.relative_to(_SOURCES).as_posix()).as_posix()
        for path in _SOURCES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main(archives: Iterable[str]) -> int:
    """Print every problem of the archives; return 1 if there are any, else 0."""
    found = [problem for archive in archives for problem in problems(Path(archive))]
    for problem in found:
        print(problem, file=sys.stderr)  # noqa: T201 - what this program is for
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
