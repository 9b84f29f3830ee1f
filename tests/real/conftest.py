"""Real environments: made by nox and uv as a user's are, and shared by all tests of a session."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
from project import CNN, CUSTOM_LAYER, REPOSITORY, SETTINGS, RealProject, Run, matrix_text
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.interpreters import find_interpreter

LOCKS = REPOSITORY / "matrices/locks" / platform_name()


# A shell starts its background jobs with Ctrl-C ignored, and what we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Recorded:
    """A project and the run that filled it."""

    project: RealProject
    run: Run


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """A function from an environment's id to its Python, installed from the committed lock once.

    Pinned packages may be added to it; those make an environment of their own.
    """
    folder, made = tmp_path_factory.mktemp("probed"), {}

    def make(name, *packages):
        key = "+".join((name, *packages))
        if key not in made:
            interpreter = find_interpreter(name.split("-py")[1].split("-")[0])
            assert interpreter, f"no interpreter for {name}"
            uv = [sys.executable, "-m", "uv"]
            python = folder / key / "bin/python"
            subprocess.run([*uv, "venv", "-q", "-p", interpreter, folder / key], check=True)
            install = [*uv, "pip", "install", "-q", "--python", python]
            subprocess.run([*install, "--require-hashes", "-r", LOCKS / f"{name}.txt"], check=True)
            if packages:
                subprocess.run([*install, "--no-deps", *packages], check=True)
            made[key] = python
        return made[key]

    return make


@pytest.fixture(scope="session")
def nox_environments(tmp_path_factory):
    """Where nox makes its environments, once for all tests."""
    return tmp_path_factory.mktemp("nox")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory, nox_environments):
    """Three releases, two settings, two cases, recorded by one run. Not to be changed: copy it."""
    project = RealProject(tmp_path_factory.mktemp("recorded") / "project", nox_environments).create()
    project.matrix(matrix_text("2.7.4", "2.15", "2.21", rest=SETTINGS + CNN + CUSTOM_LAYER))
    return Recorded(project, project.nox("-s", "matrix"))


@pytest.fixture
def new_project(tmp_path, nox_environments):
    """A project without a matrix, in a folder that is nowhere near the repository."""
    return RealProject(tmp_path / "elsewhere", nox_environments).create()
