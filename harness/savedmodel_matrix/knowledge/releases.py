"""TensorFlow's releases, their Pythons and platforms, and the requirements that install them.

The facts are in ``releases.json`` next to this file. ``python -m maintenance.refresh_releases`` generates it
from the package index. It is JSON because every start reads it: parsing takes 0.3 ms, and the same data as
TOML took 21 to 25 ms.

Throughout: ``version`` is exact (``"2.15.1"``), ``build`` is ``"cpu"``, ``"gpu"`` or ``"nightly"``,
``platform`` one of PLATFORMS, ``python`` a minor (``"3.11"``).
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import DefinitionError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).with_name("releases.json")
FORMAT = 1
BUILDS = ("cpu", "gpu", "nightly")
PLATFORMS = ("linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "windows-x86_64")
WORDS = ("latest", "rc", "nightly")

# The newest Python that the probe is written for and tested with. Some releases have wheels for newer ones.
NEWEST_PROBED = (3, 13)

# The first minor whose metadata has the extra ``and-cuda``, and the last whose Windows wheel has GPU kernels:
# tensorflow.org/install/pip, "TensorFlow 2.10 was the last TensorFlow release that supported GPU on
# native-Windows"; field notes, section 1.
_FIRST_AND_CUDA = (2, 14)
_LAST_WINDOWS_GPU = (2, 10)
# Its extra asks for tensorrt 8.6.1.post1, which has no wheels (seen on the index); the re-release
# 2.15.0.post1 differs only in that.
_BROKEN_AND_CUDA = {"2.15.0": "2.15.0.post1"}


class UnknownReleaseError(DefinitionError):
    """No release in the table matches a specification. ``problems`` holds one line."""

    def __init__(self, problem: str) -> None:
        super().__init__([problem])


@dataclass(frozen=True)
class Release:
    """One release. ``wheels``: distribution -> platform -> Python minor -> size in MB (10**6 bytes).

    A size of 0 is a wheel without content that depends on another distribution: all of 2.11 to 2.18.0
    on Windows, of 2.10 to 2.15 on linux-aarch64 and of 2.13.0 to 2.15.0 on macos-arm64.
    """

    version: str
    date: dt.date
    yanked: bool
    wheels: Mapping[str, Mapping[str, Mapping[str, int]]]

    @property
    def nightly(self) -> bool:
        """Whether it is a nightly build."""
        return ".dev" in self.version

    @property
    def candidate(self) -> bool:
        """Whether it is a release candidate."""
        return "rc" in self.version

    @property
    def minor(self) -> str:
        """``"2.15"`` for ``"2.15.0.post1"``."""
        return ".".join(self.version.split(".")[:2])


class ReleaseTable:
    """Every release the project knows, oldest first."""

    def __init__(self, releases: list[Release]) -> None:
        self._releases = {release.version: release for release in releases}
        self._finals = [
            release.version
            for release in releases
            if not (release.nightly or release.candidate or release.yanked)
        ]

    @classmethod
    def load(cls, path: Path = DATA) -> ReleaseTable:
        """Read the table. Raises StoreError if the file has a different format version."""
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("format") != FORMAT:
            raise StoreError(
                f"{path.name} has format {data.get('format')}, but this version reads {FORMAT}: "
                "recreate it with 'nox -s refresh'"
            )
        return cls(
            [
                Release(version, dt.date.fromisoformat(row["date"]), row.get("yanked", False), row["wheels"])
                for version, row in data["releases"].items()
            ]
        )

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version in the table, oldest first."""
        return tuple(self._releases)

    def resolve(self, spec: str, platform: str | None = None) -> str:
        """Return the exact version that ``spec`` names.

        ``"2.9"``: the newest final patch that is not yanked; ``"2.9.3"``: exactly that; ``"latest"``: the
        newest final; ``"rc"``: the newest candidate that is newer than the newest final; ``"nightly"``:
        the newest nightly, with wheels for ``platform`` if given (some nightlies lack some platforms).
        Raises UnknownReleaseError, which names the nearest valid specifications.
        """
        if spec in self._releases:
            return spec
        if spec == "latest":
            return self._finals[-1]
        if spec == "rc":
            return self._newest_candidate()
        if spec == "nightly":
            return self._newest_nightly(platform)
        patches = [version for version in self._finals if self._releases[version].minor == spec]
        if patches:
            return patches[-1]
        raise UnknownReleaseError(self._unknown(spec))

    def minor_releases(self) -> list[str]:
        """Return the newest final patch of each minor, oldest first."""
        return list({self._releases[version].minor: version for version in self._finals}.values())

    def pythons(self, version: str, build: str, platform: str) -> tuple[str, ...]:
        """Return the Python minors with wheels, oldest first; empty if there are none."""
        release = self._release(version)
        minors = {
            minor
            for distribution in _distributions(release, build, platform)
            for minor in release.wheels.get(distribution, {}).get(platform, {})
        }
        return tuple(sorted(minors, key=_pair))

    def newest_python(self, version: str, build: str, platform: str) -> str | None:
        """Return the newest Python minor with wheels that the probe runs on; None if there is none."""
        usable = [minor for minor in self.pythons(version, build, platform) if _pair(minor) <= NEWEST_PROBED]
        return usable[-1] if usable else None

    def why_unavailable(self, version: str, build: str, platform: str, python: str) -> str | None:
        """Return in one sentence why there is no wheel for this combination; None if there is one."""
        release = self._release(version)
        minors = self.pythons(version, build, platform)
        if build == "gpu" and version in _BROKEN_AND_CUDA and minors:
            usable = _BROKEN_AND_CUDA[version]
            return f"the GPU packages of TensorFlow {version} cannot be installed: use {usable} or newer"
        if python in minors:
            return None
        if build == "nightly" and not release.nightly:
            return f"TensorFlow {version} is not a nightly"
        if minors:
            return f"TensorFlow {version} has wheels for Python {_spoken(minors)} only"
        if build == "gpu" and self.pythons(version, "cpu", platform):
            return f"TensorFlow {version} has no GPU wheels for {platform}"
        others = [each for each in PLATFORMS if self.pythons(version, build, each)]
        return f"TensorFlow {version} has no wheels for {platform}, only for {', '.join(others)}"

    def requirement(self, version: str, build: str, platform: str, python: str) -> str:
        """Return the requirement to install, e.g. ``tensorflow-cpu==2.15.1``.

        Raises UnknownReleaseError with the text of why_unavailable if there is no wheel.
        """
        if reason := self.why_unavailable(version, build, platform, python):
            raise UnknownReleaseError(reason)
        distribution = self._distribution(version, build, platform, python)
        with_cuda = build == "gpu" and _pair(self._release(version).minor) >= _FIRST_AND_CUDA
        return f"{distribution}{'[and-cuda]' if with_cuda else ''}=={version}"

    def released(self, version: str) -> dt.date:
        """Return the UTC date on which the first file of the release was uploaded."""
        return self._release(version).date

    def wheel_size(self, version: str, build: str, platform: str, python: str) -> int:
        """Return the size in MB (10**6 bytes) of the wheel that ``requirement`` names; for 0, see Release.

        Raises KeyError if there is no wheel.
        """
        distribution = self._distribution(version, build, platform, python)
        return self._release(version).wheels[distribution][platform][python]

    def _distribution(self, version: str, build: str, platform: str, python: str) -> str:
        release = self._release(version)
        for distribution in _distributions(release, build, platform):
            if python in release.wheels.get(distribution, {}).get(platform, {}):
                return distribution
        raise KeyError((version, build, platform, python))

    def _release(self, version: str) -> Release:
        if version not in self._releases:
            raise UnknownReleaseError(self._unknown(version))
        return self._releases[version]

    def _newest_candidate(self) -> str:
        latest = self._finals[-1]
        newer = self.versions[self.versions.index(latest) :]
        candidates = [version for version in newer if self._releases[version].candidate]
        if not candidates:
            raise UnknownReleaseError(f"no release candidate is newer than the newest release, {latest}")
        return candidates[-1]

    def _newest_nightly(self, platform: str | None) -> str:
        for version, release in reversed(self._releases.items()):
            if release.nightly and (platform is None or self.pythons(version, "nightly", platform)):
                return version
        where = f" with wheels for {platform}" if platform else ""
        raise UnknownReleaseError(f"no nightly{where} is known; 'nox -s refresh' looks for new ones")

    def _unknown(self, spec: str) -> str:
        """Return what is wrong with ``spec``, and the nearest valid specifications."""
        minors = list(dict.fromkeys(self._releases[version].minor for version in self._finals))
        number = re.match(r"\d+\.\d+", spec)
        same = [version for version in self.versions if number and self._releases[version].minor == number[0]]
        if same and spec == self._releases[same[0]].minor:
            return f"TensorFlow {spec} has no final release yet; there is {', '.join(same[-3:])}"
        if number and _pair(number[0]) < _pair(minors[0]):
            return f"TensorFlow {spec} is too old: {self._finals[0]} is the oldest that is supported"
        if same:
            nearest = same[-4:]
        elif number:
            nearest = [self._finals[-1]]
        else:
            nearest = difflib.get_close_matches(spec, [*WORDS, *minors], cutoff=0.5) or [*WORDS, minors[-1]]
        return (
            f"no TensorFlow release {spec!r} is known; nearest: {', '.join(nearest)} "
            "('nox -s refresh' looks for newer ones)"
        )


def _distributions(release: Release, build: str, platform: str) -> tuple[str, ...]:
    """Return the distributions that make up a build, best first."""
    if build not in BUILDS or platform not in PLATFORMS:
        raise ValueError(f"no such build or platform: {build!r}, {platform!r}")
    if build == "gpu":
        windows = platform == "windows-x86_64" and _pair(release.minor) <= _LAST_WINDOWS_GPU
        if platform != "linux-x86_64" and not windows:
            return ()
        return ("tf-nightly",) if release.nightly else ("tensorflow",)
    if release.nightly:
        return ("tf-nightly-cpu", "tf-nightly")
    return () if build == "nightly" else ("tensorflow-cpu", "tensorflow")


def _pair(minor: str) -> tuple[int, int]:
    first, second = minor.split(".")[:2]
    return int(first), int(second)


def _spoken(minors: tuple[str, ...]) -> str:
    """``3.6 to 3.8`` if no minor in between is missing, else a list of all."""
    if _pair(minors[-1])[1] - _pair(minors[0])[1] == len(minors) - 1 and len(minors) > 1:
        return f"{minors[0]} to {minors[-1]}"
    return ", ".join(minors)
