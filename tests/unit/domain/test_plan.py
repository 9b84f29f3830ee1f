from __future__ import annotations

from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import RECIPES, Check
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.plan import Plan, Purpose

LIMITS = Limits(300.0, None)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "tf2.15.1-py3.11-cpu"),
        ({"build": Build.GPU}, "tf2.15.1-py3.11-gpu"),
        ({"resolve": "today"}, "tf2.15.1-py3.11-cpu-today"),
        ({"resolve": "2024-01-31"}, "tf2.15.1-py3.11-cpu-20240131"),
    ],
)
def test_ids_are_readable(fields, shown):
    environment = Environment("2.15.1", "3.11", **{"build": Build.CPU, **fields})
    assert (environment.id, environment.base_id) == (shown, shown)


def test_requirements_show_in_the_id_and_not_in_the_base():
    def of(*requirements):
        return Environment("2.15.1", "3.11", Build.CPU, requirements=requirements)

    assert of("tf_keras", "numpy<2").id.startswith("tf2.15.1-py3.11-cpu-tf_keras+numpy-")
    assert of("numpy<2").base_id == "tf2.15.1-py3.11-cpu"
    # Same names, other versions: another environment.
    assert of("numpy<2").id != of("numpy<1.26").id
    assert len(of(*(f"package-{number}" for number in range(50))).id) < 100
    assert not set(of("a[extra]>=1; python_version < '3.9'").id) & set(" /\\<>[];'\"")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("tf2.9.3-py3.10-cpu", True),
        ("tf2.9*", True),
        ("*", True),
        ("*/onednn-off", True),
        ("tf2.9*/onednn-*", True),
        ("onednn-off", False),
        ("*/default", False),
        ("TF2.9*", False),
    ],
)
def test_globs_on_cells(pattern, matches):
    assert CellId("tf2.9.3-py3.10-cpu", "onednn-off").matches(pattern) is matches


@pytest.fixture
def plan():
    environments = {
        each.id: each
        for each in (Environment("2.9.3", "3.10", Build.CPU), Environment("2.9.3", "3.6", Build.CPU))
    }
    settings = {"default": SettingDefinition(), "threads-1": SettingDefinition(intra_op_threads=1)}
    cases = {name: CaseDefinition(path=name) for name in ("cnn", "rnn")}
    cells = [CellId(environment, setting) for environment in environments for setting in settings]
    return Plan(
        matrix="m",
        baseline=cells[0],
        environments=environments,
        settings=settings,
        cases=cases,
        limits={(cell, case): LIMITS for cell in cells for case in cases},
        unavailable={"tf2.9.3-py3.6-cpu": "no wheels"},
        excluded={(CellId("tf2.9.3-py3.10-cpu", "threads-1"), "rnn"): "slow"},
    )


def test_jobs_are_what_is_neither_unavailable_nor_excluded(plan):
    first = "tf2.9.3-py3.10-cpu"
    assert list(plan.jobs()) == [
        Job(CellId(first, "default"), "cnn", LIMITS),
        Job(CellId(first, "default"), "rnn", LIMITS),
        Job(CellId(first, "threads-1"), "cnn", LIMITS),
    ]
    assert list(plan.jobs(first)) == list(plan.jobs())
    assert list(plan.jobs("tf2.9.3-py3.6-cpu")) == []
    assert len(list(plan.cells())) == 4


def test_what_is_left_out_is_in_the_id():
    bare = Environment("2.15.1", "3.11", Build.CPU, without=("h5py", "keras-nightly"))
    assert bare.id == "tf2.15.1-py3.11-cpu-no_h5py-no_keras_nightly"
    assert Environment("2.15.1", "3.11", Build.CPU).id == "tf2.15.1-py3.11-cpu"


def test_checks_come_after_everything_else_and_take_their_own_time(plan):
    case = CaseDefinition(path="m", checks=["repeat", "leak"])
    asking = replace(plan, cases={**plan.cases, "checked": case})
    asking = replace(asking, limits={**plan.limits, **{(cell, "checked"): LIMITS for cell in plan.cells()}})
    work = list(asking.work())
    checks = [job for job in work if job.purpose is Purpose.CHECK]
    cells = [job.cell for job in asking.jobs() if job.case == "checked"]
    assert work[-len(checks) :] == checks
    assert [(job.cell, job.case, job.check) for job in checks] == [
        (cell, "checked", check) for cell in cells for check in (Check.REPEAT, Check.LEAK)
    ]
    for job in checks:
        assert job.limits.time_limit_s == 300 * RECIPES[job.check].time_factor
    assert all(job.check is None for job in asking.jobs())
