from __future__ import annotations

import pytest
from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.errors import InstallError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.backends.interface import Made
from savedmodel_matrix.environments.backends.uv import UvBackend
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.environments.state import Installed, read_state
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.execution.progress import Progress
from savedmodel_matrix.execution.run_environment import run_environment

NEW = "tf2.9.3-py3.10-cpu"
EVERYTHING = Selection()
#: What checks record, by name.
MEASURED = {"repeat": {"runs": 8, "variables": 0, "changed_variables": []}}


@pytest.fixture
def launches(monkeypatch, record):
    """Starts of the probe, which records every case it is asked for."""
    found = []

    def run_probe(launch, on_result, on_unfiled):
        found.append(launch)
        for case in launch.cases:
            part = MEASURED.get(case.measure.parameters.get("name"))
            on_result(record(case.key, identity=case.identity, measured=part))

    monkeypatch.setattr("savedmodel_matrix.execution.run_environment.run_probe", run_probe)
    monkeypatch.setattr(UvBackend, "install", lambda *_: None)
    monkeypatch.setattr(
        UvBackend, "describe", lambda _, folder: Made(folder / "bin" / "python", "3.10.1", lock=None)
    )
    return found


@pytest.fixture
def run(project, plan, write_lock, tmp_path):
    """Run one environment and return what was said."""
    environment = plan.environments[NEW]
    write_lock(environment)

    def go(selection=EVERYTHING, plans=(plan,)):
        said = []
        run_environment(
            project, environment, plans, selection, "run", tmp_path / "venv", Progress(said.append)
        )
        return "\n".join(said)

    return go


def asked(launches):
    return [(case.identity["setting"], case.identity["case"]) for launch in launches for case in launch.cases]


def test_settings_with_the_same_variables_share_a_start(run, launches, plan):
    single = plan.settings["default"].model_copy(update={"intra_op_threads": 1})
    plan.__dict__["settings"] = {**plan.settings, "onednn-off": single}
    run()
    (launch,) = launches
    assert launch.variables == {}
    threads = {(case.identity["setting"], case.setting.intra_op_threads) for case in launch.cases}
    assert threads == {("default", None), ("onednn-off", 1)}


def test_one_start_per_set_of_variables_with_all_its_cases(run, launches, project, plan):
    said = run()
    starts = [(dict(launch.variables), len(launch.cases)) for launch in launches]
    assert sorted(starts, key=str) == [({"TF_ENABLE_ONEDNN_OPTS": "0"}, 2), ({}, 2)]
    assert sorted(asked(launches)) == [(s, c) for s in ("default", "onednn-off") for c in ("one", "two")]
    assert f"{NEW}/default one: recorded (1.0 s)" in said
    lock = read_lock(project.lock_path(plan.environments[NEW]))
    assert read_state(project.results, NEW).installed == Installed(lock=lock.digest, interpreter="3.10.1")


def test_what_is_recorded_is_not_run_again(run, launches, project, plan):
    run()
    launches.clear()
    assert read_state(project.results, NEW).executed == 4
    assert "nothing to run" in run()
    assert not launches
    assert read_state(project.results, NEW).executed == 0
    assert [job for job in pending(project, plan, EVERYTHING) if job.cell.environment == NEW] == []


def test_what_does_not_fit_its_measurement_is_run_again(run, launches, project, plan, record):
    plan.__dict__["cases"] = {"one": plan.cases["one"].model_copy(update={"checks": [Check.REPEAT]})}
    only = Selection(cells=("*/default",))
    run(only)
    _, repeat = launches.pop().cases
    record(repeat.key, measured={"runs": "many"})
    assert [job.variant for job in pending(project, plan, Selection(cells=(f"{NEW}/default",)))] == ["repeat"]
    run(only)
    assert [case.key for launch in launches for case in launch.cases] == [repeat.key]


def test_a_selection_and_a_fresh_run(run, launches):
    run(Selection(cells=("*/default",), cases=("two",)))
    assert asked(launches) == [("default", "two")]
    launches.clear()
    run(Selection(cells=("*/default",), cases=("two",), fresh=True))
    assert asked(launches) == [("default", "two")]


