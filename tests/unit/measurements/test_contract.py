"""What every kind of measurement keeps to, those of this package and one as others would add it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from recordings import ready_case, recording
from savedmodel_matrix import measurements
from savedmodel_matrix.domain.arrays import ArrayEntry, InputPart
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.job import Given, Job
from savedmodel_matrix.domain.ready_case import ReadyStage
from savedmodel_matrix.domain.stage import StagePart
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.measurements import MEASUREMENTS
from savedmodel_matrix.measurements.interface import Measurement, Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.planning.ready import batches_digest
from savedmodel_matrix.probe import exchange
from savedmodel_matrix.probe import measurements as in_the_probe
from savedmodel_matrix.store.atomic import json_digest
from toys.weights import WeightsMeasurement

EVERYTHING = """
baseline = "tf2.9.3-py3.10-cpu"

[noise_floor]
replicates = 8

[[environments]]
tensorflow = ["2.7.4", "2.9.3"]

[settings.default]

[settings.varied]
variables = { TF_ENABLE_ONEDNN_OPTS = "0" }

[cases.staged]
path = "model"
inputs = [{ npz = "one.npz" }]
modules = ["layers.py"]
train = "pipeline.py:train"
serve = "pipeline.py:serve"
postprocess = "pipeline.py:after"
checks = ["repeat", "fresh-process", "concurrent", "reload", "leak", "batch", "threads"]

[cases.plain]
path = "model"
inputs = [{ npz = "two.npz" }]
checks = ["leak"]

