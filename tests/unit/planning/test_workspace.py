from __future__ import annotations

import pytest
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.planning.workspace import Workspace

GOOD = 'baseline = "*"\n[[environments]]\ntensorflow = "2.9.3"\npython = "3.10"\n[cases.cnn]\npath = "m"\n'


@pytest.fixture
def project(tmp_path):
    (tmp_path / "matrices").mkdir()
    for name in ("nightly", "default", "a"):
        (tmp_path / "matrices" / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    return Workspace(tmp_path)


def test_matrices_are_found_the_default_first(project):
    assert project.matrices() == ["default", "a", "nightly"]


def test_a_matrix_is_expanded(project):
    plan = project.plan("a")
    assert (plan.matrix, list(plan.environments)) == ("a", ["tf2.9.3-py3.10-cpu"])
    path = project.lock_path(plan.environments["tf2.9.3-py3.10-cpu"])
    assert path == project.root / "matrices" / "locks" / platform_name() / "tf2.9.3-py3.10-cpu.txt"


def test_an_unknown_matrix_is_answered_with_the_nearest(project):
    with pytest.raises(DefinitionError, match=r"no matrix 'nigthly' in .*; did you mean 'nightly'\?"):
        project.plan("nigthly")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + "pth = 1", "matrices/a.toml: cases.cnn.pth: unknown key; did you mean 'path'?"),
        (GOOD.replace("*", "x"), "matrices/a.toml: baseline: 'x' must match one cell"),
        ("a =", "matrices/a.toml: not valid TOML"),
        (
            GOOD + '[cases.cnn.tolerance]\nboxes = { comparator = "mine" }',
            "matrices/a.toml: cases.cnn.tolerance.boxes.comparator: comparator 'mine' is not installed",
        ),
    ],
)
def test_problems_name_the_file_from_the_projects_root(project, text, problem):
    (project.root / "matrices" / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        project.plan("a")
    assert [line.startswith(problem) for line in caught.value.problems] == [True]
