"""What models do to their inputs themselves, read from what two generations of Keras really write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from savedmodel_matrix.models.savedmodel.expected_inputs import expectations_of
from savedmodel_matrix.verdicts.judge.input_findings import check_expectations

KERAS_2, KERAS_3 = "tf2.15.1-py3.11-cpu", "tf2.21.0-py3.13-cpu"
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


@pytest.fixture(scope="module", params=[KERAS_2, KERAS_3])
def models(request, environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    command = [environment(request.param), Path(__file__).with_name("expectation_models.py"), folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def pixels(height, width):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (2, height, width, 3)).astype(np.float32)


def ids(expectations, tensor):
    (name,) = expectations.inputs
    return [each.id for each in check_expectations(expectations, {name: tensor})]


@pytest.mark.parametrize(
    ("model", "signature", "expected"),
    [
        ("rescaling", "serving_default", ["resizes to 24 x 24, bicubic", "x / 127.5 - 1"]),
        (
            "imagenet",
            "serving_default",
            ["(x - [123.7, 116.3, 103.5]) / [58.39, 57.12, 57.37]"],
        ),
        ("adapted", "serving_default", ["(x - [2, 200]) / [1, 100]"]),
        ("plain", "serving_default", []),
        (
            "module",
            "files",
            ["decodes JPEG", "resizes to 24 x 24, bilinear, antialiased", "x / 127.5 - 1"],
        ),
        (
            "module",
            "planes",
            ["transposes to axes 0, 2, 3, 1", "reverses the last axis", "x - [103.9, 116.8, 123.7]"],
        ),
    ],
)
def test_what_models_do_themselves(models, model, signature, expected):
    (given,) = expectations_of(models / model, signature).inputs.values()
    assert [step.said for step in given.steps] == expected


def test_pipelines_that_repeat_it(models):
    rescaling = expectations_of(models / "rescaling", "serving_default")
    raw = pixels(30, 40)
    assert ids(rescaling, raw) == []
    assert ids(rescaling, raw / 255) == ["scaled-twice"]
    imagenet = expectations_of(models / "imagenet", "serving_default")
    raw = pixels(16, 16)
    assert ids(imagenet, raw) == []
    assert ids(imagenet, (raw / 255 - MEAN) / DEVIATION) == ["normalised-twice"]
    assert ids(imagenet, raw / 255) == ["scaled-before-normalising"]
    assert ids(imagenet, raw.transpose(0, 3, 1, 2)) == ["layout"]
    plain = expectations_of(models / "plain", "serving_default")
    assert ids(plain, raw) == ids(plain, raw / 255) == []
    planes = expectations_of(models / "module", "planes")
    assert ids(planes, raw.transpose(0, 3, 1, 2)) == []
    assert ids(planes, raw) == ["layout"]
