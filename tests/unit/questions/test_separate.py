from __future__ import annotations

import json

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.errors import NothingSelectedError
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.questions.separate import changed_environment, separating_plan
from savedmodel_matrix.store.atomic import write_text
from savedmodel_matrix.store.newest_report import write_sums

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


@pytest.mark.parametrize(
    ("tensorflow", "change", "expected"),
    [
        ("2.15.1", {"Python": "3.10"}, "tf2.15.1-py3.10-cpu"),
        ("2.15.1", {"Python": "3.13"}, None),
        ("2.15.1", {"Python": "3.99"}, None),
        ("2.15.1", {"NumPy": "1.23.5"}, "numpy==1.23.5"),
        ("2.15.1", {"h5py": "3.10.0"}, "h5py==3.10.0"),
        ("2.15.1", {"Keras": "keras 2.14.0"}, None),
        ("2.18.1", {"Keras": "keras 3.5.0"}, "keras==3.5.0"),
        ("2.18.1", {"Keras": "keras 2.15.0"}, None),
        ("2.18.1", {"tf-keras": "absent"}, None),
        ("2.18.1", {"tf-keras": "2.18.0"}, "tf-keras==2.18.0"),
        ("2.18.1", {"oneDNN": "off"}, None),
    ],
)
def test_what_can_be_made_is(monkeypatch, tensorflow, change, expected):
    monkeypatch.setattr("savedmodel_matrix.questions.separate.platform_name", lambda: "linux-x86_64")
    found = changed_environment(ReleaseTable.load(), Environment(tensorflow, "3.11", Build.CPU), change)
    if expected is None:
        assert found is None
    elif expected.startswith("tf2"):
        assert found.id == expected
    else:
        assert (found.requirements, found.tensorflow) == ((expected,), tensorflow)


def propose(project, *rows, matrix="default"):
    proposals = [
        {"setting": "default", "separates": ["TensorFlow", "Python"], "cases": ["one"], **row} for row in rows
    ]
    report = {
        "format": 1, "matrix": matrix, "content": "", "remedies_done": True, "exit_status": 0,
        "cells": [], "remedies": [], "proposals": proposals,
    }  # fmt: skip
    write_text(project.results.latest / "report.json", json.dumps(report))
    write_sums(project.results.latest, ["report.json"])


@pytest.fixture(autouse=True)
def linux(monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.questions.separate.platform_name", lambda: "linux-x86_64")


def test_the_cells_are_added_and_nothing_beside_them(project, plan):
    propose(project, {"environment": NEW, "change": {"Python": "3.9"}})
    found = separating_plan(project, plan)
    added = "tf2.9.3-py3.9-cpu"
    assert found.included[added] == "separates TensorFlow from Python"
    assert [(str(job.cell), job.case) for job in found.jobs(added)] == [(f"{added}/default", "one")]
    assert list(found.jobs())[: len(list(plan.jobs()))] == list(plan.jobs())
    assert found.limits[CellId(added, "default"), "one"] == plan.limits[CellId(NEW, "default"), "one"]
    assert [row.change for row in found.added] == [{"Python": "3.9"}]


def test_a_proposal_may_build_on_one_before_it(project, plan):
    propose(
        project,
        {"environment": NEW, "change": {"Python": "3.9"}},
        {"environment": "tf2.9.3-py3.9-cpu", "change": {"NumPy": "1.22.0"}},
    )
    found = separating_plan(project, plan)
    assert len(found.environments) == len(plan.environments) + 2
    assert len(found.added) == 2


@pytest.mark.parametrize(
    ("rows", "matrix"),
    [
        ([], "default"),
        ([{"environment": NEW, "change": {"Python": "3.9"}}], "other"),
        ([{"environment": "tf2.1-gone", "change": {"Python": "3.9"}}], "default"),
        ([{"environment": NEW, "change": {"Python": "3.6"}}], "default"),
    ],
)
def test_without_a_proposal_that_fits_nothing_is_selected(project, plan, rows, matrix):
    propose(project, *rows, matrix=matrix)
    with pytest.raises(NothingSelectedError, match="run it without --separate first"):
        separating_plan(project, plan)


def test_without_a_report_nothing_is_selected(project, plan):
    with pytest.raises(NothingSelectedError):
        separating_plan(project, plan)
