"""Functions called as they were traced, composite inputs of signatures, and bfloat16 without a kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from project import matrix_text

WRITER = "tf2.12.1-py3.11-cpu"
OLD, NEW = "2.12.1", "2.21"
INPUTS = "inputs = [{ generate = { seed = 1, batch = 3 } }]"
CASES = f"""
[settings.default]

[settings.onednn-off]
variables = {{ TF_ENABLE_ONEDNN_OPTS = "0" }}

[cases.call]
path = "models/functions"
function = "__call__"
{INPUTS}

[cases.training]
path = "models/functions"
function = "__call__"
arguments = {{ training = true }}
{INPUTS}

[cases.nested]
path = "models/functions"
function = "nested"
{INPUTS}

[cases.masked]
path = "models/functions"
function = "nested"
inputs = [{{ npz = "masked.npz" }}]

[cases.untraced]
path = "models/functions"
function = "__call__"
inputs = [{{ npz = "eight.npz" }}]

[cases.ragged]
path = "models/taken_apart"
signature = "r"
{INPUTS}

[cases.ragged-v1]
path = "models/taken_apart"
signature = "r"
loader = "v1-session"
{INPUTS}

[cases.sparse]
path = "models/taken_apart"
signature = "s"
{INPUTS}

[cases.half]
path = "models/half"
{INPUTS}
"""


@pytest.fixture(scope="module")
def ran(environment, tmp_path_factory, nox_environments):
    from project import RealProject

    project = RealProject(tmp_path_factory.mktemp("functions") / "project", nox_environments).create()
    writer = Path(__file__).with_name("function_models.py")
    folder = project.root / "models"
    done = subprocess.run([environment(WRITER), writer, folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    masked = {name: np.ones([3, 2], np.float32) for name in ("features/x", "features/deep/0", "pair/left")}
    masked |= {"pair/right": np.ones([1], np.float32), "mask": np.zeros([3, 2], np.float32)}
    np.savez(project.root / "masked.npz", **masked)
    np.savez(project.root / "eight.npz", x=np.ones([8, 2], np.float32))
    project.matrix(matrix_text(OLD, NEW, rest=CASES))
    run = project.nox("-s", "matrix", "--", "--no-fixes")
    return project, run


def test_every_traced_call_runs_and_no_other(ran):
    project, run = ran
    outcomes = {}
    for cell in project.report().cells:
        outcomes.setdefault(cell.case, set()).add(str(cell.outcome))
    for name in ("call", "training", "nested", "masked", "ragged", "ragged-v1", "sparse"):
        assert outcomes[name] == {"recorded"}, name
    assert outcomes["untraced"] == {"run-failed"}
    assert "given (float32[8,2], False); traced: (float32[1,2], False) or (float32[1,2], True)" in " ".join(
        run.output.split()
    )


def test_bfloat16_without_onednn_is_predicted_and_named(ran):
    project, run = ran
    half = {
        (cell.environment, cell.setting): str(cell.outcome)
        for cell in project.report().cells
        if cell.case == "half"
    }
    off = {
        environment: outcome for (environment, setting), outcome in half.items() if setting == "onednn-off"
    }
    assert {name.partition("-")[0]: outcome for name, outcome in off.items()} == {
        "tf2.12.1": "run-failed",
        "tf2.21.0": "recorded",
    }
    # With oneDNN it runs on a CPU that has instructions for it, and fails on others.
    (on,) = {outcome for (name, setting), outcome in half.items() if "2.12" in name and setting == "default"}
    which = "half (onednn-off)" if on == "recorded" else "half"
    assert f"{which} fails to run: op FusedBatchNormV3: no bfloat16 in TensorFlow 2.12" in " ".join(
        run.output.split()
    )
    assert "bfloat16-needs-onednn" in run.output
