from __future__ import annotations

from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import SettingDefinition
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.models.preflight.prediction import Confidence, Kind, Prediction, Stage
from savedmodel_matrix.planning import predictions
from savedmodel_matrix.planning.predictions import (
    came_true,
    facts_of,
    installed_packages,
    planned_facts,
    predict_plan,
)
from savedmodel_matrix.planning.ready import make_ready

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


def test_every_cell_that_is_to_run_gets_a_prediction(project, plan):
    ready = {"one": make_ready(project, plan.cases["one"])}
    found = predict_plan(project, plan, ready, planned_facts(project, plan, ready))
    assert set(found) == {(job.cell, job.case) for job in plan.jobs()}
    assert {each.kind for each in found.values()} == {Kind.LOADS}


def test_a_case_that_is_not_ready_is_read_where_it_lies_and_one_that_is_nowhere_is_left_out(project, plan):
    elsewhere = plan.cases["two"].model_copy(update={"path": "nowhere"})
    fetched = plan.cases["two"].model_copy(update={"package": "some==1"})
    plan.__dict__["cases"] = {"one": plan.cases["one"], "gone": elsewhere, "fetched": fetched}
    plan.__dict__["limits"] = {
        (cell, case): next(iter(plan.limits.values())) for cell in plan.cells() for case in plan.cases
    }
    ready = {"one": None, "gone": "no such folder", "fetched": None}
    found = predict_plan(project, plan, ready, planned_facts(project, plan, ready))
    assert {case for _, case in found} == {"one"}


def test_what_is_no_model_is_predicted_not_to_load(project, plan):
    model = project.root / plan.cases["one"].path / "saved_model.pb"
    model.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    found = predict_plan(project, plan, {}, planned_facts(project, plan, {}))
    broken = {each for (_, case), each in found.items() if case == "one"}
    assert {(each.kind, each.stage) for each in broken} == {(Kind.FAILS, Stage.LOAD)}
    assert all("git lfs pull" in each.because[0] for each in broken)


def test_the_inputs_and_arguments_of_a_function_count(project, plan, monkeypatch):
    targets = []
    monkeypatch.setattr(predictions, "predict", lambda _, target: targets.append(target))
    called = {"function": "f", "arguments": {"training": True}}
    plan.__dict__["cases"] = {name: each.model_copy(update=called) for name, each in plan.cases.items()}
    ready = {"one": make_ready(project, plan.cases["one"])}
    predict_plan(project, plan, ready, planned_facts(project, plan, ready))
    assert all(target.arguments == {"training": True} for target in targets)
    given = {tuple(target.batches) and tuple(target.batches[0]) for target in targets}
    assert () in given


def test_what_is_read_once_is_not_read_again(project, plan):
    ready = make_ready(project, plan.cases["one"])
    assert facts_of(project, ready) is facts_of(project, ready)
    assert facts_of(project, "a reason why it is not ready") is None


def test_a_settings_loader_and_variables_count(project, plan):
    settings = {"default": SettingDefinition(loader="v1-session"), "onednn-off": SettingDefinition()}
    plan.__dict__["settings"] = settings
    ready = {"one": make_ready(project, plan.cases["one"])}
    found = predict_plan(project, plan, ready, planned_facts(project, plan, ready))
    assert {cell.setting for cell, _ in found} == set(settings)
    assert found[CellId(NEW, "default"), "one"] is not None


@pytest.mark.parametrize(
    ("case", "imports", "brings"),
    [
        ({}, set(), ()),
        ({"imports": ["tensorflow_text", "keras.saving"]}, {"tensorflow_text", "keras.saving"}, ()),
        ({"imports": ["mine.ops"]}, {"mine.ops"}, ("mine.ops",)),
        ({"libraries": ["lib/own.so"], "modules": ["code/layers.py"]}, set(), ("own.so", "layers.py")),
    ],
)
def test_what_a_case_imports_and_brings_counts(project, plan, monkeypatch, case, imports, brings):
    targets = []
    monkeypatch.setattr(predictions, "predict", lambda _, target: targets.append(target))
    plan.__dict__["cases"] = {name: each.model_copy(update=case) for name, each in plan.cases.items()}
    predict_plan(project, plan, {}, planned_facts(project, plan, {}))
    assert {(target.imports, target.brings) for target in targets} == {(frozenset(imports), brings)}


def test_until_an_environment_is_resolved_its_requirements_count(project, plan):
    environment = replace(
        plan.environments[NEW], requirements=("Tensorflow-Text==2.9.0", "scann>=1", "other", "b==1.*")
    )
    found = installed_packages(project, environment)
    assert found == {"Tensorflow-Text": "2.9.0", "scann": "", "other": "", "b": ""}


def test_inputs_that_do_not_fit_are_foreseen(project, plan):
    plan.__dict__["cases"] = {"one": plan.cases["one"]}
    plan.__dict__["limits"] = {(cell, "one"): next(iter(plan.limits.values())) for cell in plan.cells()}
    ready = make_ready(project, plan.cases["one"])
    broken = ready.model_copy(update={"batches": None, "inputs_problem": "input 'x' is missing; add it"})
    found = predict_plan(project, plan, {"one": broken}, planned_facts(project, plan, {"one": ready}))
    assert {(each.kind, each.stage) for each in found.values()} == {(Kind.FAILS, Stage.RUN)}
    said = "it loads, but signature 'serving_default' fails with these inputs: input 'x' is missing; add it"
    assert {each.because for each in found.values()} == {(said,)}


def prediction(kind, stage=None):
    return Prediction(kind, stage, (), (), (), Confidence.HIGH)


@pytest.mark.parametrize(
    ("expected", "outcome", "right"),
    [
        (prediction(Kind.LOADS), Outcome.RECORDED, True),
        (prediction(Kind.LOADS), Outcome.LOAD_FAILED, False),
        (prediction(Kind.LOADS), Outcome.RUN_FAILED, False),
        (prediction(Kind.FAILS, Stage.LOAD), Outcome.LOAD_FAILED, True),
        (prediction(Kind.FAILS, Stage.LOAD), Outcome.RUN_FAILED, False),
        (prediction(Kind.FAILS, Stage.RUN), Outcome.RUN_FAILED, True),
        (prediction(Kind.NEEDS, Stage.LOAD), Outcome.LOAD_FAILED, True),
        (prediction(Kind.NEEDS, Stage.LOAD), Outcome.RECORDED, False),
        (prediction(Kind.LOADS), Outcome.IMPORT_FAILED, None),
        (prediction(Kind.FAILS, Stage.LOAD), Outcome.TIMED_OUT, None),
        (prediction(Kind.LOADS), Outcome.SKIPPED, None),
    ],
)
def test_what_came_true(expected, outcome, right):
    assert came_true(expected, outcome) is right
