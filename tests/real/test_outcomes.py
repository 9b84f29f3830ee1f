"""Whatever goes wrong is an outcome with a clear reason, and the neighbours are recorded in the same run."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from project import CUSTOM_LAYER, RealProject, matrix_text
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments.locks.lock import LockInput, read_lock, render_lock

MIDDLE = "tf2.15.1-py3.11-cpu"
GENERATED = "inputs = [{ generate = { seed = 1, batch = 4 } }]"
HOSTILE = f"""
[settings.default]

[cases.corrupt]
path = "models/corrupt"
{GENERATED}

[cases.truncated]
path = "models/truncated"
inputs = [{{ npz = "examples/inputs/cnn-1.npz" }}]

[cases.no_signature]
path = "examples/models/custom_layer"
signature = "score"
{GENERATED}

[cases.no_model]
path = "models/nowhere"
{GENERATED}

[cases.no_inputs]
path = "examples/models/custom_layer"
inputs = [{{ npz = "nowhere.npz" }}]

[cases.loops]
path = "models/loops"
time_limit = 3
{GENERATED}

[cases.hog]
path = "models/hog"
memory_limit = "1GiB"
{GENERATED}

[cases.aborts]
path = "models/aborts"
{GENERATED}
"""

#: Case by case: the outcome, and words that the reason must hold.
EXPECTED = {
    "corrupt": (Outcome.LOAD_FAILED, ["saved_model.pb"]),
    "truncated": (Outcome.LOAD_FAILED, ["Read less bytes than requested"]),
    "no_signature": (Outcome.RUN_FAILED, ["'score' does not exist; the model has: serving_default"]),
    "no_model": (Outcome.SKIPPED, ["models/nowhere"]),
    "no_inputs": (Outcome.RUN_FAILED, ["inputs could not be made", "nowhere.npz"]),
    "loops": (Outcome.TIMED_OUT, ["no result within 3 s", "running batch 0"]),
    "hog": (Outcome.CRASHED, ["memory limit of 1024 MiB exceeded", "running batch 0"]),
    "aborts": (Outcome.CRASHED, ["SIGABRT", "running batch 0"]),
    "custom_layer": (Outcome.RECORDED, []),
}


@pytest.fixture(scope="module")
def hostile(recorded, tmp_path_factory):
    """A project of hostile models and one harmless one, in one environment, and the run of all of them."""
    project = RealProject(
        tmp_path_factory.mktemp("hostile") / "project", recorded.project.environments
    ).create()
    models = project.root / "models"
    python = project.environments / "tf2-15-1-py3-11-cpu/bin/python"
    script = Path(__file__).with_name("crashing_models.py")
    subprocess.run([python, script, models], check=True, capture_output=True, timeout=300)
    shutil.copytree(project.root / "examples/models/cnn", models / "truncated")
    (variables,) = (models / "truncated/variables").glob("*.data-*")
    os.truncate(variables, variables.stat().st_size // 3)
    shutil.copytree(project.root / "examples/models/custom_layer", models / "corrupt")
    protobuf = models / "corrupt/saved_model.pb"
    protobuf.write_bytes(protobuf.read_bytes()[: protobuf.stat().st_size // 2])
    project.matrix(matrix_text("2.15", rest=HOSTILE + CUSTOM_LAYER))
    return project, project.nox("-s", "matrix")


@pytest.mark.parametrize("case", EXPECTED)
def test_outcome_and_reason(hostile, case):
    project, run = hostile
    outcome, words = EXPECTED[case]
    row = project.outcomes()[MIDDLE, "default", case]
    assert row.outcome == outcome
    if outcome is Outcome.RECORDED:
        assert row.reason is None
        return
    assert "\n" not in row.reason
    assert len(row.reason) < 300
    for word in words:
        assert word in row.reason
    assert str(project.root) not in row.reason
    assert row.verdict is None
    assert " ".join(row.reason.split()) in run.text
    assert row.reason in project.markdown()


def test_the_run_goes_on_and_says_that_not_all_is_well(hostile):
    project, run = hostile
    assert run.status == 4
    assert run.sessions == {"matrix": "aborted"}
    assert run.environments == {MIDDLE: "success"}
    assert set(project.outcomes()) == {(MIDDLE, "default", case) for case in EXPECTED}
    assert project.report().faults == []
    assert "Traceback" not in run.output


def test_only_what_may_end_otherwise_is_tried_again(hostile):
    project, _ = hostile
    planned = project.plan()
    # The time limit, the memory limit, the crash; and the case for which there is no model yet.
    assert planned["to_run"] == 4
    assert planned["recorded"] == len(EXPECTED) - 4


UNINSTALLABLE = """
[[environments]]
tensorflow = "2.4.4"
python = "3.8"

