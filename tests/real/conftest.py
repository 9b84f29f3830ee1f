"""Real environments: made by nox and uv as a user's are, and shared by all tests of a session."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from project import CNN, CUSTOM_LAYER, SETTINGS, RealProject, Run, matrix_text


@dataclass(frozen=True)
class Recorded:
    """A project and the run that filled it."""

    project: RealProject
    run: Run


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
