"""Damaged variables: what is predicted from the files alone is what TensorFlow itself says."""

from __future__ import annotations

import random
import shutil

import pytest
from probe_requests import Probing
from project import REPOSITORY
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Kind, Target
from savedmodel_matrix.models.savedmodel.facts import read_facts

SEED = 20261202
KIND = "models"
MODELS = ("article", "cnn", "rnn")
INDEX, DATA = "variables.index", "variables.data-00000-of-00001"


def _flipped(path):
    content = bytearray(path.read_bytes())
    moments = random.Random(SEED)
    content[moments.randrange(len(content))] ^= 1 << moments.randrange(8)
    path.write_bytes(content)


def _cut(path, part):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])


#: What is done to the folder of the variables.
DAMAGES = {
    "whole": lambda folder: None,
    "no index": lambda folder: (folder / INDEX).unlink(),
    "empty index": lambda folder: _cut(folder / INDEX, 0),
    "half an index": lambda folder: _cut(folder / INDEX, 0.5),
    "a bit of the index": lambda folder: _flipped(folder / INDEX),
    "no data": lambda folder: (folder / DATA).unlink(),
    "empty data": lambda folder: _cut(folder / DATA, 0),
    "half the data": lambda folder: _cut(folder / DATA, 0.5),
    "all but the end of the data": lambda folder: _cut(folder / DATA, 0.999),
    "longer data": lambda folder: (folder / DATA).write_bytes((folder / DATA).read_bytes() + bytes(100)),
    "data of two files": lambda folder: (folder / DATA).rename(folder / "variables.data-00000-of-00002"),
}


def _predicted(folder, release):
    try:
        return predict(read_facts(folder), Target(release)).kind is Kind.LOADS
    except UnreadableModelError:
        return False


@pytest.mark.fault(
    KIND, "damaged variables, 3 models × 11 damages", "predicted to load if TensorFlow loads it"
)
@pytest.mark.parametrize(
    ("environment_id", "release"),
    [
        ("tf2.15.1-py3.11-cpu", "2.15.1"),
        pytest.param("tf2.7.4-py3.9-cpu", "2.7.4", marks=pytest.mark.whole),
    ],
)
def test_predictions_come_true(environment, tmp_path, seen, environment_id, release):
    probing = Probing(tmp_path, tmp_path, python=environment(environment_id))
    for model in MODELS:
        for damage, apply in DAMAGES.items():
            folder = tmp_path / model / damage
            shutil.copytree(REPOSITORY / "examples/models" / model, folder)
            apply(folder / "variables")
            # Without inputs: whether it loads is what is asked.
            probing.add(f"{model}, {damage}", folder, batches=None, inputs_error="none are given")
    found = probing.run()
    loaded = {key: result["outcome"] != "load-failed" for key, result in found.items()}
    predicted = {key: _predicted(tmp_path.joinpath(*key.split(", ")), release) for key in found}
    assert predicted == loaded
    assert sum(loaded.values()) == 2 * len(MODELS), "the whole ones, and those with more data than they need"
    seen(f"{len(loaded)} of {len(predicted)} predictions came true; {sum(loaded.values())} load")
