"""Inputs are generated that a graph accepts: pictures, examples, indices and words; TensorFlow runs them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from project import matrix_text
from savedmodel_matrix.probe.arrays import read_array

WRITER = "tf2.15.1-py3.11-cpu"
SIGNATURES = ("embedding", "words", "pattern", "examples", "sequences", "sequence", "numbers", "jpeg", "png")


@pytest.fixture(scope="module")
def ran(environment, tmp_path_factory, nox_environments):
    from project import RealProject

    project = RealProject(tmp_path_factory.mktemp("wanting") / "project", nox_environments).create()
    writer = Path(__file__).with_name("wanting_models.py")
    subprocess.run([environment(WRITER), writer, project.root / "model"], check=True, capture_output=True)
    cases = "".join(
        f'\n[cases.{name}]\npath = "model"\nsignature = "{name}"\n'
        "inputs = [{ generate = { seed = 1, batch = 4 } }]\n"
        for name in SIGNATURES
    )
    rest = '\n[settings.default]\n\n[settings.onednn-off]\nvariables = { TF_ENABLE_ONEDNN_OPTS = "0" }\n'
    project.matrix(matrix_text("2.15", rest=rest + cases))
    return project, project.nox("-s", "matrix")


@pytest.fixture(scope="module")
def outputs(ran):
    """The outputs of the baseline, by case and name."""
    project, _ = ran
    found = {}
    for each in map(json.loads, (path.read_bytes() for path in project.recordings())):
        identity = each["identity"]
        if (identity["setting"], identity["measurement"]) == ("default", "outputs"):
            for output in each["outputs"]:
                array = read_array(str(project.results / "objects"), output["array"])
                found[identity["case"], output["name"]] = np.asarray(array)
    return found


def test_every_signature_runs(ran):
    _, run = ran
    assert run.status == 0, run.output
    assert "18 of 18 cells × cases recorded" in run.text


def test_indices_are_those_of_the_table(outputs):
    rows = outputs["embedding", "y"].reshape(-1, 3)
    assert len(np.unique(rows, axis=0)) > 3, "more than a few of the seven vectors are looked up"


def test_words_are_in_the_vocabulary(outputs):
    assert set(outputs["words", "y"].tolist()) <= {1, 2, 3}
    for name in ("examples", "sequences", "sequence"):
        assert set(np.ravel(outputs[name, "word"]).tolist()) <= {1, 2, 3}


def test_sequences_have_steps_and_a_context(outputs):
    assert outputs["sequences", "age"].shape == (4, 4, 2)
    assert outputs["sequence", "age"].shape == (4, 2)
    assert len(outputs["sequences", "rows"]) == 16


def test_floats_that_are_indices_do_not_move_in_the_noise_floor(ran):
    # A vector has only its own rounding; another vector would be a difference of a whole.
    project, _ = ran
    (floor,) = [
        each["measured"]
        for each in map(json.loads, (path.read_bytes() for path in project.recordings()))
        if (each["identity"]["case"], each["identity"]["measurement"]) == ("numbers", "noise floor")
    ]
    assert floor["moved"]["inputs"] == 0
    assert max(floor["outputs"][0]["rms"]) < 1e-6


def test_texts_match_the_regular_expression(outputs):
    assert outputs["pattern", "y"].tolist() == [True] * 4


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_pictures_vary_within_and_between_samples(outputs, kind):
    pictures = outputs[kind, "y"]
    assert pictures.shape == (4, 8, 8, 3)
    assert np.all(pictures.std(axis=(1, 2, 3)) > 5)
    assert len(np.unique(pictures.reshape(4, -1), axis=0)) == 4
