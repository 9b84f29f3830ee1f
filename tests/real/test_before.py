"""What stands before saturated heads, in real graphs over releases and loaders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import Probing, floor
from savedmodel_matrix.domain.noise_floor import MeasuredFloor, NoiseFloorPart
from savedmodel_matrix.domain.recording import RecordedOutputs, Recording
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.verdicts.judge.case import JudgedCase

HERE = Path(__file__).parent
RELEASES = ("tf2.4.4-py3.8-cpu", "tf2.9.3-py3.10-cpu", "tf2.21.0-py3.13-cpu")
LOADERS = ("saved_model", "v1-session")
MODELS = ("nested", "swapped", "heads", "counting", "classical")
VALUES = np.random.RandomState(1).normal(size=(32, 12)).astype("f4")
#: Runs a model as anyone would: nothing else is in this process.
PLAIN = """
import sys, numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
found = loaded.signatures["serving_default"](x=tf.constant(np.load(sys.argv[2])))
np.savez(sys.argv[3], **{name: value.numpy() for name, value in found.items()})
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, environment):
    """Return the folder, and every model's recording by release, loader and model; the first has a floor."""
    folder = tmp_path_factory.mktemp("before")
    (folder / "objects").mkdir()
    made = environment(RELEASES[0])
    subprocess.run([made, "-s", HERE / "before_models.py", folder / "models"], check=True)
    found = {}
    for release in RELEASES:
        probing = Probing(folder / release, folder / "models", python=environment(release))
        probing.folder.mkdir()
        (probing.folder / "objects").symlink_to(folder / "objects")
        batch = [{"name": "x", "component": None, "array": probing.array(VALUES, "float32")}]
        for loader in LOADERS:
            for model in MODELS:
                probing.add(f"{loader} {model}", model, loader=loader, batches=[batch])
        probing.add("floor", "nested", measure=floor(16, 3, 60.0), batches=[batch])
        for key, result in probing.run().items():
            assert result["outcome"] == "recorded", result["reason"]
            result.pop("checksum")
            found[release, key] = result
    return folder, found


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("loader", LOADERS)
def test_every_head_is_found(recorded, release, loader):
    found = {
        model: sorted(
            f"{each['name']} {each['component']}"
            for each in recorded[1][release, f"{loader} {model}"]["before"]
        )
        for model in MODELS
    }
    assert found == {
        "nested": ["probs before softmax"],
        "swapped": ["probs before softmax"],
        "heads": [
            "label before argmax",
            "pixels before softmax",
            "side before tanh",
            "tags before sigmoid",
        ],
        "counting": [],
        "classical": ["probs before softmax"],
    }
    why = recorded[1][release, f"{loader} counting"]["not_before"]
    assert list(why) == ["probs"]
    assert "AssignAddVariableOp" in why["probs"]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("model", MODELS)
def test_the_outputs_are_those_of_a_model_that_nobody_looks_at(
    recorded, release, model, environment, tmp_path
):
    folder, found = recorded
    np.save(tmp_path / "x.npy", VALUES)
    script = [environment(release), "-c", PLAIN]
    subprocess.run([*script, folder / "models" / model, tmp_path / "x.npy", tmp_path / "y.npz"], check=True)
    plain = np.load(tmp_path / "y.npz")
    outputs = found[release, f"saved_model {model}"]["outputs"]
    assert sorted(each["name"] for each in outputs) == sorted(plain)
    for each in outputs:
        own = read_array(str(folder / "objects"), each["array"])
        assert own.tobytes() == plain[each["name"]].tobytes()


def judged(recorded, key, other):
    """Return ``nested`` in 2.9.3 against another recording, by its floor there."""
    folder, found = recorded
    measured = Recording.model_validate(found[RELEASES[1], "floor"])
    part = NoiseFloorPart.model_validate(measured.measured)
    sides = {
        name: RecordedOutputs.of(Recording.model_validate(found[each]))
        for name, each in (("a", (other, key)), ("b", (RELEASES[1], "saved_model nested")))
    }

    def read(entry):
        return read_array(str(folder / "objects"), entry.to_json())

    case = JudgedCase(sides, "b", MeasuredFloor(RecordedOutputs.of(measured), part), None, {}, read, (), ())
    return {each.output.name: each for each in case.judge("a", "b")}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("loader", LOADERS)
def test_other_releases_and_loaders_are_noise_before_the_head_too(recorded, release, loader):
    found = judged(recorded, f"{loader} nested", release)
    assert {each.judgement.verdict for each in found.values()} <= {Verdict.IDENTICAL, Verdict.FLOAT_NOISE}
    assert found["probs"].before is not None


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("loader", LOADERS)
def test_exchanged_channels_are_seen_although_no_bit_of_the_probabilities_changes(recorded, release, loader):
    found = judged(recorded, f"{loader} swapped", release)["probs"]
    assert found.divergence.beyond == 0
    assert found.judgement.verdict is Verdict.DIVERGED
    assert "only because its softmax hides it" in found.judgement.reason


@pytest.mark.parametrize("release", RELEASES)
def test_a_change_of_a_weight_shows_before_the_head(recorded, release):
    tried = recorded[1][release, "floor"]["measured"]["power"]["tried"]
    shown = {
        (each["weight"], each["level"])
        for each in tried
        for output in each["outputs"]
        if output["component"] == "before softmax"
    }
    assert shown == {(each["weight"], each["level"]) for each in tried}
    assert len(shown) == 4