[[exclude]]
cells = "tf2.7.4*/varied"
cases = "plain"
reason = "slow"
"""
INSTALLED = Installed(lock="lock", interpreter="3.10.1")
#: Jobs of these are asked for by questions, and not by the plan.
ASKED = {"swapped", "re-export", "outside", "distribution", "command"}
#: These record nothing beside outputs.
BARE = {"outputs", "trained", "swapped", "other threads", "re-export", "outside"}


def batches(digit):
    entry = ArrayEntry("float32", (1,), (digit * 64,), 4)
    return ((InputPart(name="x", component=None, array=entry),),)


def stage(code="digest"):
    return ReadyStage(
        code={"pipeline.py": code}, needs=None, batches=None, inputs_digest=None, inputs_problem=None
    )


READY = ready_case(
    batches=batches("0"),
    inputs_digest=batches_digest(batches("0")),
    code={"layers.py": "digest"},
    stages={name: stage() for name in ("train", "serve", "postprocess")},
)


@pytest.fixture(params=(*MEASUREMENTS, WeightsMeasurement()), ids=lambda each: each.name)
def measurement(request, monkeypatch):
    found = {each.name: each for each in (*MEASUREMENTS, request.param)}
    monkeypatch.setattr(measurements, "all_measurements", lambda: found)
    return request.param


@pytest.fixture
def plan(project):
    (project.root / "matrices" / "default.toml").write_text(EVERYTHING, encoding="utf-8")
    for name in ("pipeline.py", "layers.py"):
        (project.root / name).write_text("", encoding="utf-8")
    return project.plan("default")


@pytest.fixture
def jobs(measurement, plan):
    """Jobs of the kind in the baseline: one a variant, of the case that has everything."""
    found = {}
    for job in measurement.jobs(plan):
        if (job.cell, job.case) == (plan.baseline, "staged"):
            found.setdefault(job.variant, job)
    if measurement.name in ASKED:
        given = Given(CellId("tf2.7.4-py3.8-cpu", "default"), batches("1"))
        limits = plan.limits[plan.baseline, "staged"]
        job = Job(plan.baseline, "staged", limits, measurement.name)
        if measurement.name == "command":
            job = replace(job, variant="python check.py")
        found[job.variant] = replace(job, given=given) if measurement.name == "swapped" else job
    assert found
    return list(found.values())


@pytest.fixture
def site(project, plan):
    return Site(project, plan, INSTALLED, READY)


def test_names_are_unique():
    names = [each.name for each in MEASUREMENTS]
    assert len(set(names)) == len(names) > 0


def test_it_wants_jobs_of_its_own_name_in_the_environments_that_are_asked_for(measurement, plan):
    assert isinstance(measurement, Measurement)
    everywhere = list(measurement.jobs(plan))
    cells = {(job.cell, job.case) for job in plan.jobs()}
    assert {job.measurement for job in everywhere} <= {measurement.name}
    assert {(job.cell, job.case) for job in everywhere} <= cells
    assert bool(everywhere) is (measurement.name not in ASKED)
    assert len({(job.cell, job.case, job.variant) for job in everywhere}) == len(everywhere)
    for environment in plan.environments:
        own = list(measurement.jobs(plan, environment))
        assert own == [job for job in everywhere if job.cell.environment == environment]


def test_a_plan_that_wants_nothing_has_no_jobs(measurement, plan):
    assert list(measurement.jobs(plan.asking([]))) == []
    away = replace(plan, unavailable=dict.fromkeys(plan.environments, "no wheels"))
    assert list(measurement.jobs(away)) == []


def of(site, job, measurement):
    found = measurement.depends_on(site, job)
    return json_digest([found.model, found.inputs, dict(found.asked), dict(found.setting)])


def test_its_recordings_depend_on_inputs_code_and_setting_and_on_the_model_if_it_loads_it(
    measurement, site, jobs
):
    plan, case = site.plan, site.plan.cases["staged"]

    def with_ready(**changes):
        return replace(site, ready=READY.model_copy(update=changes))

    def with_setting(**changes):
        setting = plan.settings["default"].model_copy(update=changes)
        return replace(site, plan=replace(plan, settings={**plan.settings, "default": setting}))

    def with_case(**changes):
        cases = {**plan.cases, "staged": case.model_copy(update=changes)}
        return replace(site, plan=replace(plan, cases=cases))

    for job in jobs:
        before = of(site, job, measurement)
        assert of(site, job, measurement) == before
        changed = {
            "code": with_ready(
                code={"layers.py": "another"}, stages={name: stage("another") for name in READY.stages}
            ),
            "runs": with_case(runs=7),
            "variables": with_setting(variables={"A": "1"}),
            "seed": with_setting(seed=3),
            "deterministic": with_setting(deterministic=True),
        }
        if measurement.depends_on(site, job).model:
            changed["model"] = with_ready(model_digest="another")
            changed["signature"] = with_case(signature="another")
        if job.given is None:
            changed["inputs"] = with_ready(inputs_digest="another")
        else:
            given = replace(job, given=replace(job.given, batches=batches("2")))
            assert of(site, given, measurement) != before
        digests = {what: of(other, job, measurement) for what, other in changed.items()}
        assert before not in digests.values(), digests
        assert len(set(digests.values())) == len(digests), digests


def test_isolated_recordings_are_others(measurement, site, jobs):
    isolated = replace(site, plan=site.plan.isolated())
    for job in jobs:
        assert key_of(isolated, job) != key_of(site, job)
        asked = [measurement.ask(each, job, "0" * 64).identity["isolated"] for each in (site, isolated)]
        assert asked == [False, True]


def test_its_recordings_do_not_depend_on_names(measurement, site, jobs):
    plan = site.plan
    for job in jobs:
        cell = CellId(job.cell.environment, "renamed")
        renamed = replace(
            plan,
            matrix="another",
            settings={"renamed": plan.settings["default"]},
            cases={"renamed": plan.cases["staged"]},
            limits={(cell, "renamed"): job.limits},
        )
        same = replace(job, cell=cell, case="renamed")
        other = replace(site, plan=renamed)
        assert of(other, same, measurement) == of(site, job, measurement)
        assert key_of(other, same) == key_of(site, job)


def test_the_probe_reads_what_it_asks_and_has_its_side_of_it(measurement, site, jobs, tmp_path):
    for job in jobs:
        key = key_of(site, job)
        asked = measurement.ask(site, job, key)
        assert asked.key == key
        assert asked.result == str(site.project.results.recording_path(key))
        assert asked.identity["measurement"] == measurement.name
        request = {
            "format": exchange.FORMAT,
            "objects": str(site.project.results.objects),
            "imported": str(tmp_path / "imported.json"),
            "isolation": "auto",
            "tensorflow": True,
            "scrub": [],
            "secrets": [],
            "variables": {},
            "cases": [asked.to_json()],
        }
        path = tmp_path / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        (read,) = exchange.read_request(str(path))["cases"]
        assert callable(in_the_probe.find(read["measure"]).run)


def test_what_is_run_first_is_of_the_same_cell_and_case(measurement, site, jobs):
    for job in jobs:
        taken = measurement.takes(site.plan, job)
        assert taken is None or (taken.cell, taken.case) == (job.cell, job.case)
        asked = measurement.ask(site, job, "0" * 64)
        if taken is not None and measurement.name != "re-export":  # it is not run
            path = str(site.project.results.recording_path(key_of(site, taken)))
            assert asked.batches.outputs_of == path


@pytest.mark.parametrize("garbage", [{"garbage": 1}, None])
def test_a_recording_that_does_not_fit_is_refused(measurement, jobs, garbage):
    for job in jobs:
        made = recording(measured=garbage)
        if measurement.name in BARE or job.variant in ("fresh-process", "threads"):
            assert measurement.read(made, job) is None
        elif measurement.name in ("stage", "elsewhere") and garbage is None:
            assert measurement.read(made, job) == StagePart()
        else:
            with pytest.raises(ValueError, match="validation error"):
                measurement.read(made, job)


def test_an_environment_beside_is_that_of_a_stage_with_requirements_alone(measurement, site, jobs):
    assert [measurement.beside(site, job) for job in jobs] == [None] * len(jobs)
