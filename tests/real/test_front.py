"""The front doors, as somebody comes to them who has a model and a folder of his own."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys

import pytest
from project import CUSTOM_LAYER, NOXFILE, SETTINGS, RealProject, matrix_text
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.store.results import Results
from savedmodel_matrix.store.runs import read_runs

OLD, MIDDLE = "tf2.7.4-py3.9-cpu", "tf2.15.1-py3.11-cpu"
ONE_SETTING = "[settings.default]\n"
BY_DEFAULT = f'import nox\n\n{NOXFILE}\nnox.options.sessions = ["matrix"]\n'


def test_from_a_model_to_a_report(recorded, tmp_path):
    project = RealProject(tmp_path / "mine", recorded.project.environments)
    model = project.root / "models/my layer"
    shutil.copytree(recorded.project.root / "examples/models/custom_layer", model)

    begun = project.harness("init", "models/my layer")
    assert begun.status == 0
    assert (project.root / "noxfile.py").read_text().endswith(NOXFILE)
    shutil.copytree(recorded.project.root / "matrices/locks", project.root / "matrices/locks")

    planned = project.plan()
    environments = [row["environment"] for row in planned["environments"]]
    assert environments[0] == OLD, "the release that wrote it comes first, and is the baseline"
    assert planned["baseline"] == f"{OLD}/default"
    assert MIDDLE in environments
    assert planned["recorded"] == 0
    assert planned["to_run"] == len(environments) * 2

    run = project.nox("-s", "matrix", "--", "--only", f"{OLD}/*")
    assert run.sessions == {"matrix": "success"}
    assert run.environments == {OLD: "success"}
    assert run.status == 0
    assert project.plan()["recorded"] == 2
    assert {row.verdict for row in project.report().cells if row.environment == OLD} == {Verdict.IDENTICAL}
    assert "all 2 recorded" in project.harness("plan").output


def test_init_overwrites_nothing(new_project):
    assert new_project.harness("init", "examples/models/cnn").status == 0
    before = (new_project.root / "matrices/default.toml").read_text()
    again = new_project.harness("init", "examples/models/rnn")
    assert again.status == 2
    assert "already exists; choose another name with --name" in again.output
    assert "Traceback" not in again.output
    assert (new_project.root / "matrices/default.toml").read_text() == before


def test_init_of_what_is_no_model(new_project):
    begun = new_project.harness("init", "examples/inputs")
    assert begun.status == 2
    assert "saved_model.pb" in begun.output
    assert "Traceback" not in begun.output


def test_the_plan_installs_and_writes_nothing(new_project):
    new_project.matrix(matrix_text("2.7.4", "2.15", rest=SETTINGS + CUSTOM_LAYER))
    planned = new_project.plan()
    assert (planned["to_run"], planned["recorded"]) == (4, 0)
    assert [row["lock"] for row in planned["environments"]] == ["current", "current"]
    assert not new_project.results.exists() or not new_project.recordings()
    listed = new_project.nox("-l").output
    for name in (OLD, MIDDLE, "matrix", "report", "lock"):
        assert f"- {name} -> " in listed


def test_the_report_is_rendered_again_from_disk(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    before = project.report()
    shutil.rmtree(project.results / "latest")
    run = project.nox("-s", "report")
    assert run.status == 4
    assert run.sessions == {"report": "aborted"}
    after = project.report()
    assert (after.cells, after.classes, after.divergences) == (
        before.cells,
        before.classes,
        before.divergences,
    )
    assert (project.results / "latest/report.md").exists()
    assert project.harness("report").status == 4


def test_two_matrices_share_an_environments_recordings(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    before = project.recordings()
    project.matrix(
        matrix_text("2.7.4", "2.15", rest=SETTINGS.replace("default", "plain") + CUSTOM_LAYER), name="mine"
    )
    assert project.plan("mine")["recorded"] == 4, "the same work under another name"
    run = project.nox("-s", "matrix-mine")
    assert run.sessions == {"matrix-mine": "success"}
    assert run.status == 0
    assert project.recordings() == before
    assert project.report().matrix == "mine"
    both = project.nox("-s", "matrix", "matrix-mine")
    assert set(both.sessions) == {"matrix", "matrix-mine"}
    assert both.status == 4


def test_results_of_two_projects_merge_by_copying(recorded, tmp_path):
    halves = []
    for setting in ("default", "onednn-off"):
        half = recorded.project.copied_to(tmp_path / setting)
        for path in half.recordings():
            if json.loads(path.read_text())["identity"]["setting"] != setting:
                path.unlink()
        assert half.plan()["recorded"] == 6
        halves.append(half)
    one, other = halves
    shutil.copytree(other.results, one.results, dirs_exist_ok=True)
    assert one.plan()["recorded"] == 12
    assert one.nox("-s", "report").status == 4
    assert one.report().classes == recorded.project.report().classes
    runs = list(read_runs(Results(one.results)))
    assert [run.question for run in runs if run.exit_status is None] == []
    assert len({run.run for run in runs}) == 2


@pytest.mark.parametrize("secret", ["s3cr3t-of-the-caller"])
def test_secrets_stay_out_of_the_results(new_project, secret):
    new_project.variables["API_TOKEN"] = secret
    setting = (
        f'[settings.default]\nvariables = {{ SERVICE_TOKEN = "{secret}-too", TF_ENABLE_ONEDNN_OPTS = "0" }}\n'
    )
    new_project.matrix(matrix_text("2.7.4", rest=setting + CUSTOM_LAYER))
    run = new_project.nox("-s", "matrix")
    assert run.status == 0
    assert secret not in run.output
    files = [path for path in new_project.results.rglob("*") if path.is_file()]
    assert any(b"SERVICE_TOKEN" in path.read_bytes() for path in files), "its name is no secret"
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_an_indexs_password_stays_out_of_the_results(new_project):
    password = "p4ssw0rd-of-the-index"
    new_project.environments = new_project.root / "nox"
    new_project.variables["UV_DEFAULT_INDEX"] = f"http://somebody:{password}@127.0.0.1:9/simple"
    new_project.variables["UV_CACHE_DIR"] = str(new_project.root / "cache")
    new_project.variables["UV_HTTP_TIMEOUT"] = "2"
    new_project.matrix(matrix_text("2.7.4", rest=ONE_SETTING + CUSTOM_LAYER))
    run = new_project.nox("-s", "matrix")
    assert run.status == 4
    (row,) = new_project.report().cells
    assert row.outcome == "install-failed"
    assert password not in run.output
    files = [path for path in new_project.results.rglob("*") if path.is_file()]
    assert [path for path in files if password.encode() in path.read_bytes()] == []


def test_plain_nox_and_one_after_another_end_the_same(recorded, tmp_path):
    project = RealProject(tmp_path / "project", recorded.project.environments).create(noxfile=BY_DEFAULT)
    project.matrix(matrix_text("2.7.4", "2.15", rest=ONE_SETTING + CUSTOM_LAYER))
    run = project.nox()
    assert run.status == 0
    assert run.sessions == {"matrix": "success"}
    assert run.environments == {OLD: "success", MIDDLE: "success"}
    again = project.nox("-j1", "--", "--fresh")
    assert again.status == 0
    assert (again.sessions, again.environments) == (run.sessions, run.environments)
    moments = again.output.index(f"{OLD}: done"), again.output.index(f"{MIDDLE}: done")
    assert sorted(moments) == list(moments), "one after the other, in the order of the plan"
    assert "2 run now" in run.output
    assert "2 run now" in again.output


@pytest.mark.parametrize(
    "arguments", [["-s", "matrix"], ["-smatrix"], ["--session=matrix", "-j1"], ["-Rs", "matrix"]]
)
def test_ways_to_name_the_session(recorded, tmp_path, arguments):
    project = recorded.project.copied_to(tmp_path / "project")
    run = project.nox(*arguments)
    assert run.status == 4
    assert "10 of 12 cells × cases recorded" in run.output


def test_an_environment_is_a_session_of_its_own(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    for path in project.recordings():
        if json.loads(path.read_text())["identity"]["environment"] == MIDDLE:
            path.unlink()
    run = project.nox("-s", MIDDLE, "--", "--only", f"{MIDDLE}/default", "--case", "custom_layer")
    assert run.sessions == {MIDDLE: "success"}
    assert project.plan()["recorded"] == 9


def test_a_variable_for_nox_names_the_session(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    project.variables["NOXSESSION"] = "matrix"
    assert project.nox().status == 4


def test_a_shell_that_is_elsewhere(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    elsewhere = RealProject(tmp_path, project.environments)
    run = elsewhere.nox("-f", os.fspath(project.root / "noxfile.py"), "-s", "matrix")
    assert run.status == 4
    assert run.sessions == {"matrix": "aborted"}


def test_a_projects_own_sessions_keep_their_arguments(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    (project.root / "noxfile.py").write_text(
        f'import nox\n\n{NOXFILE}\nnox.options.sessions = ["hello"]\n\n\n@nox.session(venv_backend="none")\n'
        'def hello(session):\n    session.log(f"hello {session.posargs}")\n'
    )
    run = project.nox("--", "tests/unit", "-k", "word")
    assert run.status == 0
    assert "hello ['tests/unit', '-k', 'word']" in run.output
    assert project.nox("-s", "hello", "matrix").status == 4


def test_help_and_version(recorded, tmp_path):
    project = recorded.project
    run = project.nox("-s", "matrix", "--", "--help")
    assert run.status == 0
    assert "Usage: nox -s matrix --" in run.output
    assert "--no-fixes" in run.output
    assert re.fullmatch(r"savedmodel-matrix \S+\n", project.harness("--version").output)


def test_one_environment_by_hand_says_what_is_wrong_with_its_options(recorded):
    run = recorded.project.nox("-s", MIDDLE, "--", "--case", "custom_lair")
    assert run.status == 3
    assert "did you mean custom_layer" in run.output


def test_two_matrices_at_once_under_noxs_own_parallelism_keep_the_status(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    run = project.nox("-j2", "-s", "matrix", MIDDLE)
    assert run.status == 4
    assert run.sessions == {"matrix": "aborted", MIDDLE: "success"}


def test_the_library_and_the_command_line_do_the_same(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    program = (
        "from savedmodel_matrix import Project, load_report; import sys;"
        "project = Project('.'); print(project.matrices());"
        "report = project.report(); print(report.divergences.shape[0], 'rows');"
        "sys.exit(load_report('results/latest').document.exit_status)"
    )
    run = project.run(sys.executable, "-c", program, time_limit_s=100)
    assert run.status == 4
    assert "['default']" in run.output
    assert f"{len(project.report().divergences)} rows" in run.output


def test_importing_the_package_costs_next_to_nothing(recorded):
    imported = recorded.project.run(
        sys.executable, "-c", "import sys, savedmodel_matrix; print(*sys.modules)", time_limit_s=100
    ).output.split()
    heavy = {"pydantic", "numpy", "pandas", "rich", "requests", "nox", "typer", "importlib.metadata"}
    assert heavy.isdisjoint(imported)