[[environments]]
tensorflow = "2.15"
requirements = ["numpy==99"]

[[environments]]
tensorflow = "2.7.4"
python = "3.13"

[settings.default]
"""


@pytest.fixture(scope="module")
def uninstallable(recorded, tmp_path_factory):
    """Environments that cannot be made, each for a reason of its own, beside one that can; and their run."""
    folder = tmp_path_factory.mktemp("uninstallable")
    # Only the two interpreters that nothing is missing for, wherever they come from on this machine.
    (folder / "bin").mkdir()
    for minor in ("3.9", "3.11"):
        (folder / f"bin/python{minor}").symlink_to(_base_interpreter(recorded.project, minor))
    project = RealProject(
        folder / "project",
        recorded.project.environments,
        {
            "PATH": str(folder / "bin"),
            "PYENV_ROOT": str(folder / "no-pyenv"),
            "UV_PYTHON_INSTALL_DIR": str(folder / "no-pythons"),
            "UV_PYTHON_DOWNLOADS": "never",
        },
    ).create()
    project.matrix(matrix_text("2.15", "2.7.4", rest=UNINSTALLABLE + CUSTOM_LAYER, baseline=MIDDLE))
    _make_stale(project.lock_path("tf2.7.4-py3.9-cpu"))
    return project, project.nox("-s", "matrix")


def _base_interpreter(project, minor):
    # Other tests have made environments of the same interpreter there.
    environment = next(project.environments.glob(f"tf*-py{minor.replace('.', '-')}-cpu"))
    asked = "import sys, os; print(os.path.realpath(sys.executable))"
    return subprocess.check_output([environment / "bin/python", "-c", asked], text=True).strip()


def _make_stale(path):
    """Make a lock one of an earlier definition: of another day, and with one requirement more."""
    lock = read_lock(path)
    before = LockInput(
        lock.made_from.environment_id,
        lock.made_from.python,
        (*lock.made_from.requirements, "absl-py<2"),
        dt.date(2022, 1, 31),
        lock.made_from.platform,
    )
    body = "".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#"))
    path.write_text(render_lock(before, lock.resolved, lock.download_mb, body))


def _row(project, start):
    (row,) = [row for row in project.report().cells if row.environment.startswith(start)]
    return row


def test_the_others_run_and_the_exit_status_is_4(uninstallable):
    project, run = uninstallable
    assert run.status == 4
    assert project.outcomes()[MIDDLE, "default", "custom_layer"].outcome is Outcome.RECORDED
    assert project.report().faults == []
    assert "Traceback" not in run.output


def test_a_stale_lock_is_refused_with_what_changed(uninstallable):
    project, run = uninstallable
    row = _row(project, "tf2.7.4-py3.9")
    assert row.outcome is Outcome.INSTALL_FAILED
    assert row.required
    assert "the lock is for another definition" in row.reason
    assert "as of: 2022-01-31 -> " in row.reason
    assert "requirements: - absl-py<2" in row.reason
    assert "nox -s lock" in row.reason
    assert " ".join(row.reason.split()) in run.text
    assert "absl-py<2" in project.lock_path("tf2.7.4-py3.9-cpu").read_text(), "a run changes no lock"


def test_what_cannot_be_resolved_is_said_in_the_resolvers_words(uninstallable):
    project, run = uninstallable
    row = _row(project, f"{MIDDLE}-numpy")
    assert row.outcome is Outcome.INSTALL_FAILED
    assert row.required
    assert "No solution found" in row.reason
    assert "because you require numpy==99, we can conclude" in row.reason
    assert "\n" not in row.reason
    assert " ".join(row.reason.split()) in run.text


def test_a_missing_interpreter_is_no_failure_of_the_others(uninstallable):
    project, run = uninstallable
    row = _row(project, "tf2.4.4-py3.8")
    assert row.outcome is Outcome.UNAVAILABLE
    assert row.required
    assert "no Python 3.8 on this machine" in row.reason
    assert "pyenv install 3.8" in row.reason
    assert " ".join(row.reason.split()) in run.text


def test_a_combination_without_a_wheel_is_not_required(uninstallable):
    project, run = uninstallable
    row = _row(project, "tf2.7.4-py3.13")
    assert row.outcome is Outcome.UNAVAILABLE
    assert not row.required
    assert "2.7.4" in row.reason
    assert " ".join(row.reason.split()) in run.text
