"""Stages: what their recordings depend on, and what depends on theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recordings import recording
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.stage import AGAIN, StageMeasurement
from savedmodel_matrix.planning.besides import besides

ALONE = "# /// script\n# dependencies = ['pillow>=9']\n# ///\n"


@pytest.fixture
def installed(staged, install):
    return {name: install(environment) for name, environment in staged.environments.items()}


def jobs_of(plan, environment):
    return {(job.measurement, job.variant): job for job in work(plan, environment)}


def test_the_stages_of_every_cell_and_the_model_on_training_s_inputs_at_home(staged):
    home = staged.baseline.environment
    (other,) = (name for name in staged.environments if name != home)
    stages = {("stage", name) for name in ("train", "serve", "postprocess")}
    assert set(jobs_of(staged, home)) == {*stages, ("outputs", ""), ("trained", "")}
    assert set(jobs_of(staged, other)) == {*stages, ("outputs", "")}


def test_the_model_depends_on_the_stage_before_it_and_not_on_the_one_behind(
    project, staged, installed, key_in
):
    def keys(plan):
        name = plan.baseline.environment
        return {what: key_in(plan, job, installed[name]) for what, job in jobs_of(plan, name).items()}

    before = keys(staged)
    (project.root / "other.py").write_text("def after(x): return x\n")
    behind = staged.cases["one"].postprocess.model_copy(update={"call": "other.py:after"})
    plan = replace(staged, cases={"one": staged.cases["one"].model_copy(update={"postprocess": behind})})
    changed = {what for what, key in keys(plan).items() if key != before[what]}
    assert changed == {("stage", "postprocess")}
    (project.root / "pipeline.py").write_text("def serve(x): return dict(x)\n")
    changed = {what for what, key in keys(plan).items() if key != before[what]}
    assert changed == set(before), "a changed file is another pipeline, and another input of the model"


def test_cells_share_what_ran_beside_them(project, staged, install, key_in):
    (project.root / "pipeline.py").write_text(ALONE)
    environment = staged.environments[staged.baseline.environment]
    (beside,) = besides(project, staged, environment)
    there = Installed(lock="a lock", interpreter="3.10.1")
    job = jobs_of(staged, environment.id)["stage", "serve"]
    home = install(environment).model_copy(update={"besides": {beside.id: there}})
    other = Installed(lock="another lock", interpreter="3.10.9", besides={beside.id: there})
    assert key_in(staged, job, home) == key_in(staged, job, other)
    moved = there.model_copy(update={"lock": "another lock beside"})
    assert key_in(staged, job, home) != key_in(
        staged, job, home.model_copy(update={"besides": {beside.id: moved}})
    )


def test_a_stage_in_one_more_process_is_a_recording_of_its_own(staged, installed, key_in):
    name = staged.baseline.environment
    job = jobs_of(staged, name)["stage", "serve"]
    again = replace(job, variant=f"serve{AGAIN}")
    assert key_in(staged, again, installed[name]) != key_in(staged, job, installed[name])


def test_a_stage_that_never_started_recorded_nothing_of_itself(staged):
    job = jobs_of(staged, staged.baseline.environment)["stage", "serve"]
    assert StageMeasurement().read(recording(outcome="run-failed"), job).libraries == {}
    part = {"wrote": [{"batch": 0, "name": "x"}], "remarks": [], "libraries": {"numpy": "2"}, "brought": {}}
    found = StageMeasurement().read(recording(measured=part), job)
    assert (found.wrote[0].name, found.libraries) == ("x", {"numpy": "2"})
