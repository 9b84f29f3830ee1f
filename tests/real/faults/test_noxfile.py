"""What goes wrong while nox loads the noxfile, before any session of ours runs."""

from __future__ import annotations

import shutil

import pytest
from project import CUSTOM_LAYER, matrix_text

KIND = "noxfile"
WRONG_DEFINITION, INCOMPLETE = 2, 4


@pytest.fixture
def project(faulty_new):
    faulty_new.matrix(matrix_text("2.15", rest="[settings.default]\n" + CUSTOM_LAYER))
    return faulty_new


def _without_a_dependency(project):
    broken = project.root / "broken"
    broken.mkdir()
    (broken / "pydantic.py").write_text("raise ImportError('half of it is missing')\n")
    project.variables["PYTHONPATH"] = str(broken)


def _a_round_that_is_not_there(project):
    project.variables["SAVEDMODEL_MATRIX_RUN"] = str(project.root / "nowhere.json")


def _not_toml(project):
    project.matrix("[environments")


def _not_text(project):
    (project.root / "matrices/default.toml").write_bytes(b"\xff\xfe\x00")


def _a_folder(project):
    (project.root / "matrices/default.toml").unlink()
    (project.root / "matrices/default.toml").mkdir()


def _no_matrices(project):
    shutil.rmtree(project.root / "matrices")


@pytest.mark.fault(KIND, "it cannot define its sessions", "one line, and never status 1")
@pytest.mark.parametrize(
    ("spoil", "status", "says"),
    [
        pytest.param(_without_a_dependency, INCOMPLETE, "install it again", id="a dependency is broken"),
        pytest.param(_a_round_that_is_not_there, INCOMPLETE, "unset SAVEDMODEL_MATRIX_RUN", id="no round"),
        pytest.param(_not_toml, WRONG_DEFINITION, "matrices/default.toml: not valid TOML", id="no TOML"),
        pytest.param(_not_text, WRONG_DEFINITION, "matrices/default.toml: not valid TOML", id="no text"),
        pytest.param(_a_folder, WRONG_DEFINITION, "matrices/default.toml: not a file", id="a folder"),
        pytest.param(_no_matrices, 3, "Sessions not found: matrix", id="no matrices"),
    ],
)
def test_loading(project, seen, spoil, status, says):
    spoil(project)
    found = project.nox("-s", "matrix")
    assert found.status == status
    assert says in found.text
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")
