"""What the repository ships agrees with itself: matrices, locks, schemas, the noxfile's own dependencies."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from savedmodel_matrix.commands.schema import write_schemas
from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.planning.besides import besides
from savedmodel_matrix.planning.locking import lock_status
from savedmodel_matrix.planning.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(monkeypatch):
    # The committed locks are this platform's; the test is the same on any.
    for module in ("savedmodel_matrix.planning.workspace", "savedmodel_matrix.planning.locking"):
        monkeypatch.setattr(f"{module}.platform_name", lambda: "linux-x86_64")
    return Workspace(ROOT)


@pytest.mark.parametrize(
    ("matrix", "baseline"),
    [("default", "tf2.7.4-"), ("releases", "tf2.7.4-"), ("preprocessing", "tf2.15.1-")],
)
def test_shipped_matrices_expand_without_a_remark(project, matrix, baseline):
    plan = project.plan(matrix)
    assert plan.remarks == ()
    assert not plan.unavailable
    assert plan.baseline.environment.startswith(baseline)


@pytest.mark.parametrize(("matrix", "least"), [("default", 8), ("releases", 8), ("preprocessing", 8)])
def test_every_shipped_environment_has_a_current_lock(project, matrix, least):
    plan = project.plan(matrix)
    beside = [
        each for environment in plan.environments.values() for each in besides(project, plan, environment)
    ]
    environments = [*plan.environments.values(), *beside]
    found = {environment.id: lock_status(project, environment)[:2] for environment in environments}
    assert len(found) >= least
    assert set(found.values()) == {("current", None)}


def test_no_lock_is_left_over(project):
    named = {
        f"{each.lock_id}.txt"
        for plan in map(project.plan, ("default", "releases", "preprocessing"))
        for environment in plan.environments.values()
        for each in (environment, *besides(project, plan, environment))
    }
    assert {path.name for path in (ROOT / "matrices/locks/linux-x86_64").iterdir()} == named


def test_schemas_are_those_of_the_types(tmp_path):
    write_schemas(ROOT / "schemas", check=True)
    with pytest.raises(HarnessError, match=r"matrix\.schema\.json"):
        write_schemas(tmp_path, check=True)


def test_the_noxfile_asks_for_what_the_project_needs():
    block = re.search(
        r"^# /// script\n(.*?)^# ///$", (ROOT / "noxfile.py").read_text(), re.DOTALL | re.MULTILINE
    )
    script = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert script == {key: project[key] for key in ("requires-python", "dependencies")}


def test_readme_and_ci_run_the_same_test_command():
    command = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/nox -s tests"
    assert f"```\n{command}\n```" in (ROOT / "README.md").read_text()
    assert f"\n{command}\n" in (ROOT / ".ci/run").read_text()


def test_every_exit_status_is_documented():
    readme = (ROOT / "README.md").read_text()
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)] == list(ExitStatus)
