"""A separate project for benchmarks: this project's definitions and example models, without recordings."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.environments.launch import PASSED_ON
from savedmodel_matrix.planning.ready import make_ready, model_folder
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.probe.arrays import object_path
from uv import find_uv_bin

from benchmarks.cost import BenchError, Cost, measured, plain_environment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan

#: The two lines that every project has; the rest makes each nox process record its cost, by session.
_NOXFILE = """\
from savedmodel_matrix import register

register(__file__)

import atexit, json, os, pathlib, resource, sys


def _leave_cost():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    path = pathlib.Path(__file__).parent / "costs" / f"{os.getpid()}.json"
    path.write_text(json.dumps({"argv": sys.argv, "cpu_s": cpu_s}))


atexit.register(_leave_cost)
"""

#: The other side does not run replicates for a noise floor.
_NO_NOISE = "\n[noise_floor]\nreplicates = 0\n"


@dataclass(frozen=True)
class Scratch:
    """A project in a temporary folder, its plan, and its selected environments."""

    project: Workspace
    plan: Plan
    environments: Sequence[Environment]

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    def nox(self, *arguments: str, expected: Collection[int] = (0,)) -> Cost:
        """Run nox in the project and return its cost."""
        shutil.rmtree(self.root / "costs", ignore_errors=True)
        (self.root / "costs").mkdir()
        return measured(
            [sys.executable, "-m", "nox", *arguments],
            folder=self.root,
            log=self.root / "nox.log",
            variables=plain_environment(os.environ),
            expected=expected,
        )

    def cpu_of_sessions(self) -> dict[str, float]:
        """Return the CPU seconds of each environment's own nox process in the last call of nox."""
        costs = [json.loads(path.read_text()) for path in (self.root / "costs").iterdir()]
        return {
            environment.id: sum(
                cost["cpu_s"]
                for cost in costs
                if environment.id in cost["argv"]  # the one that the matrix session started
            )
            for environment in self.environments
        }

    def python(self, environment: Environment) -> Path:
        """Return the interpreter of an environment made by nox."""
        return self.root / ".nox" / folder_of(environment) / "bin" / "python"

    def recorded(self) -> Counter[str]:
        """Return the number of recorded cells and cases per environment in the newest report."""
        report = json.loads((self.project.results.latest / "report.json").read_text(encoding="utf-8"))
        return Counter(cell["environment"] for cell in report["cells"] if cell["outcome"] == "recorded")

    def variables(self, setting: str) -> dict[str, str]:
        """Return the variables of a bare process: those of the probe, and the setting's."""
        passed = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
        return {**passed, **self.plan.settings[setting].variables}

    def requests(self) -> dict[str, dict[str, Any]]:
        """Return the request to ``floor.py``, by case; cases are prepared if necessary."""
        return {
            name: floor_request(
                str(self.project.results.objects),
                model_folder(self.project, ready),
                definition.model_dump(mode="json"),
                None
                if ready.batches is None
                else [[part.model_dump(mode="json") for part in batch] for batch in ready.batches],
            )
            for name, definition in self.plan.cases.items()
            for ready in [make_ready(self.project, definition)]
        }


def folder_of(environment: Environment) -> str:
    """Return the name that nox gives to an environment's folder."""
    return re.sub(r"\W+", "-", environment.id)


def floor_request(
    objects: str, model: str, case: Mapping[str, Any], batches: Sequence[Sequence[Mapping[str, Any]]] | None
) -> dict[str, Any]:
    """Return one case in the form that ``floor.py`` takes.

    Raises:
        BenchError: if the case is more than a signature called with dense numbers.
    """
    plain = batches is not None and all(
        part["component"] is None and part["array"]["dtype"] != "string"
        for batch in batches
        for part in batch
    )
    if not plain or case["function"] is not None:
        raise BenchError(f"{model}: the bench takes signatures with dense, numeric inputs only")
    return {
        "model": model,
        "tags": case["tags"],
        "signature": case["signature"],
        "runs": case["runs"],
        "batches": [
            {part["name"]: object_path(objects, part["array"]["objects"][0]) for part in batch}
            for batch in batches or []
        ],
    }


@contextlib.contextmanager
def scratch_project(source: Path, environments: str) -> Iterator[Scratch]:
    """Make a project like the one in ``source``, with prepared cases and nothing else; remove it at the end.

    ``environments`` is a glob on environments of the default matrix.

    Raises:
        BenchError: if no environment that can exist here matches.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_beside_cache()) as folder:
        root = Path(folder).resolve()
        shutil.copytree(source / "matrices", root / "matrices")
        with (root / "matrices" / "default.toml").open("a", encoding="utf-8") as definition:
            definition.write(_NO_NOISE)
        (root / "examples").symlink_to(source / "examples")
        (root / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")
        project = Workspace(root)
        plan = project.plan("default")
        wanted = [
            environment
            for name, environment in plan.environments.items()
            if name not in plan.unavailable and fnmatchcase(name, environments)
        ]
        if not wanted:
            raise BenchError(f"no environment of the default matrix matches '{environments}'")
        yield Scratch(project, plan, wanted)


def _beside_cache() -> Path | None:
    """Return a folder on the file system of uv's cache, where links are cheap; None for the default one."""
    cache = subprocess.run([find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
    folder = Path(cache.stdout.strip())
    folder.mkdir(parents=True, exist_ok=True)
    usual = Path(tempfile.gettempdir())
    return None if folder.stat().st_dev == usual.stat().st_dev else folder.parent
