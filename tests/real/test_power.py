"""What real models notice when their weights change, in the oldest release and a new one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import Probing, floor
from savedmodel_matrix.probe.arrays import read_array

HERE = Path(__file__).parent
OLD, NEW = "tf2.4.4-py3.8-cpu", "tf2.21.0-py3.13-cpu"


@pytest.fixture(scope="module", params=[OLD, NEW])
def measured(request, tmp_path_factory, environment):
    """Each model of ``power_models``, written and measured by one release."""
    folder = tmp_path_factory.mktemp("power")
    python = environment(request.param)
    subprocess.run([python, "-s", HERE / "power_models.py", folder / "models"], check=True)
    probing = Probing(folder, folder / "models", python=python)
    (folder / "objects").mkdir()
    values = np.random.RandomState(1).normal(size=(4, 8)).astype("f4")
    batch = [{"name": "x", "component": None, "array": probing.array(values, "float32")}]
    for loader in ("saved_model", "v1-session"):
        for model in ("variables", "frozen"):
            probing.add(f"{model} {loader}", model, loader=loader, measure=floor(8, 3, 60.0), batches=[batch])
    return probing, probing.run()


def tried(measured, case):
    """Return, per weight and level, whether any output changed, and the result."""
    result = measured[1][case]
    assert result["outcome"] == "recorded", result["reason"]
    assert result["measured"]["no_power"] is None
    part = result["measured"]["power"]
    return {(each["weight"], each["level"]): bool(each["outputs"]) for each in part["tried"]}, result


@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
def test_variables_that_the_outputs_depend_on_show_and_others_do_not(measured, loader):
    found, result = tried(measured, f"variables {loader}")
    assert found == {
        (name, level): name != "hidden" for name in ("used", "hidden") for level in (0.01, 0.001)
    }
    assert (result["measured"]["power"]["weights"], result["measured"]["power"]["left_out"]) == (2, 2)


@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
def test_a_frozen_graph_has_its_constants_changed(measured, loader):
    found, _ = tried(measured, f"frozen {loader}")
    assert len(found) == 2
    assert all(name.endswith(" (constant)") for name, _ in found)
    assert all(found.values())


@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
def test_the_change_is_as_large_as_it_says_and_leaves_the_model_as_it_was(measured, loader):
    _, result = tried(measured, f"variables {loader}")
    folder = str(measured[0].folder / "objects")
    (base,) = [read_array(folder, each["array"]) for each in result["outputs"] if each["name"] == "y"]
    sizes = {}
    for each in result["measured"]["power"]["tried"]:
        for output in each["outputs"]:
            gap = np.abs(read_array(folder, output["array"]) - base)
            sizes[each["level"]] = float(np.sqrt(np.mean(gap**2)) / np.sqrt(np.mean(base**2)))
    assert 0.002 < sizes[0.01] < 0.05
    assert sizes[0.001] == pytest.approx(sizes[0.01] / 10, rel=0.1)
    # The replicates that follow spread by rounding alone.
    (spread,) = [each for each in result["measured"]["outputs"] if each["name"] == "y"]
    assert max(spread["rms"]) < 1e-5
