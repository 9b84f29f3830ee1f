from __future__ import annotations

from dataclasses import replace

import pytest
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import Purpose
from savedmodel_matrix.domain.ready_case import ScriptNeeds
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.stages import swap_plan
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.measurements.jobs import keyed
from savedmodel_matrix.planning.ready import make_ready
from savedmodel_matrix.planning.stages import beside_of, besides

STAGED = """
baseline = "tf2.9.3-*"

[noise_floor]
replicates = 0

[[environments]]
tensorflow = ["2.7.4", "2.9.3"]

[cases.one]
path = "model"
inputs = [{ npz = "one.npz" }]
train = "pipeline.py:train"
serve = "pipeline.py:serve"
postprocess = "pipeline.py:after"
"""
ALONE = "# /// script\n# dependencies = ['pillow>=9']\n# ///\n"
ENVIRONMENT = Environment("2.9.3", "3.10", Build.CPU, beside=("Pillow==9.5.0",))


@pytest.fixture
def plan(project):
    (project.root / "matrices" / "default.toml").write_text(STAGED, encoding="utf-8")
    (project.root / "pipeline.py").write_text("def serve(x): return x\n", encoding="utf-8")
    return project.plan("default")


@pytest.fixture
def installed(plan, install):
    return {name: install(environment) for name, environment in plan.environments.items()}


def jobs_of(plan, environment):
    return {(job.purpose, job.stage): job for job in plan.work(environment)}


def test_stages_come_before_and_behind_what_they_serve(plan):
    order = [(job.purpose.value, job.stage) for job in plan.work(plan.baseline.environment)]
    assert order == [
        ("stage", "train"),
        ("stage", "serve"),
        ("outputs", None),
        ("on the training pipeline's inputs", None),
        ("stage", "postprocess"),
    ]
    other = next(name for name in plan.environments if name != plan.baseline.environment)
    assert (Purpose.TRAINED, None) not in jobs_of(plan, other), "the model meets training's inputs at home"


def test_a_stage_beside_has_the_matrix_s_pins_instead_of_its_own_bounds():
    found = beside_of(ENVIRONMENT, ScriptNeeds(("pillow>=9", "scipy")))
    assert found.requirements == ("numpy", "Pillow==9.5.0", "scipy")
    assert beside_of(ENVIRONMENT, ScriptNeeds(("scipy",))).requirements == ("numpy", "scipy")
    assert found.python == "3.10"
    assert beside_of(ENVIRONMENT, None) is None


@pytest.mark.parametrize(
    ("bounds", "python"), [("", "3.10"), (">=3.12", "3.13"), ("<3.10", "3.9"), ("<3", "3.10")]
)
def test_a_stage_beside_keeps_the_cell_s_python_where_it_runs_on_that(bounds, python):
    assert beside_of(ENVIRONMENT, ScriptNeeds((), bounds)).python == python


def test_pins_that_pin_nothing_are_said(project, plan):
    path = project.root / "matrices" / "default.toml"
    path.write_text(path.read_text().replace('"2.9.3"]', '"2.9.3"]\nbeside = ["pillow==9.5.0"]'))
    assert any("pins nothing" in remark for remark in project.plan("default").remarks)
    (project.root / "pipeline.py").write_text(ALONE)
    assert not any("pins nothing" in remark for remark in project.plan("default").remarks)


def test_requirements_that_are_none_are_the_definition_s_mistake(project, plan):
    (project.root / "pipeline.py").write_text("# /// script\n# dependencies = 1\n# ///\n")
    with pytest.raises(DefinitionError, match=r"cases\.one: pipeline\.py"):
        project.plan("default")


def test_the_model_depends_on_the_stage_before_it_and_not_on_the_one_behind(project, plan, installed):
    def keys():
        ready = make_ready(project, plan.cases["one"])
        name = plan.baseline.environment
        return {
            what: keyed(plan, job, installed[name], ready).key for what, job in jobs_of(plan, name).items()
        }

    before = keys()
    (project.root / "other.py").write_text("def after(x): return x\n")
    plan = replace(
        plan,
        cases={
            "one": plan.cases["one"].model_copy(
                update={
                    "postprocess": plan.cases["one"].postprocess.model_copy(update={"call": "other.py:after"})
                }
            )
        },
    )
    changed = {what for what, key in keys().items() if key != before[what]}
    assert changed == {(Purpose.STAGE, "postprocess")}
    (project.root / "pipeline.py").write_text("def serve(x): return dict(x)\n")
    changed = {what for what, key in keys().items() if key != before[what]}
    assert changed == set(before), "a changed file is another pipeline, and another input of the model"


