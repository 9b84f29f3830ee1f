"""Stages: what their recordings depend on, and what depends on theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recordings import recording
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.elsewhere import (
    APART,
    EVERYTHING,
    SEEDED,
    SEEDED_AGAIN,
    ElsewhereMeasurement,
    apart,
)
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.stage import AGAIN, StageMeasurement
from savedmodel_matrix.planning.besides import besides
from savedmodel_matrix.planning.ready import make_ready

ALONE = "# /// script\n# dependencies = ['pillow>=9']\n# ///\n"


@pytest.fixture
def installed(staged, install):
    return {name: install(environment) for name, environment in staged.environments.items()}


def jobs_of(plan, environment):
    return {(job.measurement, job.variant): job for job in work(plan, environment)}


def site_of(project, plan, installed):
    ready = make_ready(project, plan.cases["one"])
    return Site(project, plan, installed[plan.baseline.environment], ready)


def test_the_stages_of_every_cell_and_the_model_on_training_s_inputs_at_home(staged):
    home = staged.baseline.environment
    (other,) = (name for name in staged.environments if name != home)
    stages = {("stage", name) for name in ("train", "serve", "postprocess")}
    again = {("elsewhere", f"{name} in {EVERYTHING}") for name in ("train", "serve")}
    assert set(jobs_of(staged, home)) == {*stages, *again, ("outputs", ""), ("trained", "")}
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


def test_what_a_stage_depends_on_is_told_apart_by_processes_of_their_own(staged, installed, key_in):
    name = staged.baseline.environment
    jobs = jobs_of(staged, name)
    once = jobs["elsewhere", f"serve in {EVERYTHING}"]
    found = apart(once)
    assert [job.variant for job in found] == [f"serve in {way}" for way in APART]
    keys = {key_in(staged, job, installed[name]) for job in (once, jobs["stage", "serve"], *found)}
    assert len(keys) == len(found) + 2, "each is a recording of its own"


@pytest.mark.parametrize("variables", [{}, {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}])
def test_a_process_is_changed_except_in_what_the_setting_fixes(project, staged, installed, variables):
    settings = {
        name: each.model_copy(update={"variables": variables}) for name, each in staged.settings.items()
    }
    plan = replace(staged, settings=settings)
    site = site_of(project, plan, installed)
    once = jobs_of(plan, plan.baseline.environment)["elsewhere", f"serve in {EVERYTHING}"]
    kind = ElsewhereMeasurement()
    everything = kind.variables(site, once)
    assert everything["PYTHONHASHSEED"] == variables.get("PYTHONHASHSEED", "1")
    assert everything["TZ"] == variables.get("TZ", "Pacific/Kiritimati")
    assert everything["LC_ALL"] == "C"
    seeded = {job.variant.partition(" in ")[2]: job for job in apart(once)}
    for way in (SEEDED, SEEDED_AGAIN):
        assert kind.variables(site, seeded[way]) == {"PYTHONHASHSEED": "1", **variables}
        assert kind.fresh_process(seeded[way])
    assert not kind.runs_parts(site, once)


def test_a_stage_runs_on_parts_where_training_and_serving_are_compared(project, staged, installed):
    name = staged.baseline.environment
    site, jobs = site_of(project, staged, installed), jobs_of(staged, name)
    kind = StageMeasurement()
    assert kind.runs_parts(site, jobs["stage", "serve"])
    assert kind.runs_parts(site, jobs["stage", "train"])
    assert not kind.runs_parts(site, jobs["stage", "postprocess"])
