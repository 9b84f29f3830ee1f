"""Damaged results and models that change: nothing wrong is believed, and one run repairs everything."""

from __future__ import annotations

import json

import pytest
from project import CUSTOM_LAYER, RealProject, matrix_text
from savedmodel_matrix.report.document import Report

CHANGES = """
import pathlib

# As a training job would that writes to the folder while it is served.
weights = next(pathlib.Path(r"{model}").glob("variables/variables.data*"))
content = bytearray(weights.read_bytes())
content[-1] ^= 1
weights.write_bytes(content)
"""


@pytest.fixture
def copied(recorded, tmp_path, nox_environments):
    return RealProject(recorded.project.copied_to(tmp_path / "project").root, nox_environments)


def judged(project):
    report = Report.model_validate_json((project.root / "results/latest/report.json").read_bytes())
    return [(row.cell, row.case, row.outcome, row.class_, row.verdict) for row in report.cells]


def outputs(project, case):
    found = []
    for path in sorted((project.root / "results/recordings").rglob("*.json")):
        recording = json.loads(path.read_bytes())
        if recording["identity"]["case"] == case and recording["identity"]["measurement"] == "outputs":
            found += [digest for each in recording["outputs"] for digest in each["array"]["objects"]]
    return [project.root / "results/objects" / name[:2] / f"{name}.npy" for name in dict.fromkeys(found)]


def test_flipped_bits_are_noticed_and_repaired_by_one_run(copied):
    before = judged(copied)
    objects = outputs(copied, "cnn")
    for path in objects:
        content = bytearray(path.read_bytes())
        content[-2] ^= 0x40
        path.write_bytes(content)
    (copied.root / "results/latest/report.json").unlink()  # so that arrays are compared again

    alone = copied.harness("report")
    assert alone.status == 4
    assert "damaged" in alone.output
    assert "Traceback" not in alone.output

    run = copied.nox("-s", "matrix")
    assert "Traceback" not in run.output
    assert judged(copied) == before
    for path in objects:
        assert path.exists()


def test_stored_files_that_do_not_fit_are_recorded_again(copied):
    before = judged(copied)
    recordings = sorted((copied.root / "results/recordings").rglob("*.json"))
    states = sorted((copied.root / "results/environments").rglob("*.json"))
    cases = sorted((copied.root / "results/cases").glob("*.json"))
    texts = ['{"format": 2}', "", '{"format": 2, "outputs": null}', "[]", "\x00\x00"]
    for number, path in enumerate([*recordings[:4], states[0], cases[0]]):
        path.write_text(texts[number % len(texts)])

    run = copied.nox("-s", "matrix")
    assert "Traceback" not in run.output
    assert judged(copied) == before


def test_what_a_model_that_changes_gave_is_not_filed(new_project):
    model = new_project.root / "examples/models/custom_layer"
    (new_project.root / "changes.py").write_text(CHANGES.format(model=model))
    new_project.matrix(matrix_text("2.15", rest=CUSTOM_LAYER + 'modules = ["changes.py"]\n'))
    run = new_project.nox("-s", "matrix", "--", "--no-fixes")
    assert run.status == 4
    assert not list((new_project.root / "results/recordings").rglob("*.json*"))
    logs = [path.read_text() for path in (new_project.root / "results/logs").rglob("*.log")]
    assert any("changed since the run began" in text for text in logs)