def test_environments_beside_are_part_of_what_has_to_be_installed(project, plan, install):
    (project.root / "pipeline.py").write_text(ALONE)
    environment = plan.environments[plan.baseline.environment]
    (beside,) = besides(project, plan, environment)
    home = install(environment)
    assert {job.cell for job in pending(project, plan, Selection())} >= {plan.baseline}
    lock = read_lock(_write_beside_lock(project, beside))
    there = Installed(lock.digest, "3.10.1")
    write_state(
        project.results,
        EnvironmentState(environment.id, "run", installed=replace(home, besides={beside.id: there})),
    )
    ready = make_ready(project, plan.cases["one"])
    job = jobs_of(plan, environment.id)[Purpose.STAGE, "serve"]
    one = keyed(plan, job, replace(home, besides={beside.id: there}), ready)
    other = keyed(plan, job, Installed("another lock", "3.10.9", {beside.id: there}), ready)
    assert one.key == other.key, "cells share what ran beside them"


def _write_beside_lock(project, beside):
    import datetime as dt

    from savedmodel_matrix.environments.locks.lock import render_lock
    from savedmodel_matrix.planning.locking import lock_input

    path = project.lock_path(beside)
    path.parent.mkdir(parents=True, exist_ok=True)
    body = f"some-package==1.0 --hash=sha256:{'0' * 64}"
    path.write_text(render_lock(lock_input(project.releases, beside), dt.date(2022, 1, 15), 500, body))
    return path


@pytest.fixture
def recorded(project, plan, installed, record):
    """Record every job, the stage's output by environment; return a function that collects."""

    def write(outcomes=None, values=None):
        ready = make_ready(project, plan.cases["one"])
        for name in plan.environments:
            for job in plan.work(name):
                key = keyed(plan, job, installed[name], ready).key
                outcome = (outcomes or {}).get((name, job.stage), "recorded")
                made = record(key, outcome, {"purpose": job.purpose.value})
                made.update(unstable=[], effective={}, stage={"wrote": [], "remarks": [], "libraries": {}})
                value = (values or {}).get((name, job.stage))
                if value is not None:
                    made["outputs"][0]["array"] = _stored(project, value)
                _rewrite(project, made)
        return collect(project, plan, Selection())

    return write


def _stored(project, value):
    import numpy as np
    from savedmodel_matrix.probe.arrays import write_array

    return write_array(str(project.results.objects), np.array([value], "f4"), "float32")


def _rewrite(project, recording):
    from savedmodel_matrix.store.atomic import write_json

    write_json(project.results.recording_path(recording["key"]), recording)


def test_equal_inputs_call_for_no_swap(recorded):
    assert recorded().swaps == []


def test_different_inputs_call_for_the_model_on_each_other_s(plan, recorded):
    other = next(name for name in plan.environments if name != plan.baseline.environment)
    found = recorded(values={(other, "serve"): 5}).swaps
    *models, again = found
    assert [(str(swap.job.cell), str(swap.job.given.cell)) for swap in models] == [
        (f"{other}/default", str(plan.baseline)),
        (str(plan.baseline), f"{other}/default"),
    ]
    assert (again.job.cell, again.job.purpose, again.job.stage) == (plan.baseline, Purpose.AGAIN, "serve")
    assert all(swap.recording is None for swap in found)
    jobs = list(swap_plan(plan, [swap.job for swap in found]).work())
    assert jobs == [swap.job for swap in found], "and nothing else is run"


def test_training_s_pipeline_alone_calls_for_no_swap(plan, recorded):
    other = next(name for name in plan.environments if name != plan.baseline.environment)
    assert recorded(values={(other, "train"): 5}).swaps == []


@pytest.mark.parametrize(
    ("stage", "outcome"), [("postprocess", Outcome.RUN_FAILED), ("train", Outcome.RECORDED)]
)
def test_what_a_failed_stage_does_to_its_case(plan, recorded, stage, outcome):
    rows = recorded(outcomes={(plan.baseline.environment, stage): "run-failed"}).rows
    assert {row.outcome for row in rows if row.cell == plan.baseline} == {outcome}


def test_an_environment_beside_that_cannot_be_made_fails_its_cells(project, plan, install):
    (project.root / "pipeline.py").write_text(ALONE)
    environment = plan.environments[plan.baseline.environment]
    (beside,) = besides(project, plan, environment)
    for each in plan.environments.values():
        install(each)
    home = replace(install(environment), besides={beside.id: "no solution"})
    write_state(project.results, EnvironmentState(environment.id, "run", installed=home))
    found = collect(project, plan, Selection())
    row = next(row for row in found.rows if row.cell == plan.baseline)
    assert (row.outcome, "no solution" in row.reason) == (Outcome.INSTALL_FAILED, True)
