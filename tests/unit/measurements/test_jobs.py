from __future__ import annotations

from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import RECIPES, Check, Recipe
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.plan import Purpose
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.host import usable_cpus
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.execution.pending import current_installation, pending
from savedmodel_matrix.measurements.jobs import keyed
from savedmodel_matrix.planning.ready import make_ready
from savedmodel_matrix.probe import VERSION as PROBE_VERSION
from savedmodel_matrix.store.results import recording_key

EVERYTHING = Selection()
READY = ReadyCase("model", "model digest", [], "inputs digest", None, None)
INSTALLED = Installed("lock digest", "3.10.1")


def key_of(plan, job, installed=INSTALLED, ready=READY):
    return keyed(plan, job, installed, ready).key


@pytest.fixture
def job(plan):
    return next(plan.jobs())


def test_names_are_no_part_of_the_key(plan, job):
    renamed = replace(
        plan, matrix="another", settings={"s": plan.settings["default"]}, cases={"c": plan.cases["one"]}
    )
    other = Job(CellId("another environment", "s"), "c", Limits(1.0, 1))
    assert key_of(renamed, other) == key_of(plan, job)


def test_what_the_outputs_depend_on_is(plan, job):
    def with_case(**changes):
        return replace(plan, cases={"one": CaseDefinition(path="model", **changes)})

    def with_setting(**changes):
        return replace(plan, settings={"default": SettingDefinition(**changes)})

    keys = [
        key_of(plan, job),
        key_of(plan, job, installed=Installed("other", "3.10.1")),
        key_of(plan, job, installed=Installed("lock digest", "3.10.2")),
        key_of(plan, job, ready=replace(READY, model_digest="other")),
        key_of(plan, job, ready=replace(READY, inputs_digest="other")),
        key_of(with_case(signature="other"), job),
        key_of(with_case(function="__call__"), job),
        key_of(with_case(tags=["serve"]), job),
        key_of(with_case(runs=3), job),
        key_of(with_case(loader="v1-session"), job),
        key_of(plan, job, ready=replace(READY, code={"a.py": "1", "b.py": "2"})),
        key_of(plan, job, ready=replace(READY, code={"b.py": "2", "a.py": "1"})),
        key_of(plan, job, ready=replace(READY, code={"a.py": "1", "b.py": None})),
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
    assert len(set(keys)) == len(keys)


def test_the_key_of_a_plain_case_is_what_it_has_always_been(plan, job, monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.measurements.jobs.host_fingerprint", lambda: "host")
    assert key_of(plan, job) == recording_key(
        lock="lock digest",
        interpreter="3.10.1",
        probe=PROBE_VERSION,
        model="model digest",
        inputs="inputs digest",
        case={
            "signature": "serving_default",
            "function": None,
            "tags": None,
            "loader": "saved_model",
            "runs": 2,
        },
        setting={
            "variables": {},
            "device": None,
            "intra_op_threads": None,
            "inter_op_threads": None,
            "jit_compile": False,
            "grappler": True,
            "seed": None,
            "deterministic": False,
        },
        host="host",
    )


def test_a_setting_s_loader_comes_before_the_case_s(plan, job):
    def found(case_loader, setting_loader):
        changed = replace(
            plan,
            cases={"one": CaseDefinition(path="model", loader=case_loader)},
            settings={"default": SettingDefinition(loader=setting_loader)},
        )
        return keyed(changed, job, INSTALLED, READY)

    by_setting, by_case = found("saved_model", "v1-session"), found("v1-session", None)
    assert by_setting.loader == by_case.loader == by_setting.identity["loader"] == "v1-session"
    assert by_setting.key == by_case.key != key_of(plan, job)
    assert found("keras", "saved_model").key == key_of(plan, job)


def test_what_they_do_not_depend_on_is_not(plan, job):
    case = CaseDefinition(path="elsewhere", time_limit=1, memory_limit=1, tolerance={"*": {"atol": 1}})
    assert key_of(replace(plan, cases={"one": case}), job) == key_of(plan, job)
    moved = replace(READY, model="elsewhere", archive={"name": "a", "sha256": "b"})
    assert key_of(plan, job, ready=moved) == key_of(plan, job)


def test_a_check_is_a_recording_of_its_own_and_knows_the_plain_one(plan, job):
    asking = replace(plan, cases={"one": plan.cases["one"].model_copy(update={"checks": list(Check)})})
    assert key_of(asking, job) == key_of(plan, job), "asking for checks changes no other recording"
    found = {
        check: keyed(asking, replace(job, purpose=Purpose.CHECK, check=check), INSTALLED, READY)
        for check in Check
    }
    assert len({each.key for each in found.values()} | {key_of(plan, job)}) == len(Check) + 1
    for check, each in found.items():
        assert each.plain == key_of(plan, job)
        assert each.identity["check"] == check
        if check is not Check.THREADS:
            assert each.check == {"name": check.value, **RECIPES[check].parameters}
    threads = found[Check.THREADS]
    assert threads.check is None
    numbers = {threads.setting.intra_op_threads, threads.setting.inter_op_threads}
    assert numbers == {2 if usable_cpus() == 1 else 1}
    noise = keyed(asking, replace(job, purpose=Purpose.THREADS), INSTALLED, READY)
    assert threads.key == noise.key, "the noise floor's other threads are the same run"


def test_the_parameters_of_a_check_are_part_of_its_key(plan, job, monkeypatch):
    asked = replace(job, purpose=Purpose.CHECK, check=Check.REPEAT)
    before = key_of(plan, asked)
    monkeypatch.setitem(RECIPES, Check.REPEAT, Recipe(4, {"runs": 9}))
    assert key_of(plan, asked) != before


def test_another_host_has_its_own_recordings(plan, job, monkeypatch):
    before = key_of(plan, job)
    monkeypatch.setattr("savedmodel_matrix.measurements.jobs.host_fingerprint", lambda: "another host")
    assert key_of(plan, job) != before


def test_secrets_do_not_reach_the_identity_that_is_stored(plan, job):
    setting = SettingDefinition(variables={"HF_TOKEN": "hf_secret", "TF_X": "1"})
    found = keyed(replace(plan, settings={"default": setting}), job, INSTALLED, READY)
    assert found.identity["options"]["variables"] == {"HF_TOKEN": "***", "TF_X": "1"}
    assert "hf_secret" not in str(found.identity)
    assert found.setting.variables["HF_TOKEN"] == "hf_secret"  # the model does get it


@pytest.fixture
def recorded(project, plan, install, record):
    """Everything of the plan recorded; keys by environment, setting and case."""
    keys = {}
    for name, environment in plan.environments.items():
        installed = install(environment)
        for job in plan.jobs(name):
            key = key_of(plan, job, installed, make_ready(project, plan.cases[job.case]))
            record(key)
            keys[name, job.cell.setting, job.case] = key
    assert len(set(keys.values())) == 8
    return keys


def left(project, plan, selection=EVERYTHING):
    return [(job.cell.environment, job.cell.setting, job.case) for job in pending(project, plan, selection)]


def test_at_first_everything_is_pending(project, plan):
    assert pending(project, plan, EVERYTHING) == list(plan.jobs())


def test_what_is_recorded_is_not_run_again(project, plan, recorded):
    assert left(project, plan) == []


def test_unless_it_is_asked_for(project, plan, recorded):
    assert left(project, plan, Selection(fresh=True)) == list(recorded)
    asked = Selection(cells=("*/onednn-off",), cases=("two",), fresh=True)
    assert left(project, plan, asked) == [key for key in recorded if key[1:] == ("onednn-off", "two")]


def test_only_what_is_missing_or_damaged_is_pending(project, plan, recorded):
    missing, damaged, *_ = recorded
    project.results.recording_path(recorded[missing]).unlink()
    project.results.recording_path(recorded[damaged]).write_text("{")
    assert left(project, plan) == [missing, damaged]
    assert left(project, plan, Selection(cases=(missing[2],))) == [missing]


@pytest.mark.parametrize(
    ("outcome", "again"), [("crashed", True), ("timed-out", True), ("load-failed", False)]
)
def test_what_may_go_better_next_time_is_pending(project, plan, recorded, record, outcome, again):
    record(recorded[(first := next(iter(recorded)))], outcome)
    assert left(project, plan) == ([first] if again else [])


def test_changed_inputs_make_their_case_pending(project, plan, recorded):
    (project.root / "two.npz").write_bytes((project.root / "one.npz").read_bytes())
    assert left(project, plan) == [key for key in recorded if key[2] == "two"]


def test_a_changed_lock_makes_its_environment_pending(project, plan, recorded, write_lock):
    name, environment = next(iter(plan.environments.items()))
    write_lock(environment, version="2.0")
    assert left(project, plan) == [key for key in recorded if key[0] == name]
    assert current_installation(project, environment, plan) is None


@pytest.mark.parametrize("damage", ["removed", "garbled", "of another definition"])
def test_without_a_usable_lock_nothing_counts_as_installed(project, plan, install, damage):
    first, second = plan.environments.values()
    assert current_installation(project, first, plan) is None
    assert install(first) == current_installation(project, first, plan)
    path = project.lock_path(first)
    if damage == "removed":
        path.unlink()
    elif damage == "garbled":
        path.write_text("numpy==1.0")
    else:
        install(second)
        path.write_bytes(project.lock_path(second).read_bytes())
    assert current_installation(project, first, plan) is None


def test_after_a_fault_an_environment_is_looked_at_again(project, plan, install):
    environment = next(iter(plan.environments.values()))
    installed = install(environment)
    write_state(
        project.results, EnvironmentState(environment.id, "run", installed=installed, fault="Traceback")
    )
    assert current_installation(project, environment, plan) is None
