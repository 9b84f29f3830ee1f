"""Plants differences in separate environments, diagnoses them, and prints the results."""

from __future__ import annotations

import fnmatch
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.environments.backends.uv import UvBackend
from tabulate import tabulate
from uv import find_uv_bin

from benchmarks.cost import BenchError, plain_environment
from benchmarks.preprocessing.judge import confusion, judge, planted
from benchmarks.preprocessing.staged.catalogue import PLANTED, row_of
from benchmarks.preprocessing.staged.matrix import run

if TYPE_CHECKING:
    from benchmarks.preprocessing.judge import Judged, Planted

_HERE = Path(__file__).parent
_PYTHON = "3.11"
#: Requirements files in this folder, and the modules of ``cases`` that run there.
_MADE_IN = {
    "new": ("images", "tables", "sounds", "texts", "held_out", "other_domains", "further"),
    "tf": ("in_tensorflow",),
}
_VERSIONS = ("new", "old")
_ABOUT = """\
Real libraries made each pair of tensors, in environments with pinned versions: {versions}.
Pairs are diagnosed from the two sides and, if recorded, the raw input. A result is right if there is exactly
one diagnosis, with the expected ids. The residual is the relative L2 distance after the correction. Pairs
with no name have a difference that no correction explains; clean pairs differ only by rounding or not at
all. Both must have no diagnosis. The held-out round was planted after the corrections were written, on
other data."""

_ABOUT_STAGES = """\
These stages ran in a matrix of their own, because their faults show only by running them again (on parts of
a batch, in another process, zone or folder) or by decoding their files again, with the libraries that they
use. Of clean pairs nothing may be said."""


def main(source: Path, only: str) -> None:
    """Make the pairs and stages whose names match ``only`` in a temporary folder, and print the tables.

    Raises:
        BenchError: if an environment cannot be installed, or a case cannot be made there.
    """
    stages = [each for each in PLANTED if fnmatch.fnmatchcase(each.name, only)]
    with tempfile.TemporaryDirectory(prefix="preprocessing-") as name:
        folder = Path(name).resolve()
        judged = list(judge(_pairs(folder, source, only)))
        python = UvBackend().describe(folder / "venv-tf").python
        staged = list(run(folder / "staged", python, stages)) if stages else []
    if judged:
        print(_ABOUT.format(versions=", ".join(_versions())))  # noqa: T201 - a benchmark is what it prints
        print("\n" + tabulate([_row(each) for each in judged], headers="keys", disable_numparse=True))  # noqa: T201
        print("\n" + tabulate(confusion(judged), headers="keys", disable_numparse=True))  # noqa: T201
        longest = max(judged, key=lambda each: each.seconds)
        total = sum(each.seconds for each in judged)
        print(  # noqa: T201
            f"\n{total:.0f} s of computing for {len(judged)} pairs; "
            f"the longest {longest.seconds:.1f} s ({longest.name})."
        )
    if staged:
        print("\n" + _ABOUT_STAGES)  # noqa: T201
        print("\n" + tabulate([row_of(*each) for each in staged], headers="keys", disable_numparse=True))  # noqa: T201


def _pairs(folder: Path, source: Path, only: str) -> list[Planted]:
    pythons = {name: _installed(folder, name) for name in ("new", "old", "tf")}
    found: list[Planted] = []
    for environment, modules in _MADE_IN.items():
        found += planted(
            _make(folder / environment, pythons[environment], source, only, modules), environment
        )
    one, other = (
        _make(folder / f"versions-{name}", pythons[name], source, only, ("versions",)) for name in _VERSIONS
    )
    return found + planted(one, "new, old", other)


def _installed(folder: Path, name: str) -> Path:
    _progress(f"installing {name}.txt")
    venv = folder / f"venv-{name}"
    python = UvBackend().describe(venv).python
    requirements = str(_HERE / f"{name}.txt")
    for command in (
        ["venv", "--quiet", "--python", _PYTHON, str(venv)],
        ["pip", "sync", "--quiet", "--require-hashes", "--python", str(python), requirements],
    ):
        _run([find_uv_bin(), *command], folder)
    return python


def _make(folder: Path, python: Path, source: Path, only: str, modules: tuple[str, ...]) -> Path:
    _progress(f"making {folder.name}")
    folder.mkdir()
    _run([str(python), "-m", "benchmarks.preprocessing.cases", str(folder), only, *modules], source)
    return folder


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a benchmark is what it prints


def _run(command: list[str], folder: Path) -> None:
    variables = {**plain_environment(os.environ), "PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        raise BenchError(f"preprocessing: {' '.join(command[:3])} failed:\n{done.stderr[-4000:]}")


def _versions() -> list[str]:
    """Return the pinned versions of the libraries that make the pairs."""
    wanted = ("librosa", "opencv-python-headless", "pandas", "pillow", "scikit-learn", "tensorflow-cpu")
    found: dict[str, list[str]] = {}
    for path in sorted(_HERE.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, version = line.removesuffix(" \\").partition("==")
            if name in wanted and version not in found.setdefault(name, []):
                found[name].append(version)
    return [f"{name} {' and '.join(versions)}" for name, versions in sorted(found.items())]


def _row(each: Judged) -> dict[str, str]:
    first = each.found[0] if each.found else None
    return {
        "": "" if each.right else "WRONG",
        "made in": each.made_by,
        "data": each.data,
        "planted": each.planted,
        "diagnosed": each.said,
        "before": f"{first.before:.1e}" if first else "",
        "residual": f"{max(one.residual for one in each.found):.1e}" if first else "",
    }
