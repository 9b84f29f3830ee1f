from __future__ import annotations

from dataclasses import replace

import pytest
from recordings import ready_case
from savedmodel_matrix import measurements
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import PARTS, RECIPES, Check, Recipe
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.ready_case import Archive
from savedmodel_matrix.environments.host import usable_cpus
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.measurements import keys
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.interface import Depends, Site
from savedmodel_matrix.measurements.other_threads import OtherThreadsMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.probe import VERSION as PROBE_VERSION
from savedmodel_matrix.store.atomic import json_digest

READY = ready_case()
INSTALLED = Installed(lock="lock digest", interpreter="3.10.1")


@pytest.fixture
def site(project):
    return lambda plan, installed=INSTALLED, ready=READY: Site(project, plan, installed, ready)


@pytest.fixture
def key_of(site):
    def key_of(plan, job, installed=INSTALLED, ready=READY):
        return keys.key_of(site(plan, installed, ready), job)

    return key_of


@pytest.fixture
def request_of(site, key_of):
    """Return what the probe is asked for a job."""
    return lambda plan, job: measurements.measurement_of(job).ask(site(plan), job, key_of(plan, job))


@pytest.fixture
def job(plan):
    return next(plan.jobs())


def test_names_are_no_part_of_the_key(plan, job, key_of):
    renamed = replace(
        plan, matrix="another", settings={"s": plan.settings["default"]}, cases={"c": plan.cases["one"]}
    )
    other = Job(CellId("another environment", "s"), "c", Limits(1.0, 1))
    assert key_of(renamed, other) == key_of(plan, job)


def test_what_the_outputs_depend_on_is(plan, job, key_of):
    def with_case(**changes):
        return replace(plan, cases={"one": CaseDefinition(path="model", **changes)})

    def with_setting(**changes):
        return replace(plan, settings={"default": SettingDefinition(**changes)})

    def with_ready(**changes):
        return READY.model_copy(update=changes)

    found = [
        key_of(plan, job),
        key_of(plan, job, installed=Installed(lock="other", interpreter="3.10.1")),
        key_of(plan, job, installed=Installed(lock="lock digest", interpreter="3.10.2")),
        key_of(plan, job, ready=with_ready(model_digest="other")),
        key_of(plan, job, ready=with_ready(inputs_digest="other")),
        key_of(with_case(signature="other"), job),
        key_of(with_case(function="__call__"), job),
        key_of(with_case(tags=["serve"]), job),
        key_of(with_case(runs=3), job),
        key_of(with_case(loader="v1-session"), job),
        key_of(with_case(imports=["tensorflow_text"]), job),
        key_of(plan, job, ready=with_ready(code={"a.py": "1", "b.py": "2"})),
        key_of(plan, job, ready=with_ready(code={"b.py": "2", "a.py": "1"})),
        key_of(plan, job, ready=with_ready(code={"a.py": "1", "b.py": None})),
        key_of(with_setting(variables={"A": "1"}), job),
        key_of(with_setting(variables={"A": "2"}), job),
        key_of(with_setting(device="cpu"), job),
        key_of(with_setting(intra_op_threads=1), job),
        key_of(with_setting(inter_op_threads=1), job),
        key_of(with_setting(jit_compile=True), job),
        key_of(with_setting(grappler=False), job),
        key_of(with_setting(seed=0), job),
        key_of(with_setting(seed=7), job),
        key_of(with_setting(deterministic=True), job),
    ]
    assert len(set(found)) == len(found)


def test_the_key_of_a_plain_case_is_what_it_has_always_been(plan, job, key_of, monkeypatch):
    monkeypatch.setattr(keys, "host_fingerprint", lambda: "host")
    assert key_of(plan, job) == json_digest(
        {
            "lock": "lock digest",
            "interpreter": "3.10.1",
            "probe": PROBE_VERSION,
            "host": "host",
            "model": "model digest",
            "inputs": "inputs digest",
            "asked": {
                "signature": "serving_default",
                "function": None,
                "tags": None,
                "loader": "saved_model",
                "runs": 2,
                "imports": [],
                "code": [],
                "measure": {"kind": "outputs", "program": None},
                "fresh_process": False,
            },
            "setting": {
                "variables": {},
                "device": None,
                "intra_op_threads": None,
                "inter_op_threads": None,
                "jit_compile": False,
                "grappler": True,
                "seed": None,
                "deterministic": False,
            },
        }
    )


@pytest.fixture
def key_from(plan, job, key_of, monkeypatch):
    """Return a function that gives the key of what a measurement says that it depends on."""
    monkeypatch.setattr(keys, "host_fingerprint", lambda: "host")

    def key_from(installed=INSTALLED, **parts):
        whole = {"model": "m", "inputs": "i", "asked": {"signature": "s", "runs": 2}, "setting": {"jit": 0}}
        depends = Depends(**{**whole, **parts})
        monkeypatch.setattr(OutputsMeasurement, "depends_on", lambda *_: depends)
        return key_of(plan, job, installed)

    return key_from


