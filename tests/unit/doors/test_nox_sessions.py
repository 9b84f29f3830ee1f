"""What ``register`` defines, in a registry of nox's own, and what it leaves alone."""

from __future__ import annotations

import os

import nox
import pytest
from nox._options import noxfile_options
from savedmodel_matrix import register
from savedmodel_matrix.domain.selection import Request
from savedmodel_matrix.doors import exit_status
from savedmodel_matrix.execution.round_file import RUN_VARIABLE, RoundFile, write_round
from savedmodel_matrix.planning.workspace import Workspace

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


@pytest.fixture
def defined(project, monkeypatch):
    """A function that registers the tiny project, and returns nox's sessions by name."""
    monkeypatch.setattr(nox.registry, "_REGISTRY", {})
    monkeypatch.setattr(exit_status.atexit, "register", lambda *_: None)
    monkeypatch.setattr(Workspace, "releases", project.releases)
    monkeypatch.delenv(RUN_VARIABLE, raising=False)
    monkeypatch.setenv("PYENV_ROOT", str(project.root / "no-pyenv"))

    def define():
        register(str(project.root / "noxfile.py"))
        return nox.registry.get()

    return define


def test_every_matrix_and_environment_is_a_session(defined, project):
    (project.root / "matrices/mine.toml").write_text((project.root / "matrices/default.toml").read_text())
    sessions = defined()
    assert set(sessions) == {OLD, NEW, "matrix", "matrix-mine", "plan", "bisect", "report", "lock"}
    assert not any(session.default for session in sessions.values())
    assert (sessions[NEW].python, sessions[NEW].venv_backend, sessions[NEW].reuse_venv) == (
        "3.10",
        "uv",
        True,
    )
    assert sessions[NEW].allow_parallel
    assert sessions["matrix"].venv_backend == "none"
    assert sessions["matrix"].requires == []


def test_no_option_of_nox_and_no_variable_is_set(defined):
    def everything():
        names = [name for name in dir(noxfile_options) if not name.startswith("_")]
        return {name: getattr(noxfile_options, name) for name in names}, dict(os.environ)

    before = everything()
    defined()
    assert everything() == before


def test_nothing_is_printed_or_written(defined, project, capsys):
    before = sorted(project.root.rglob("*"))
    defined()
    assert capsys.readouterr() == ("", "")
    assert sorted(project.root.rglob("*")) == before


def test_a_session_that_the_noxfile_has_already_stands(defined, monkeypatch):
    @nox.session
    def lock(session):
        """Theirs."""

    assert defined()["lock"].__doc__ == "Theirs."


@pytest.mark.parametrize("definition", ["nonsense = [", 'baseline = "tf9*"\n'])
def test_a_broken_definition_breaks_its_own_session_only(defined, project, definition):
    (project.root / "matrices/broken.toml").write_text(definition)
    sessions = defined()
    assert sessions["matrix-broken"].__doc__.startswith("Cannot run")
    assert sessions["matrix"].__doc__.startswith("Run what is not recorded")
    assert OLD in sessions


def test_in_a_round_only_its_environments_are_sessions(defined, project, plan, monkeypatch):
    file = RoundFile(
        run="r",
        matrix="default",
        request=Request(),
        question="matrix",
        number=1,
        environments=(plan.environments[NEW],),
        parent=os.getppid(),
    )
    path = project.results.logs / "r-default/matrix-1/round.json"
    write_round(path, file)
    bonds = []
    monkeypatch.setattr("savedmodel_matrix.doors.nox_sessions.die_with_parent", lambda *to: bonds.append(to))
    monkeypatch.setenv(RUN_VARIABLE, str(path))
    assert set(defined()) == {NEW}
    assert bonds == [(os.getppid(),)]
