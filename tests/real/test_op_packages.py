"""Models with the ops of other packages: predicted, explained and mended by what the packages really have."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from project import RealProject
from savedmodel_matrix.domain.outcome import Outcome

OLD, MIDDLE = "tf2.8.4-py3.10-cpu", "tf2.15.1-py3.11-cpu"
MATRIX = """
baseline = "tf2.15*"

[[environments]]
tensorflow = "2.15"
requirements = ["tensorflow-text==2.15.0"]

[[environments]]
tensorflow = "2.8"
requirements = ["tensorflow-text==2.8.2"]

[settings.default]

[cases.imported]
path = "models/text"
imports = ["tensorflow_text"]
inputs = [{ npz = "words.npz" }]

[cases.not_imported]
path = "models/text"
inputs = [{ npz = "words.npz" }]

[cases.foreign]
path = "models/scann"
inputs = [{ generate = { seed = 1, batch = 2 } }]
"""


@pytest.fixture(scope="module")
def foreign(environment, nox_environments, tmp_path_factory):
    """A project with a model of TensorFlow Text and one of ScaNN, and the run of its matrix."""
    project = RealProject(tmp_path_factory.mktemp("foreign") / "project", nox_environments).create()
    script = Path(__file__).with_name("op_models.py")
    packages = {"text": ["tensorflow-text==2.15.0", "tensorflow-hub==0.15.0"], "scann": ["scann==1.3.0"]}
    for name, needed in packages.items():
        python = environment(MIDDLE, *needed)
        folder = project.root / "models" / name
        subprocess.run([python, script, name, folder], check=True, capture_output=True, timeout=300)
    program = "import numpy, sys; numpy.savez(sys.argv[1], text=numpy.array(['The faster cat']))"
    subprocess.run([environment(MIDDLE), "-c", program, project.root / "words.npz"], check=True)
    project.matrix(MATRIX)
    return project, project.nox("-s", "matrix")


def causes(project, tensorflow):
    return {row.case: row for row in project.report().causes if row.environment.startswith(f"tf{tensorflow}")}


def remedies(project, tensorflow):
    return {
        (row.case, row.kind): row
        for row in project.report().remedies
        if row.environment.startswith(f"tf{tensorflow}")
    }


def test_each_outcome_was_predicted(foreign):
    project, _ = foreign
    report = project.report()
    assert len(report.cells) == 6
    assert [row.case for row in report.cells if row.prediction.came_true is not True] == []
    assert {row.case for row in report.cells if row.outcome is Outcome.RECORDED} == {"imported"}


def test_an_op_newer_than_its_package_is_not_blamed_on_the_import(foreign):
    project, run = foreign
    found = causes(project, "2.8")["imported"]
    assert found.cause == "op-newer-than-package"
    assert "FastBertNormalize is newer than tensorflow-text 2.8.2" in found.title
    assert any(each.startswith("upgrade: >=2.") for each in found.candidates)
    assert ("imported", "package") not in remedies(project, "2.8")
    assert "newer than tensorflow-text 2.8.2" in run.text


def test_a_package_that_is_not_imported_is_imported_as_the_fix(foreign):
    project, _ = foreign
    found = causes(project, "2.15")["not_imported"]
    assert found.cause == "op-not-imported"
    fix = remedies(project, "2.15")["not_imported", "import"]
    assert (fix.value, fix.mended) == ("tensorflow_text", True)
    assert fix.outcome is Outcome.RECORDED


@pytest.mark.parametrize(("tensorflow", "requirement"), [("2.15", "scann==1.3.0")])
def test_a_missing_package_is_installed_in_the_release_that_fits(foreign, tensorflow, requirement):
    project, run = foreign
    found = causes(project, tensorflow)["foreign"]
    assert found.cause == "op-of-package"
    assert "part of scann, which is not installed" in found.title
    fix = remedies(project, tensorflow)["foreign", "package"]
    assert fix.value.startswith(f"{requirement} (import scann, resolve = ")
    assert fix.mended
    assert f"fixed by package {requirement}" in run.text