@pytest.mark.parametrize(
    "change",
    [
        {"installed": Installed(lock="other", interpreter="3.10.1")},
        {"installed": Installed(lock="lock digest", interpreter="3.10.2")},
        {"model": "other"},
        {"inputs": "other"},
        {"asked": {"signature": "other", "runs": 2}},
        {"asked": {"signature": "s", "runs": 3}},
        {"setting": {"variables": {"A": "1"}, "jit": 0}},
        {"setting": {"jit": 1}},
    ],
)
def test_every_part_is_in_the_key(key_from, change):
    assert key_from(**change) != key_from()


@pytest.mark.parametrize(("name", "other"), [("PROBE_VERSION", 999), ("host_fingerprint", lambda: "other")])
def test_the_probe_and_the_host_are_in_the_key(key_from, monkeypatch, name, other):
    before = key_from()
    monkeypatch.setattr(keys, name, other)
    assert key_from() != before


def test_the_key_is_of_content_alone(key_from):
    assert key_from(asked={"runs": 2, "signature": "s"}) == key_from()
    # Two parts swapped are another key: each has its place.
    assert key_from(model="i", inputs="m") != key_from()
    assert len(key_from()) == 64


def test_a_setting_s_loader_comes_before_the_case_s(plan, job, key_of, request_of):
    def with_loaders(case_loader, setting_loader):
        return replace(
            plan,
            cases={"one": CaseDefinition(path="model", loader=case_loader)},
            settings={"default": SettingDefinition(loader=setting_loader)},
        )

    by_setting, by_case = with_loaders("saved_model", "v1-session"), with_loaders("v1-session", None)
    asked = request_of(by_setting, job)
    assert asked.loader == request_of(by_case, job).loader == asked.identity["loader"] == "v1-session"
    assert key_of(by_setting, job) == key_of(by_case, job) != key_of(plan, job)
    assert key_of(with_loaders("keras", "saved_model"), job) == key_of(plan, job)


def test_what_they_do_not_depend_on_is_not(plan, job, key_of):
    case = CaseDefinition(path="elsewhere", time_limit=1, memory_limit="1GB", tolerance={"*": {"atol": 1}})
    assert key_of(replace(plan, cases={"one": case}), job) == key_of(plan, job)
    moved = READY.model_copy(update={"model": "elsewhere", "archive": Archive(name="a", sha256="b")})
    assert key_of(plan, job, ready=moved) == key_of(plan, job)


def test_a_check_is_a_recording_of_its_own_and_knows_the_plain_one(project, plan, job, key_of, request_of):
    asking = replace(plan, cases={"one": plan.cases["one"].model_copy(update={"checks": list(Check)})})
    assert key_of(asking, job) == key_of(plan, job), "asking for checks changes no other recording"
    jobs = {check: replace(job, measurement=CheckMeasurement.name, variant=check.value) for check in Check}
    assert len({key_of(asking, each) for each in jobs.values()} | {key_of(plan, job)}) == len(Check) + 1
    plain = str(project.results.recording_path(key_of(plan, job)))
    for check, each in jobs.items():
        asked = request_of(asking, each)
        assert asked.after == plain
        assert asked.identity["variant"] == check
        assert asked.fresh_process is (check is Check.FRESH_PROCESS)
        if check in PARTS:
            assert (asked.measure.kind, asked.measure.program) == ("check", None)
            assert asked.measure.parameters == {"name": check.value, **RECIPES[check].parameters}
    threads = request_of(asking, jobs[Check.THREADS])
    assert threads.measure.kind == "outputs"
    numbers = {threads.setting.intra_op_threads, threads.setting.inter_op_threads}
    assert numbers == {2 if usable_cpus() == 1 else 1}
    noise = key_of(asking, replace(job, measurement=OtherThreadsMeasurement.name))
    assert threads.key == noise, "the noise floor's other threads are the same run"


def test_the_parameters_of_a_check_are_part_of_its_key(plan, job, key_of, monkeypatch):
    asked = replace(job, measurement=CheckMeasurement.name, variant=Check.REPEAT.value)
    before = key_of(plan, asked)
    monkeypatch.setitem(RECIPES, Check.REPEAT, Recipe(4, {"runs": 9}))
    assert key_of(plan, asked) != before


def test_another_host_has_its_own_recordings(plan, job, key_of, monkeypatch):
    before = key_of(plan, job)
    monkeypatch.setattr(keys, "host_fingerprint", lambda: "another host")
    assert key_of(plan, job) != before


def test_secrets_do_not_reach_the_identity_that_is_stored(plan, job, request_of):
    setting = SettingDefinition(variables={"HF_TOKEN": "hf_secret", "TF_X": "1"})
    asked = request_of(replace(plan, settings={"default": setting}), job)
    assert asked.identity["options"]["variables"] == {"HF_TOKEN": "***", "TF_X": "1"}
    assert "hf_secret" not in str(asked.to_json())
