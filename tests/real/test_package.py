"""The wheel, installed into an empty environment and used outside the checkout. Takes about a minute."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from savedmodel_matrix.report.document import Report
from uv import find_uv_bin

REPOSITORY = Path(__file__).parents[2]
RELEASES = ["2.15", "2.21"]


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory):
    """The programs of an environment that holds nothing but the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("package")
    uv = find_uv_bin()
    subprocess.run([uv, "build", "--quiet", "--out-dir", folder / "dist", REPOSITORY], check=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", folder / "env/bin/python", wheel],
        check=True,
        cwd=folder,
    )
    return folder / "env/bin"


@pytest.fixture
def run(bin_folder, tmp_path):
    """Run a program of that environment in an empty project, as its user would; return what it prints."""
    # Neither the checkout nor the run of nox that these tests are part of may show through.
    outer = ("NOX", "SAVEDMODEL_MATRIX_", "PYTEST_", "PYTHON", "VIRTUAL_ENV")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    environ["PATH"] = f"{bin_folder}{os.pathsep}{environ['PATH']}"
    environ["NO_COLOR"] = "1"

    def run_it(program, *arguments):
        done = subprocess.run(
            [bin_folder / program, *arguments],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run_it


def test_a_stranger_installs_it_and_runs_a_matrix(run, tmp_path):
    where = run("python", "-c", "import savedmodel_matrix; print(savedmodel_matrix.__file__)")
    assert not Path(where.strip()).is_relative_to(REPOSITORY)
    shutil.copytree(REPOSITORY / "examples/models/custom_layer", tmp_path / "model")

    run("savedmodel-matrix", "init", "model")
    assert "register" in (tmp_path / "noxfile.py").read_text()
    matrix = tmp_path / "matrices/default.toml"
    text = matrix.read_text()
    matrix.write_text(
        re.sub(
            r"^baseline = .*",
            f'baseline = "tf{RELEASES[0]}*"',
            re.sub(r"^tensorflow = .*", f"tensorflow = {json.dumps(RELEASES)}", text, flags=re.MULTILINE),
            flags=re.MULTILINE,
        )
    )
    planned = json.loads(run("savedmodel-matrix", "plan", "--json"))
    assert [row["environment"].split("-")[0] for row in planned["environments"]] == ["tf2.15.1", "tf2.21.0"]
    assert (planned["to_run"], planned["recorded"]) == (4, 0)
    # The locks that the checkout has are those that the resolver would write; resolving is tested elsewhere.
    shutil.copytree(REPOSITORY / "matrices/locks", tmp_path / "matrices/locks")

    run("nox", "-s", "matrix")
    report = Report.model_validate_json((tmp_path / "results/latest/report.json").read_text())
    assert report.exit_status == 0
    assert {(cell.outcome, cell.environment.split("-")[0], cell.setting) for cell in report.cells} == {
        ("recorded", release, setting)
        for release in ("tf2.15.1", "tf2.21.0")
        for setting in ("default", "onednn-off")
    }
    assert (tmp_path / "results/latest/report.md").exists()
