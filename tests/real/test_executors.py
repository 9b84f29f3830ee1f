"""Every executor keeps to the interface: each session ends once, as soon as it does, and none outlives it."""

from __future__ import annotations

import os
import time

import psutil
import pytest
from project import alive_in
from savedmodel_matrix.execution.executors import EXECUTORS
from savedmodel_matrix.execution.executors.interface import Order, Result, Session

NOXFILE = '''
import os, pathlib, subprocess, sys, time
import nox

HERE = pathlib.Path(__file__).parent


@nox.session(venv_backend="none", default=False)
def quick(session):
    print("said by", os.environ["SAVEDMODEL_MATRIX_RUN"])


@nox.session(venv_backend="none", default=False)
def failing(session):
    raise ZeroDivisionError("said by the session")


@nox.session(venv_backend="none", default=False)
def giving_up(session):
    session.error("no use")


@nox.session(python="3.5", venv_backend="uv", download_python="never", default=False)
def without_interpreter(session):
    pass


@nox.session(venv_backend="none", default=False)
def endless(session):
    command = [sys.executable, "-c", "import time; time.sleep(600)", str(HERE)]
    subprocess.run(command, start_new_session=True)


def _together(session):
    """Leave when it began and ended."""
    began = time.time()
    time.sleep(0.5)
    (HERE / f"{session.name}.times").write_text(f"{began} {time.time()}")


for name in ("one", "two", "three"):
    nox.session(name=name, venv_backend="none", default=False)(_together)
'''


@pytest.fixture(params=EXECUTORS, ids=lambda each: each.__name__)
def run(request, tmp_path, monkeypatch):
    """A function that starts an executor on sessions of a noxfile."""
    (tmp_path / "noxfile.py").write_text(NOXFILE)
    (tmp_path / "round").mkdir()
    # What the caller's nox was told is no business of the sessions.
    monkeypatch.setenv("NOXSESSION", "quick")
    monkeypatch.setenv("NOXPYTHON", "3.99")
    monkeypatch.setenv("CI", "1")

    def go(*names, jobs=2, exclusive=()):
        sessions = tuple(Session(name, name in exclusive) for name in names)
        places = (tmp_path / "noxfile.py", tmp_path / "nox", tmp_path / "round/round.json")
        return request.param().run(Order(sessions, *places, jobs))

    return go


def test_every_session_is_yielded_once_with_its_result_and_its_output(run, tmp_path):
    ended = list(run("quick", "failing", "giving_up", "without_interpreter"))
    assert {each.name: each.result for each in ended} == {
        "quick": Result.SUCCESS,
        "failing": Result.FAILED,
        "giving_up": Result.ABORTED,
        "without_interpreter": Result.SKIPPED,
    }
    assert len(ended) == 4
    said = {each.name: each.log.read_text() for each in ended}
    assert f"said by {tmp_path / 'round/round.json'}" in said["quick"]
    assert "ZeroDivisionError: said by the session" in said["failing"]
    assert all(each.log.parent == tmp_path / "round" for each in ended)


def test_a_session_that_does_not_exist_has_failed(run):
    (ended,) = run("nowhere")
    assert ended.result is Result.FAILED


def test_a_result_comes_as_soon_as_its_session_ends_and_closing_ends_the_others(run, tmp_path):
    results = run("endless", "quick")
    assert next(results).name == "quick"
    deadline = time.monotonic() + 30
    while not any("time.sleep(600)" in line for line in alive_in(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    results.close()
    assert alive_in(tmp_path) == []
    assert psutil.Process(os.getpid()).children(recursive=True) == []


@pytest.mark.parametrize(
    ("jobs", "exclusive", "together"), [(1, (), 1), (2, (), 2), (3, (), 3), (3, ("one", "two", "three"), 1)]
)
def test_so_many_run_at_the_same_time(run, tmp_path, jobs, exclusive, together):
    assert len(list(run("one", "two", "three", jobs=jobs, exclusive=exclusive))) == 3
    times = [tuple(map(float, path.read_text().split())) for path in tmp_path.glob("*.times")]
    most = max(sum(began <= at < ended for began, ended in times) for at, _ in times)
    assert most <= together
    if together == 1:
        assert most == 1


def test_no_session_is_no_work(run):
    assert list(run()) == []
