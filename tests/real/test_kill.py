"""Killed at any moment, a run loses nothing that was recorded, and the next one goes on from there."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time

from project import CNN, CUSTOM_LAYER, RealProject, alive_in, kill_tree, matrix_text

SEED = 20261123
KILLS_WHILE_INSTALLING = 3
KILLS_WHILE_RUNNING = 7
END_OF_ALL_S = 10.0


def test_killed_ten_times_nothing_is_lost_and_the_last_run_completes(tmp_path):
    # Environments of its own, so that a kill can hit their installation as well.
    project = RealProject(tmp_path / "project", tmp_path / "nox").create()
    project.matrix(matrix_text("2.7.4", "2.15", rest="[settings.default]\n" + CNN + CUSTOM_LAYER))
    moments = random.Random(SEED)

    for _ in range(KILLS_WHILE_INSTALLING):
        _run_and_kill(project, moments.uniform(1.0, 8.0))
    assert project.nox("-s", "matrix").status == 0
    complete = project.recordings()
    assert len(complete) == 4

    whole = project.nox("-s", "matrix", "--", "--fresh").seconds
    hit = []
    for number in range(KILLS_WHILE_RUNNING):
        for path in list(complete)[:number]:
            path.unlink(missing_ok=True)  # nothing loses what a run has not come to
        moment = whole * (number + moments.random()) / KILLS_WHILE_RUNNING
        hit.append(_run_and_kill(project, moment, "--", "--fresh"))
    assert sum(hit) >= KILLS_WHILE_RUNNING - 2, "kills after the end of a run prove nothing"

    last = project.nox("-s", "matrix")
    assert last.status == 0
    assert set(project.recordings()) == set(complete)
    assert {row.outcome for row in project.report().cells} == {"recorded"}
    assert project.nox("-s", "matrix").sessions == {"matrix": "success"}
    assert not alive_in(project.root)


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
