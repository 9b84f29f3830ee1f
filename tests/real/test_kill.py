"""Killed at any moment, a run loses nothing that was recorded, and the next one goes on from there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import threading
import time

import psutil
import pytest
from project import CUSTOM_LAYER, RealProject, alive_in, kill_tree, matrix_text

SEED = 20261123
KILLS_WHILE_INSTALLING = 3
KILLS_WHILE_RUNNING = 7
START_OF_ALL_S = 60.0
END_OF_ALL_S = 30.0  # far more than it takes, on a machine that has other work too
BOUND_AFTER_S = 0.5
TWO_CELLS = "tf2.[12]*/default"  # in two environments, which run at the same time


def test_killed_while_it_makes_an_environment(tmp_path):
    # Environments of its own: there is nothing in them yet.
    project = RealProject(tmp_path / "project", tmp_path / "nox").create()
    project.matrix(matrix_text("2.7.4", rest="[settings.default]\n" + CUSTOM_LAYER))
    moments = random.Random(SEED)
    for _ in range(KILLS_WHILE_INSTALLING):
        _run_and_kill(project, moments.uniform(1.0, 6.0))
    assert project.nox("-s", "matrix").status == 0
    assert len(project.recordings()) == 3, "the case, its noise floor, and its run with other threads"


def test_killed_while_it_runs(recorded, tmp_path):
    project = recorded.project.copied_to(tmp_path / "project")
    complete = project.recordings()
    # A model that was saved again is there, whatever is known of the saving: that one is not made again.
    deleted = [
        path for path in complete if json.loads(path.read_text())["identity"]["measurement"] != "re-export"
    ]
    arguments = ("--", "--fresh", "--only", TWO_CELLS)
    whole = project.nox("-s", "matrix", *arguments).seconds
    moments = random.Random(SEED)
    running = 0
    for number in range(KILLS_WHILE_RUNNING):
        for path in deleted[:number]:
            path.unlink(missing_ok=True)  # some are there and are made again, some are not there yet
        moment = whole * (number + moments.random()) / KILLS_WHILE_RUNNING
        running += _run_and_kill(project, moment, *arguments)
    assert running >= KILLS_WHILE_RUNNING - 2, "a kill after the end proves nothing"

    assert project.nox("-s", "matrix").status == recorded.run.status
    assert set(project.recordings()) == set(complete)
    assert project.report().classes == recorded.project.report().classes
    assert project.nox("-s", "matrix").environments == {}, "nothing was left to run"
    assert not alive_in(project.root)
    assert list(project.results.rglob(".*.tmp")) == [], "half-written files are removed"


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_what_ends_nox_ends_its_parallel_sessions_and_their_probes(recorded, tmp_path, number, status):
    project = recorded.project.copied_to(tmp_path / "project")
    command = project.nox_command("-s", "matrix", "--", "--jobs", "2", "--fresh", "--only", TWO_CELLS)
    with project.start(*command) as process:
        said = []
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
        reader.start()
        _wait_until(lambda: len(_probes(process.pid)) == 2)
        before = project.recordings()
        os.kill(process.pid, number)
        process.wait(timeout=END_OF_ALL_S)
        reader.join()
        assert process.returncode == status, said
    _wait_for_nothing_left(project)
    assert project.recordings() == before, "something went on recording"
    _assert_whole(project)
    assert project.nox("-s", "matrix").status == 4


def _probes(pid):
    """Return the probes among the descendants of a process that have bound themselves to their starter.

    They do it as their first act; importing TensorFlow, before which nothing is recorded, takes longer. The
    processes that a probe starts are not counted.
    """
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            bound = time.time() - process.create_time() > BOUND_AFTER_S
            if bound and _is_probe(process) and not _is_probe(process.parent()):
                found.append(process)
    return found


def _is_probe(process):
    return any(word.endswith("savedmodel_matrix/probe") for word in process.cmdline())


def _wait_until(condition):
    deadline = time.monotonic() + START_OF_ALL_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _run_and_kill(project, moment, *arguments):
    """Run and kill all of it; hold what is left to its promises, and return whether it was still running."""
    before = project.recordings()
    with project.start(*project.nox_command("-s", "matrix", *arguments)) as process:
        # Read, or a full pipe would hold the run back.
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        time.sleep(moment)
        running = process.poll() is None
        kill_tree(process.pid)
        reader.join()
    _wait_for_nothing_left(project)
    assert set(before) <= set(project.recordings()), "a recording that was there is gone"
    _assert_whole(project)
    return running


def _wait_for_nothing_left(project):
    deadline = time.monotonic() + END_OF_ALL_S
    while left := alive_in(project.root):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def _assert_whole(project):
    """Assert that whatever has the name of a whole file is one: only ``*.tmp`` may be half written."""
    for path in project.results.rglob("*.json"):
        json.loads(path.read_text())
    for path in project.results.rglob("*.npy"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    for path in project.recordings():
        recording = json.loads(path.read_text())
        assert recording["key"] == path.stem
        for output in recording["outputs"]:
            for digest in output["array"]["objects"]:
                assert (project.results / "objects" / digest[:2] / f"{digest}.npy").exists()
