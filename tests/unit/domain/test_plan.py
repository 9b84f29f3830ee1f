from __future__ import annotations

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.plan import Plan

LIMITS = Limits(300.0, None)


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


def test_a_plan_that_asks_for_jobs_wants_nothing_else(plan):
    job = next(plan.jobs())
    asking = plan.asking([job])
    assert asking.asked == (job,)
    assert list(asking.jobs()) == []
    assert (asking.environments, asking.cases, asking.limits) == (plan.environments, plan.cases, plan.limits)
