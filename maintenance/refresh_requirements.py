"""Generate ``requirements.json``: ``python -m maintenance.refresh_requirements``.

It says which versions of a few packages each TensorFlow release accepts, from the metadata of its own wheel.
Each wheel is unpacked without its dependencies into a throwaway folder, since many indexes serve no metadata
by itself. What the file holds already is not read again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from rich.progress import track
from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.knowledge.requirements import DATA, FORMAT
from savedmodel_matrix.store.atomic import write_text
from uv import find_uv_bin

#: Packages whose versions decide what else can live in the environment of a release.
NAMED = ("h5py", "keras", "numpy", "protobuf")


def requirements_of(releases: ReleaseTable, version: str) -> dict[str, str]:
    """Return what the wheel for this platform and the newest Python accepts of the packages it requires.

    Raises subprocess.CalledProcessError if uv cannot unpack the wheel.
    """
    build = "nightly" if ".dev" in version else "cpu"
    python = releases.newest_python(version, build, platform_name())
    assert python is not None, "the release has a wheel for this platform"  # noqa: S101
    wanted = releases.requirement(version, build, platform_name(), python)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [find_uv_bin(), "pip", "install", "-q", "--no-deps", "--target", folder,
             "--python-version", python, "--only-binary", ":all:", wanted],
            check=True,
        )  # fmt: skip
        (found,) = (
            each
            for each in distributions(path=[folder])
            if each.name.startswith(("tensorflow", "tf"))  # there is no other
        )
        required = [Requirement(text) for text in found.requires or []]
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return {
        each.name: ",".join(sorted(map(str, each.specifier)))
        for each in sorted(required, key=lambda one: one.name)
        if each.name in NAMED and (each.marker is None or each.marker.evaluate(environment))
    }


def main() -> None:
    """Add what the file lacks of each minor's newest patch, the candidates and the newest nightly."""
    releases = ReleaseTable.load()
    newest = {*releases.minor_releases(), releases.resolve("nightly", platform_name())}
    known = json.loads(DATA.read_text(encoding="utf-8"))["releases"] if DATA.exists() else {}
    rows = {
        version: known.get(version) or requirements_of(releases, version)
        for version in track(releases.versions, "releases")
        if version in newest or "rc" in version
    }
    lines = [f"  {json.dumps(version)}: {json.dumps(row)}" for version, row in rows.items()]
    text = "\n".join([f'{{\n "format": {FORMAT},\n "releases": {{', ",\n".join(lines), " }\n}\n"])
    write_text(Path(DATA), text)


if __name__ == "__main__":
    try:
        main()
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
