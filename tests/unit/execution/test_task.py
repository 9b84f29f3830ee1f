"""What runs together, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.execution.task import starts, task_of
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.elsewhere import EVERYTHING
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.planning.besides import besides
from savedmodel_matrix.planning.ready import make_ready

INSTALLED = Installed(lock="lock", interpreter="3.10.1")


@pytest.fixture
def tasks_of(project):
    def found(plan, installed=INSTALLED):
        jobs = work(plan, plan.baseline.environment)
        sites = {
            case: Site(project, plan, installed, make_ready(project, definition))
            for case, definition in plan.cases.items()
        }
        return [task_of(sites[job.case], job) for job in jobs]

    return found


def shown(start):
    return [(task.job.measurement, task.job.variant) for task in start]


def test_stages_come_before_and_behind_what_they_serve(staged, tasks_of):
    start, *others = starts(tasks_of(staged))
    assert [shown(each) for each in others] == [
        [("elsewhere", f"{stage} in {EVERYTHING}") for stage in ("train", "serve")]
    ], "in a start of its own"
    order = shown(start)
    assert sorted(order) == [
        ("outputs", ""),
        ("stage", "postprocess"),
        ("stage", "serve"),
        ("stage", "train"),
        ("trained", ""),
    ]
    before = [
        (("stage", "serve"), ("outputs", "")),
        (("outputs", ""), ("stage", "postprocess")),
        (("stage", "train"), ("trained", "")),
    ]
    for first, then in before:
        assert order.index(first) < order.index(then)


def test_a_stage_beside_is_a_start_of_its_own_before_what_takes_its_outputs(project, staged, tasks_of):
    text = staged.cases["one"].serve.call.partition(":")[0]
    (project.root / text).write_text("# /// script\n# dependencies = ['pillow>=9']\n# ///\n")
    environment = staged.environments[staged.baseline.environment]
    (beside,) = besides(project, staged, environment)
    installed = INSTALLED.model_copy(update={"besides": {beside.id: INSTALLED}})
    found = [
        start for start in starts(tasks_of(staged, installed)) if start[0].job.measurement != "elsewhere"
    ]
    assert [start[0].beside for start in found] == [beside, None, beside]
    assert [sorted(shown(start)) for start in found] == [
        [("stage", "serve"), ("stage", "train")],
        [("outputs", ""), ("trained", "")],
        [("stage", "postprocess")],
    ]


def test_one_start_per_set_of_variables(plan, tasks_of):
    def settings_of_starts():
        return [{task.job.cell.setting for task in start} for start in starts(tasks_of(plan))]

    assert sorted(settings_of_starts(), key=str) == [{"default"}, {"onednn-off"}]
    single = plan.settings["default"].model_copy(update={"intra_op_threads": 1})
    plan.__dict__["settings"] = {**plan.settings, "onednn-off": single}
    assert settings_of_starts() == [{"default", "onednn-off"}]


def test_isolated_a_start_is_for_one_case(plan, tasks_of):
    two = replace(
        plan, cases={"one": plan.cases["one"], "two": plan.cases["one"].model_copy(update={"runs": 7})}
    )
    limits = {(cell, case): plan.limits[cell, "one"] for cell in plan.cells() for case in two.cases}
    two = replace(two, limits=limits)

    def cases_of_starts(plan):
        return [sorted({task.job.case for task in start}) for start in starts(tasks_of(plan))]

    assert sorted(cases_of_starts(two)) == [["one", "two"]] * 2
    assert sorted(cases_of_starts(two.isolated())) == [["one"], ["one"], ["two"], ["two"]]


def test_the_model_gets_secrets_that_no_recording_holds(plan, tasks_of):
    secret = plan.settings["default"].model_copy(update={"variables": {"HF_TOKEN": "hf_secret"}})
    plan.__dict__["settings"] = {"default": secret}
    (start,) = starts(tasks_of(plan))
    assert start[0].variables == (("HF_TOKEN", "hf_secret"),)
    assert "hf_secret" not in str(start[0].request().to_json())


@dataclass(frozen=True)
class Place:
    id: str


@dataclass(frozen=True)
class Stub:
    """All that ``starts`` looks at."""

    key: str
    after: str | None
    beside: Place | None = None
    variables: tuple = ()
    alone: str | None = None
    more: list = field(default_factory=list, compare=False)


@st.composite
def stubs(draw):
    """Tasks in any order, each after an earlier one, after one that is not among them, or after none."""
    made = []
    for number in range(draw(st.integers(0, 12))):
        after = draw(st.sampled_from([None, "recorded before", *(each.key for each in made)]))
        beside = draw(st.sampled_from([None, None, Place("a"), Place("b")]))
        variables = () if beside else draw(st.sampled_from([(), (("A", "1"),), (("A", "2"),)]))
        made.append(Stub(f"key {number}", after, beside, variables))
    return draw(st.permutations(made))


@given(stubs())
def test_every_task_is_started_once_and_after_what_it_takes(tasks):
    found = list(starts(tasks))
    order = [task.key for start in found for task in start]
    assert sorted(order) == sorted(task.key for task in tasks)
    for task in tasks:
        if task.after in order:
            assert order.index(task.after) < order.index(task.key)
    for start in found:
        assert len({(task.beside, task.variables) for task in start}) == 1


@given(stubs())
def test_without_dependencies_there_is_one_start_per_place_and_variables(tasks):
    free = [Stub(task.key, None, task.beside, task.variables) for task in tasks]
    assert len(list(starts(free))) == len({(task.beside, task.variables) for task in free})