def test_two_matrices_that_want_the_same_recording_run_it_once(run, launches, plan):
    run(plans=(plan, plan))
    assert len(asked(launches)) == 4


def test_a_failed_installation_is_written_down_and_not_raised(run, launches, project, monkeypatch):
    def fail(*_):
        raise InstallError("no space left")

    monkeypatch.setattr(UvBackend, "install", fail)
    assert "install-failed: no space left" in run()
    state = read_state(project.results, NEW)
    assert (state.installed, state.outcome, state.reason) == (None, Outcome.INSTALL_FAILED, "no space left")
    assert not launches


def test_a_damaged_lock_is_an_installation_that_failed(run, launches, project, plan):
    project.lock_path(plan.environments[NEW]).write_text("numpy==1.0")
    run()
    assert read_state(project.results, NEW).outcome is Outcome.INSTALL_FAILED
    assert not launches


@pytest.mark.parametrize(
    "where",
    [
        "savedmodel_matrix.environments.backends.uv.UvBackend.install",
        "savedmodel_matrix.execution.run_environment.run_probe",
    ],
)
def test_a_fault_of_ours_is_written_down_with_its_traceback(run, launches, project, monkeypatch, where):
    def fail(*_):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(where, fail)
    run()
    state = read_state(project.results, NEW)
    assert "ZeroDivisionError: ours" in state.fault
    assert state.outcome is None
    assert (state.installed is None) == where.endswith("install")


def test_a_case_that_cannot_be_made_ready_ends_its_own_jobs_only(run, launches, project, plan):
    broken = plan.cases["one"].model_copy(update={"path": "nowhere"})
    plan.__dict__["cases"] = {**plan.cases, "one": broken}
    said = run()
    assert "nowhere" in said
    assert sorted(asked(launches)) == [("default", "two"), ("onednn-off", "two")]
    assert read_state(project.results, NEW).fault is None


def test_missing_inputs_still_let_every_environment_load_the_model(run, launches, project):
    (project.root / "one.npz").unlink()
    run()
    requests = {case.identity["case"]: case for launch in launches for case in launch.cases}
    assert requests["one"].batches is None
    assert requests["one"].inputs_error == "one.npz: No such file or directory"
    assert requests["two"].inputs_error is None


def test_the_probe_is_told_of_the_loader_and_of_the_case_s_own_code(run, launches, project, plan):
    plan.__dict__["cases"] = {
        "one": plan.cases["one"].model_copy(update={"modules": ["mine.py", "src"], "libraries": ["op.so"]})
    }
    plan.__dict__["settings"] = {
        "default": plan.settings["default"].model_copy(update={"loader": "keras"}),
        "onednn-off": plan.settings["onednn-off"],
    }
    run()
    requests = {case.identity["setting"]: case for launch in launches for case in launch.cases}
    assert {name: case.loader for name, case in requests.items()} == {
        "default": "keras",
        "onednn-off": "saved_model",
    }
    case = requests["default"]
    assert case.modules == (str(project.root / "mine.py"), str(project.root / "src"))
    assert case.libraries == (str(project.root / "op.so"),)
    assert "loader" not in case.to_json()["setting"]


def test_places_of_this_machine_are_taken_out_of_what_is_recorded(run, launches, project, tmp_path):
    run()
    labels = dict(launches[0].labels)
    assert labels[str(tmp_path / "venv")] == "<environment>"
    assert labels[str(project.root)] == "<project>"


def test_checks_run_after_the_outputs_and_count_for_nothing(run, launches, project, plan):
    asking = plan.cases["one"].model_copy(update={"checks": [Check.REPEAT, Check.THREADS]})
    plan.__dict__["cases"] = {"one": asking}
    said = run(Selection(cells=("*/default",)))
    (launch,) = launches
    plain, repeat, threads = launch.cases
    assert plain.measure.kind == threads.measure.kind == "outputs"
    assert repeat.measure.parameters["name"] == "repeat"
    assert repeat.after == threads.after == plain.result
    assert repeat.time_limit_s > plain.time_limit_s
    assert threads.setting != plain.setting
    assert f"{NEW}/default one, repeat: recorded" in said
    assert read_state(project.results, NEW).executed == 1
    launches.clear()
    assert "nothing to run" in run(Selection(cells=("*/default",)))
    assert not launches
