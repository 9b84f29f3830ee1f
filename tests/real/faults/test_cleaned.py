"""Somebody cleans up beside a run: what it needs disappears while it runs."""

from __future__ import annotations

import shutil
from itertools import pairwise

import pytest
from project import CUSTOM_LAYER, matrix_text

KIND = "deleted in a run"
INCOMPLETE = 4
ENVIRONMENT = "tf2.15.1-py3.11-cpu"
#: Deletes a folder once, as code of a case: between two cases, and before its own model is loaded.
CLEANS = """
import pathlib
import shutil

flag, target = pathlib.Path({flag!r}), pathlib.Path({target!r})
if not flag.exists():
    flag.touch()
    shutil.rmtree(target)
"""
CASES = f"""
[settings.default]
{CUSTOM_LAYER}
[cases.cleans]
path = "examples/models/custom_layer"
inputs = [{{ generate = {{ batch = 2, seed = 3 }} }}]
modules = ["cleans.py"]

[cases.later]
path = "examples/models/cnn"
inputs = [{{ npz = "examples/inputs/cnn-2.npz" }}]
"""


@pytest.mark.whole
@pytest.mark.fault(KIND, "this folder", "no wrong outcome is filed; the next run repairs it")
@pytest.mark.parametrize("part", ["objects", "recordings", "environments", "logs", "cases", "", "venv"])
def test_deleted(recorded, faulty_new, tmp_path, seen, part):
    project = faulty_new
    made = recorded.project.environments / ENVIRONMENT.replace(".", "-")
    project.environments = tmp_path / "nox"
    venv = project.environments / made.name
    shutil.copytree(made, venv, symlinks=True)
    target = venv if part == "venv" else project.results / part
    project.matrix(matrix_text("2.15", rest=CASES))
    (project.root / "cleans.py").write_text(CLEANS.format(flag=str(tmp_path / "flag"), target=str(target)))
    arguments = ("-s", "matrix", "--", "--no-fixes")
    first = project.run(*project.nox_command(*arguments), time_limit_s=600)
    assert (tmp_path / "flag").exists(), "it was deleted"
    assert first.status in (0, INCOMPLETE)
    second = project.nox(*arguments)
    assert second.status == 0
    rows = project.report().cells
    assert [(row.outcome, row.reason) for row in rows] == [("recorded", None)] * 3
    again = project.recordings()
    assert project.nox(*arguments).status == 0
    assert project.recordings() == again
    assert all(one.stem < two.stem for one, two in pairwise(sorted(project.results.glob("runs/*.json"))))
    seen(f"status {first.status}, then {second.status}")
