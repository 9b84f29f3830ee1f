"""Inputs fit what a graph takes, are improved by measuring, and misfits are foreseen; TensorFlow decides."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from project import matrix_text

WRITER = "tf2.15.1-py3.11-cpu"
ONE_CELL = ("-s", "matrix", "--", "--only", "tf2.15*/default", "--no-fixes")


@pytest.fixture(scope="module")
def project(environment, tmp_path_factory, nox_environments):
    from project import RealProject

    found = RealProject(tmp_path_factory.mktemp("fitting") / "project", nox_environments).create()
    writer = Path(__file__).with_name("fitting_models.py")
    subprocess.run([environment(WRITER), writer, found.root / "model"], check=True, capture_output=True)
    (found.root / ".nox").symlink_to(nox_environments)
    return found


def test_every_signature_runs_on_what_init_writes(project):
    assert project.harness("init", "model").status == 0
    run = project.nox(*ONE_CELL)
    assert "load-failed" not in run.text
    assert "run-failed" not in run.text
    assert "Preflight: 5 of 5 predictions were correct" in run.text


def test_misfits_are_foreseen(project):
    np.savez(project.root / "length.npz", x=np.ones((2, 16, 16, 1), np.float32))
    np.savez(project.root / "batch.npz", x=np.ones((3, 6), np.float32))
    np.savez(project.root / "index.npz", ids=np.full((3, 2), 7))
    np.savez(project.root / "sparse.npz", v=np.ones(3, np.float32))
    cases = "".join(
        f'\n[cases.{name}]\npath = "model"\nsignature = "{name}"\ninputs = [{{ npz = "{name}.npz" }}]\n'
        for name in ("length", "batch", "index", "sparse")
    )
    project.matrix(matrix_text("2.15", rest=cases), "wrong")
    run = project.nox("-s", "matrix-wrong", "--", "--no-fixes")
    assert run.status == 4, run.output
    assert "length, index, sparse: 1 of 1 cells did not run (1 run-failed)" in run.text
    # Grappler takes the fixed batch for superfluous, so this one runs.
    assert "batch: ran in one cell only" in run.text
    assert "Preflight: 4 of 4 predictions were correct" in run.text
    cells = project.report().cells
    said = {cell.case: " ".join(cell.prediction.because) for cell in cells}
    assert "fails with these inputs: input ids has the index 7, but what it indexes has 7" in said["index"]
    assert "signature 'length' fails with these inputs: op MatMul" in said["length"]
    assert "input 'i' (int64[?,2]) is missing" in said["sparse"]


def test_inputs_that_notice_nothing_are_rescaled(project):
    run = project.harness("inputs", "model", "--signature", "blind", "--tensorflow", "2.15")
    assert run.status == 0, run.output
    with np.load(project.root / "inputs" / "model-blind.npz") as file:
        assert file["x"].max() > 100
    assert "floats from 0 to 255 (the best of 6 tried)" in run.text
    assert "would have noticed a change of 0.1 % in all of 2 weights" in run.text
    again = project.harness("inputs", "model", "--signature", "blind", "--tensorflow", "2.15")
    assert again.status == 2
    assert "model-blind.npz already exists" in again.text
