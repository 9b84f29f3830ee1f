"""An upgrade is planned, and a version bisected, from few real environments."""

from __future__ import annotations

import json

import pytest
from project import RealProject

PLAN = ("-s", "plan", "--", "examples/models/cnn", "--from", "2.12", "--to", "2.18", "--no-fixes")
CHECK = """\
import sys
from importlib.metadata import version
major, minor = map(int, version("absl-py").split(".")[:2])
sys.exit(125 if (major, minor) == (2, 0) else major >= 2)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, nox_environments):
    found = RealProject(tmp_path_factory.mktemp("upgrades") / "project", nox_environments).create()
    (found.root / "check.py").write_text(CHECK)
    return found


@pytest.fixture(scope="module")
def planned(project):
    run = project.nox(*PLAN)
    assert run.status != 0, run.output
    return run


def answer(project, name):
    return json.loads((project.results / f"latest/{name}.json").read_text())


def test_only_the_releases_that_decide_are_measured(project, planned):
    found = answer(project, "plan")
    measured = [row["tensorflow"] for row in found["releases"] if row["measured"]]
    assert measured == ["2.12.1", "2.15.1", "2.16.2", "2.18.1"]
    assert len(found["releases"]) == 7
    (model,) = found["models"]
    assert (model["furthest"], model["at_last"], found["exit_status"]) == ("2.15.1", "fails", 4)
    ((change),) = model["breaks"]
    assert (change["before"], change["at"], change["exact"]) == ("2.15.1", "2.16.2", True)
    assert change["cause"] == "keras-optimizer-slots"
    assert "agrees up to 2.15.1. It cannot be loaded in 2.16.2" in planned.text
    assert "# Upgrade plan: examples/models/cnn" in (project.results / "latest/plan.md").read_text()


def test_a_plan_continues_where_it_was(project, planned):
    before, plan = project.recordings(), answer(project, "plan")
    again = project.nox(*PLAN)
    assert again.environments == {}
    assert project.recordings() == before
    assert {**answer(project, "plan"), "run": None} == {**plan, "run": None}


def test_a_version_of_a_package_is_bisected_by_a_command(project):
    run = project.nox(
        *(
            "-s",
            "bisect",
            "--",
            "examples/models/custom_layer",
            "--package",
            "absl-py",
            "--tensorflow",
            "2.15.1",
        ),
        *("--good", "1.3.0", "--bad", "2.1.0", "--on", "command", "--command", "python check.py"),
    )
    assert run.status == 0, run.output
    found = answer(project, "bisect")
    assert {row["version"]: row["answer"] for row in found["measured"]} == {
        "1.3.0": "good", "1.4.0": "good", "2.0.0": None, "2.1.0": "bad",
    }  # fmt: skip
    ((change),) = found["changes"]
    assert (change["before"], change["after"], change["unjudged"]) == ("1.4.0", "2.1.0", ["2.0.0"])
    assert change["packages"] == [{"name": "absl-py", "old": "1.4.0", "new": "2.1.0"}]
    assert "--good 1.4.0 --bad 2.1.0" in change["reproduce"]


def test_what_is_not_there_is_said_in_one_line(project):
    run = project.nox("-s", "plan", "--", "examples/nothing")
    assert "'examples/nothing' is neither a folder nor a matrix" in run.text
    assert "Traceback" not in run.output
    run = project.nox("-s", "bisect", "--", "examples/models/cnn", "--good", "2.15.1", "--bad", "2.15.9")
    assert "no TensorFlow release '2.15.9' is known" in run.text
    assert "Traceback" not in run.output
