"""Somebody else's repository behaves the same with our two lines in its noxfile, and ours works there too."""

from __future__ import annotations

import re

import pytest
from project import CUSTOM_LAYER, NOXFILE, RealProject, matrix_text

OLD = "tf2.7.4-py3.9-cpu"

#: A repository with a folder that is called like our source root, and sessions of every kind.
THEIRS = '''
"""What this repository does."""

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

import harness


@nox.session
def hello(session):
    session.log(f"hello {session.posargs} from {harness.WHOSE} in {session.virtualenv.venv_backend}")


@nox.session(python="3.5", download_python="never")
def old(session):
    session.log("never seen")


@nox.session(venv_backend="none", default=False)
def fails(session):
    session.run("python", "-c", "raise SystemExit(7)", external=True)


@nox.session(venv_backend="none", default=False)
def gives_up(session):
    session.error("no use")


@nox.session(venv_backend="none", default=False)
def lock(session):
    session.log("their own lock")
'''


@pytest.fixture(scope="module")
def repositories(tmp_path_factory, nox_environments):
    """The same repository without us and with us."""
    made = []
    for name, noxfile in (("without", THEIRS), ("with", f"{THEIRS}\n\n{NOXFILE}")):
        # Environments of their own: whether one is made or reused is a part of what is compared.
        folder = tmp_path_factory.mktemp(name)
        project = RealProject(folder / "repository", folder / "nox").create(noxfile)
        (project.root / "harness").mkdir()
        (project.root / "harness/__init__.py").write_text('WHOSE = "their harness"\n')
        project.matrix(matrix_text("2.7.4", rest="[settings.default]\n" + CUSTOM_LAYER))
        made.append(project)
    return made


def said(run, project):
    """Return what a command printed, without what no two runs have in common."""
    text = run.output.replace(str(project.root), "<root>").replace(str(project.environments), "<nox>")
    text = re.sub(r"\S*/(without|with)\d*/", "<folder>/", text)
    return re.sub(r"(,? took| in) (a|an|\d+) \w+| \(took [^)]*\)", "", text)


@pytest.mark.parametrize("ci", [None, "1"])
@pytest.mark.parametrize(
    ("arguments", "status", "status_in_ci"),
    [
        ([], 0, 1),
        (["-s", "hello", "--", "tests/unit", "-k", "word"], 0, 0),
        (["-s", "old"], 0, 1),
        (["-s", "fails"], 1, 1),
        (["-s", "fails", "gives_up"], 1, 1),
        (["-s", "lock"], 0, 0),
        (["-j2", "-s", "fails"], 1, 1),
        (["-s", "nowhere"], 3, 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_their_sessions_are_the_same_with_and_without_us(repositories, ci, arguments, status, status_in_ci):
    runs = []
    for project in repositories:
        project.variables["CI"] = ci
        runs.append(project.nox(*arguments))
    without, with_ = runs
    assert without.status == (status_in_ci if ci else status)
    assert with_.status == without.status
    assert with_.sessions == without.sessions
    ours = said(with_, repositories[1])
    if arguments == ["-s", "nowhere"]:
        return  # nox names the sessions there are
    assert ours == said(without, repositories[0])
    if "--" in arguments:
        assert "hello ['tests/unit', '-k', 'word'] from their harness in virtualenv" in ours


def test_the_list_only_has_more_sessions_and_none_of_them_by_default(repositories):
    without, with_ = (project.nox("-l").output.splitlines() for project in repositories)
    theirs = [line for line in without if not line.startswith("Sessions defined")]
    more = [line for line in with_ if line not in without and not line.startswith("Sessions defined")]
    assert set(theirs) <= set(with_)
    assert [re.match(r"- (\S+) -> ", line)[1] for line in more] == [OLD, "matrix", "plan", "bisect", "report"]


@pytest.mark.parametrize("ci", [None, "1"])
def test_our_matrix_works_there(repositories, nox_environments, ci, tmp_path):
    project = repositories[1].copied_to(tmp_path / "copy")
    project.environments = nox_environments
    project.variables["CI"] = ci
    run = project.nox("-s", "matrix", "--", "--no-fixes")
    assert run.status == 0
    assert run.sessions == {"matrix": "success"}
    assert run.environments == {OLD: "success"}
    assert "1 of 1 cells × cases recorded, 1 run now" in run.output


def test_ours_and_theirs_in_one_call(repositories, nox_environments, tmp_path):
    project = repositories[1].copied_to(tmp_path / "copy")
    project.environments = nox_environments
    run = project.nox("-s", "fails", "matrix", "--", "--only", "tf1*")
    assert run.sessions == {"fails": "failed", "matrix": "aborted"}
    assert run.status == 3, "what a session of ours says"
