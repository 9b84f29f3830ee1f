"""A project of any size whose every case is recorded in every environment, made without an environment.

The models, locks and arrays are small, but as many as in a real project, and the recordings and locks are as
long as real ones. They are written through the store's own types and under the product's own keys, so that
the product finds nothing to run.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from packaging.version import Version
from pydantic import TypeAdapter
from savedmodel_matrix.domain.arrays import ArrayEntry, Output, OutputId
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.locks.lock import read_lock, render_lock
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import identity_of, key_of
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.planning.locking import lock_input
from savedmodel_matrix.planning.ready import make_ready
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.probe.arrays import write_array
from savedmodel_matrix.store.atomic import write_stored, write_text

from benchmarks.noise import with_noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.knowledge.releases import ReleaseTable
    from savedmodel_matrix.verdicts.compare.elements import Array

#: TensorFlow releases. Every further environment of a release has another pin.
RELEASES = 25
CLASSES = 6
_SHAPE = (16, 10)  # of each output, float32
_PINS = 45  # of a lock, as TensorFlow 2.15's
_HASHES = 14  # of a pin, as there
_THEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_LONG_AGO_S = 3600  # so that the digests of the models are remembered
_IN_EFFECT = {
    "python_implementation": "CPython",
    "os": "Linux",
    "machine": "x86_64",
    "numpy": "1.26.4",
    "distributions": {f"package-{number:02}": "1.0.0" for number in range(_PINS)},
    "cpu_model": "a processor",
    "cpu_flags": [f"flag_{number:03}" for number in range(100)],
    "usable_cpus": 8,
    "onednn": True,
    "intra_op_threads": 0,
    "inter_op_threads": 0,
    "grappler": True,
    "devices": ["/physical_device:CPU:0"],
    "gpus": [],
    "loader": "saved_model",
}
_PHASE = {"wall_s": 0.5, "cpu_s": 0.5, "peak_rss_bytes": 300_000_000}
_BLANK = Recording.model_validate(
    {
        "key": "",
        "identity": {},
        "outcome": "recorded",
        "reason": None,
        "traceback": None,
        "log_tail": "",
        "outputs": (),
        "unstable": (),
        "measured": None,
        "effective": {},
        "phases": dict.fromkeys(("import", "load", "first_run", "further_runs"), _PHASE),
        "started": _THEN,
        "ended": _THEN,
    }
)
_ENTRY = TypeAdapter(ArrayEntry)
_NOXFILE = """\
from savedmodel_matrix import register

