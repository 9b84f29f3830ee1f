"""Generate ``releases.json`` from the package index: ``python -m maintenance.refresh_releases``.

The same answers from the index always produce the same bytes: releases in order of version, and one line per
distribution and platform, so that the diff of a refresh shows only the new releases.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename
from packaging.version import Version
from savedmodel_matrix.domain.errors import HarnessError, PackageError
from savedmodel_matrix.environments.index import SimpleIndex
from savedmodel_matrix.knowledge.releases import DATA, FORMAT, PLATFORMS, ReleaseTable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from packaging.tags import Tag
    from savedmodel_matrix.environments.index import IndexFile, PackageIndex

DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu")
OLDEST = Version("2.4.0")
CANDIDATE_MINORS = 3  # candidates of older minors are no longer useful
NIGHTLIES = 10


class _Collected:
    """The facts from the files of one release."""

    def __init__(self) -> None:
        self.uploaded: list[dt.datetime] = []
        self.yanked: list[bool] = []
        self.sizes: dict[tuple[str, str], dict[str, int]] = {}

    def row(self) -> dict[str, object]:
        wheels: dict[str, dict[str, dict[str, int]]] = {}
        order = sorted(self.sizes, key=lambda key: (DISTRIBUTIONS.index(key[0]), PLATFORMS.index(key[1])))
        for distribution, platform in order:
            sizes = self.sizes[distribution, platform]
            minors = sorted(sizes, key=lambda minor: int(minor.partition(".")[2]))
            wheels.setdefault(distribution, {})[platform] = {minor: sizes[minor] for minor in minors}
        yanked = {"yanked": True} if all(self.yanked) else {}
        return {"date": min(self.uploaded).date().isoformat(), **yanked, "wheels": wheels}


def collect(index: PackageIndex) -> dict[str, object]:
    """Return the table's data, in the form of ``releases.json``.

    Raises PackageError if the index does not report sizes and upload times.
    """
    found: dict[Version, _Collected] = {}
    for distribution in DISTRIBUTIONS:
        for file in index.project_files(distribution):
            if file.kind != "wheel" or file.version is None or Version(file.version) < OLDEST:
                continue
            _add(found.setdefault(Version(file.version), _Collected()), distribution, file)
    return {"format": FORMAT, "releases": {str(version): found[version].row() for version in _kept(found)}}


def render(data: dict[str, object]) -> str:
    """Return ``data`` as JSON with every innermost object on one line."""
    text = json.dumps(data, indent=1)
    return re.sub(r"\{[^{}]*\}", lambda found: "{" + " ".join(found[0][1:-1].split()) + "}", text) + "\n"


def _add(collected: _Collected, distribution: str, file: IndexFile) -> None:
    if file.size is None or file.uploaded is None:
        raise PackageError(
            f"the package index does not report the size and upload time of {file.name}; "
            "use one that does (PEP 700)"
        )
    collected.uploaded.append(file.uploaded)
    collected.yanked.append(file.yanked)
    for minor, platform in minors_and_platforms(parse_wheel_filename(file.name)[3]):
        collected.sizes.setdefault((distribution, platform), {})[minor] = round(file.size / 1e6)


def minors_and_platforms(tags: frozenset[Tag]) -> Iterator[tuple[str, str]]:
    """Yield the Python minors and the platforms that a wheel's tags are for."""
    for tag in tags:
        platform = _platform(tag.platform)
        # An ABI ending in t is a free-threaded build, which needs a different interpreter.
        if platform and tag.interpreter.startswith("cp3") and not tag.abi.endswith("t"):
            yield f"3.{tag.interpreter[3:]}", platform


def _platform(tag: str) -> str | None:
    system = next((name for prefix, name in _SYSTEMS.items() if tag.startswith(prefix)), None)
    machine = next((name for suffix, name in _MACHINES.items() if tag.endswith(suffix)), None)
    platform = f"{system}-{machine}"
    return platform if platform in PLATFORMS else None


_SYSTEMS = {"manylinux": "linux", "macosx": "macos", "win": "windows"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "aarch64"}


def _kept(found: dict[Version, _Collected]) -> list[Version]:
    """Every final, the candidates of the newest minors, and the last nightlies; oldest first."""
    stable = sorted(version for version in found if not version.is_devrelease)
    minors = sorted({version.release[:2] for version in stable})[-CANDIDATE_MINORS:]
    nightlies = sorted(version for version in found if version.is_devrelease)[-NIGHTLIES:]
    kept = [version for version in stable if not version.is_prerelease or version.release[:2] in minors]
    return sorted([*kept, *nightlies])


def main() -> None:
    """Refresh the file and print the new releases."""
    with SimpleIndex() as index:
        text = render(collect(index))
    before = set(ReleaseTable.load().versions) if DATA.exists() else set()
    partial = DATA.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(DATA)
    after = ReleaseTable.load().versions
    new = [version for version in after if version not in before]
    print(f"{DATA.name}: {len(after)} releases, new: {', '.join(new) or 'none'}")  # noqa: T201 - its answer


if __name__ == "__main__":
    try:
        main()
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
