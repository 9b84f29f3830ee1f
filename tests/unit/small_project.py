"""A project with a tiny model, inputs and facts about two releases: no TensorFlow, no environments."""

from __future__ import annotations

import datetime as dt
import os
import time

import numpy as np
import pytest
from recordings import output, recording, stored
from savedmodel_matrix.environments.locks.lock import render_lock
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.knowledge.releases import Release, ReleaseTable
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.planning.locking import lock_input
from savedmodel_matrix.planning.ready import make_ready
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.store.atomic import write_stored

LINUX = "linux-x86_64"
RELEASES = ReleaseTable(
    [
        Release(
            version,
            dt.date(2022, 1, 1),
            yanked=False,
            wheels={name: {LINUX: dict.fromkeys(pythons, 500)} for name in ("tensorflow", "tensorflow-cpu")},
        )
        for version, pythons in [("2.7.4", ("3.7", "3.8")), ("2.9.3", ("3.9", "3.10"))]
    ]
)

MATRIX = """
baseline = "tf2.9.3-py3.10-cpu"

[noise_floor]
replicates = 0

[[environments]]
tensorflow = ["2.7.4", "2.9.3"]

[settings.default]

[settings.onednn-off]
variables = { TF_ENABLE_ONEDNN_OPTS = "0" }

[cases.one]
path = "model"
inputs = [{ npz = "one.npz" }]

[cases.two]
path = "model"
inputs = [{ npz = "two.npz" }]
"""

#: One case, whose model has a pipeline on each side.
STAGED = """
baseline = "tf2.9.3-*"

[noise_floor]
replicates = 0

[[environments]]
tensorflow = ["2.7.4", "2.9.3"]

[cases.one]
path = "model"
inputs = [{ npz = "one.npz" }]
train = "pipeline.py:train"
serve = "pipeline.py:serve"
postprocess = "pipeline.py:after"
"""


def _write_model(folder, *signatures, tags=("serve",)):
    """Write a SavedModel whose signatures take a float32[?,2] called ``x``."""
    shape = pb.TensorShapeProto(dim=[{"size": -1}, {"size": 2}])
    signature = pb.SignatureDef(
        inputs={"x": pb.TensorInfo(name="x:0", dtype=pb.DT_FLOAT, tensor_shape=shape)}
    )
    graph = pb.MetaGraphDef(meta_info_def={"tags": tags}, signature_def=dict.fromkeys(signatures, signature))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_bytes(pb.SavedModel(meta_graphs=[graph]).SerializeToString())


def _write_inputs(path, *numbers):
    """Write a batch; as if long ago, so that digests are remembered."""
    np.savez(path, x=np.array([numbers], dtype="f4"))
    then = time.time() - 3600
    os.utime(path, (then, then))


@pytest.fixture
def project(tmp_path, monkeypatch):
    for module in ("savedmodel_matrix.planning.workspace", "savedmodel_matrix.planning.locking"):
        monkeypatch.setattr(f"{module}.platform_name", lambda: LINUX)
    _write_model(tmp_path / "model", "serving_default")
    _write_inputs(tmp_path / "one.npz", 1, 2)
    _write_inputs(tmp_path / "two.npz", 3, 4)
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "default.toml").write_text(MATRIX, encoding="utf-8")
    project = Workspace(tmp_path)
    project.__dict__["releases"] = RELEASES  # where the cached property keeps it
    return project


@pytest.fixture
def write_model():
    return _write_model


@pytest.fixture
def write_inputs():
    return _write_inputs


@pytest.fixture
def plan(project):
    return project.plan("default")


@pytest.fixture
def staged(project):
    """The plan of ``STAGED``."""
    (project.root / "matrices" / "default.toml").write_text(STAGED, encoding="utf-8")
    (project.root / "pipeline.py").write_text("def serve(x): return x\n", encoding="utf-8")
    return project.plan("default")


@pytest.fixture
def write_lock(project):
    """Write the lock of an environment, with one pin of this version, and return its path."""

    def write(environment, version="1.0"):
        wanted = lock_input(project.releases, environment)
        path = project.lock_path(environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        body = f"some-package=={version} --hash=sha256:{'0' * 64}"
        path.write_text(render_lock(wanted, dt.date(2022, 1, 15), 500, body), encoding="utf-8")
        return path

    return write


@pytest.fixture
def install(project, write_lock):
    """Make an environment count as installed here, and return what was installed."""
    from savedmodel_matrix.environments.locks.lock import read_lock

    def made(environment, version="1.0"):
        lock = read_lock(write_lock(environment, version)).digest
        installed = Installed(lock=lock, interpreter=f"{environment.python}.1")
        state = EnvironmentState(environment=environment.id, run="run", installed=installed)
        write_state(project.results, state)
        return installed

    return made


@pytest.fixture
def key_in(project):
    """Return the key of a job's recording, its case made ready, from the plan and what is installed."""

    def found(plan, job, installed):
        return key_of(Site(project, plan, installed, make_ready(project, plan.cases[job.case])), job)

    return found


@pytest.fixture
def record(project):
    """Write a recording under a key, as the probe would."""

    def write(key, outcome="recorded", identity=None, **changes):
        array = stored(project.results.objects, np.arange(8, dtype="f4"))
        fields = {"key": key, "outcome": outcome, "identity": identity or {}, "outputs": [output(array)]}
        made = recording(**{**fields, **changes})
        write_stored(project.results.recording_path(key), made)
        return made

    return write