register(__file__)
"""


def write_project(root: Path, environments: int, cases: int, outputs: int) -> None:
    """Write a project with this many environments and cases, and outputs of each case, all recorded.

    ``environments`` is a multiple of ``RELEASES``.
    """
    root.mkdir(parents=True)
    (root / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")
    for case in range(cases):
        _write_model(root / "models" / _case(case), case, outputs)
    project = Workspace(root)
    (root / "matrices").mkdir()
    definition = _definition(project.releases, environments // RELEASES, cases)
    (root / "matrices" / "default.toml").write_text(definition, encoding="utf-8")
    plan = project.plan("default")
    installed = {name: _install(project, environment) for name, environment in plan.environments.items()}
    _record(project, plan, installed, outputs)


def _definition(releases: ReleaseTable, pins: int, cases: int) -> str:
    """Return a definition in TOML: the newest releases, each with and without further pins, and the cases."""
    platform = platform_name()
    known = {
        version: python
        for version in releases.versions
        if not Version(version).is_prerelease
        and (python := releases.newest_python(version, Build.CPU, platform)) is not None
    }
    versions = list(known)[-RELEASES:]
    baseline = Environment(versions[0], known[versions[0]], Build.CPU)
    requirements = [[], *([f"example=={pin}.0"] for pin in range(1, pins))]
    # Lists of texts are written in TOML as in JSON.
    lines = [
        f'baseline = "{baseline.id}"',
        "[noise_floor]",
        "replicates = 0",
        "[[environments]]",
        f"tensorflow = {json.dumps(versions)}",
        f"requirements = {json.dumps(requirements)}",
        "[settings.default]",
    ]
    for case in range(cases):
        lines += [f"[cases.{_case(case)}]", f'path = "models/{_case(case)}"', "inputs = [{ generate = {} }]"]
    return "\n".join(lines) + "\n"


def _case(number: int) -> str:
    return f"case-{number:03}"


def _write_model(folder: Path, case: int, outputs: int) -> None:
    """Write a SavedModel without variables, whose signature has this many outputs."""
    shape = pb.TensorShapeProto(dim=[{"size": 1}, {"size": 8}])
    info = pb.TensorInfo(name="x:0", dtype=pb.DT_FLOAT, tensor_shape=shape)
    signature = pb.SignatureDef(
        inputs={"x": info}, outputs={_output(number): info for number in range(outputs)}
    )
    meta = {"tags": ["serve"], "tensorflow_version": f"2.{case}"}  # each model has its own bytes
    graph = pb.MetaGraphDef(meta_info_def=meta, signature_def={"serving_default": signature})
    folder.mkdir(parents=True)
    path = folder / "saved_model.pb"
    path.write_bytes(pb.SavedModel(meta_graphs=[graph]).SerializeToString())
    then = path.stat().st_mtime - _LONG_AGO_S
    os.utime(path, (then, then))


def _output(number: int) -> str:
    return f"output_{number}"


def _install(project: Workspace, environment: Environment) -> Installed:
    """Write an environment's lock and state as if it were installed here."""
    wanted = lock_input(project.releases, environment)
    path = project.lock_path(environment)
    pins = "\n".join(_pin(environment.id, number) for number in range(_PINS))
    write_text(path, render_lock(wanted, _THEN.date(), 500, pins))
    installed = Installed(lock=read_lock(path).digest, interpreter=f"{environment.python}.0")
    write_state(
        project.results, EnvironmentState(environment=environment.id, run="synthetic", installed=installed)
    )
    return installed


def _pin(environment: str, number: int) -> str:
    files = (f"{environment} {number} {file}" for file in range(_HASHES))
    hashes = (f"    --hash=sha256:{hashlib.sha256(file.encode()).hexdigest()}" for file in files)
    return " \\\n".join([f"package-{number:02}==1.0.0", *hashes])


def _record(project: Workspace, plan: Plan, installed: Mapping[str, Installed], outputs: int) -> None:
    """Record every job of the plan. Neighbouring releases have the same outputs."""
    releases = {name: each.tensorflow for name, each in plan.environments.items()}
    order = {version: index for index, version in enumerate(dict.fromkeys(releases.values()))}
    made = {case: _arrays(project, number, outputs) for number, case in enumerate(plan.cases)}
    ready = {case: make_ready(project, definition) for case, definition in plan.cases.items()}
    for job in work(plan):
        name = job.cell.environment
        site = Site(project, plan, installed[name], ready[job.case])
        key = key_of(site, job)
        kind = order[releases[name]] * CLASSES // RELEASES
        recording = _BLANK.model_copy(
            update={
                "key": key,
                "identity": identity_of(site, job),
                "outputs": made[job.case][kind],
                "effective": _effective(releases[name], installed[name].interpreter),
            }
        )
        write_stored(project.results.recording_path(key), recording)


def _arrays(project: Workspace, seed: int, outputs: int) -> list[tuple[Output, ...]]:
    """Return the outputs of one case in each class: they differ by about one unit in the last place."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((outputs, *_SHAPE), dtype=np.float32)
    return [
        tuple(
            Output.of(OutputId(0, _output(number), None), _written(project, with_noise(value, random)))
            for number, value in enumerate(values)
        )
        for _ in range(CLASSES)
    ]


def _written(project: Workspace, values: Array) -> ArrayEntry:
    return _ENTRY.validate_python(write_array(str(project.results.objects), values, "float32"))


@cache
def _effective(tensorflow: str, python: str) -> Effective:
    return Effective.model_validate({**_IN_EFFECT, "tensorflow": tensorflow, "python": python})


if __name__ == "__main__":
    write_project(Path(sys.argv[1]), *map(int, sys.argv[2:]))
