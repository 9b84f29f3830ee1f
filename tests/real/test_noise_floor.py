"""Noise floors of models that round in every way there is, in the oldest release and newer ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import Probing, floor
from savedmodel_matrix.probe.arrays import read_array

HERE = Path(__file__).parent
OLD, MIDDLE, NEW = "tf2.4.4-py3.8-cpu", "tf2.15.1-py3.11-cpu", "tf2.21.0-py3.13-cpu"
EPSILON = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23}


@pytest.fixture(scope="module", params=[OLD, MIDDLE, NEW])
def measured(request, tmp_path_factory, environment):
    """Each model of ``rounding_models``, written and measured by one release."""
    folder = tmp_path_factory.mktemp("rounding")
    python = environment(request.param)
    subprocess.run([python, "-s", HERE / "rounding_models.py", folder / "models"], check=True)
    probing = Probing(folder, folder / "models", python=python)
    (folder / "objects").mkdir()
    random = np.random.RandomState(1)
    batch = [
        {
            "name": "x",
            "component": None,
            "array": probing.array(random.normal(size=(4, 64)).astype("f4"), "float32"),
        }
    ]
    for loader in ("saved_model", "v1-session"):
        for model in ("numbers", "branches", "seeded"):
            probing.add(f"{model} {loader}", model, loader=loader, measure=floor(16, 3), batches=[batch])
    return probing, probing.run()


def spread(measured, case, name, call=1):
    """Return an output's standard deviation in one of its calls, element by element, and its first values."""
    probing, results = measured
    result = results[case]
    assert result["outcome"] == "recorded", result["reason"]
    assert result["measured"]["not_rounded"] is None
    (found,) = [
        each for each in result["measured"]["outputs"] if (each["name"], each["call"]) == (name, call)
    ]
    (output,) = [each["array"] for each in result["outputs"] if each["name"] == name]
    assert found["lost"] is None
    folder = str(probing.folder / "objects")
    return read_array(folder, found["std"]), read_array(folder, output)


@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
@pytest.mark.parametrize("low", ["float16", "bfloat16"])
def test_what_computes_with_16_bits_has_the_noise_of_16_bits(measured, loader, low):
    std, values = spread(measured, f"numbers {loader}", low)
    relative = np.sqrt(np.mean(std**2)) / np.sqrt(np.mean(values.astype("f8") ** 2))
    assert 0.3 * EPSILON[low] < relative < 10 * EPSILON[low]


def test_float32_beside_it_has_that_of_float32(measured):
    std, values = spread(measured, "numbers saved_model", "float32")
    relative = np.sqrt(np.mean(std**2)) / np.sqrt(np.mean(values.astype("f8") ** 2))
    assert 0.3 * EPSILON["float32"] < relative < 30 * EPSILON["float32"]


def test_a_sum_whose_terms_cancel_has_the_noise_of_its_terms(measured):
    std, values = spread(measured, "numbers saved_model", "cancelled")
    assert np.abs(values).max() < 1e-2
    # 1024 products of about 1, so that adding one after the other rounds sums of about 32.
    assert 20 * EPSILON["float32"] < np.sqrt(np.mean(std**2)) < 1000 * EPSILON["float32"]


def test_what_depends_on_shapes_alone_and_what_is_only_passed_on_does_not_round(measured):
    std, _ = spread(measured, "numbers saved_model", "shapes")
    assert not std.any()
    moved, values = spread(measured, "numbers saved_model", "passed")
    assert np.median(moved / np.abs(values)) < EPSILON["float32"]


def test_other_outputs_of_an_operation_are_still_its_own(measured):
    std, values = spread(measured, "numbers saved_model", "mean")
    assert np.allclose(values, 0, atol=1)
    assert std.max() < 1e-4


@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
def test_operations_in_branches_and_loops_round_too(measured, loader):
    std, values = spread(measured, f"branches {loader}", "looped")
    assert (std > 0).all()
    assert std.max() < 1e-4 * np.abs(values).max()


@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
@pytest.mark.parametrize("name", ["seeded", "counted", "plain"])
def test_random_numbers_from_a_seed_and_state_are_no_noise(measured, loader, name):
    result = measured[1][f"seeded {loader}"]
    assert {each["name"] for each in result["unstable"]} == {"seeded", "counted"}
    assert result["measured"]["anew"]
    for call in (1, 2) if loader == "saved_model" else (1,):
        std, values = spread(measured, f"seeded {loader}", name, call)
        assert 0 < np.sqrt(np.mean(std**2)) < 1e-5 * np.sqrt(np.mean(values.astype("f8") ** 2))
