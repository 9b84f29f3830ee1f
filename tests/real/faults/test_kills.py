"""SIGKILL to one process of a run at a random moment: the next run yields what an undisturbed run yields."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal
import threading
import time

import psutil
import pytest
from faulty_project import recorded
from project import alive_in, kill_tree

SEED = 20261201
KIND = "kills"
BATCHES = 20  # 100 kills
ENVIRONMENTS = "tf2.[12]*"  # two of three
#: The processes that are killed, one run each, and how long they may have lived until then, in seconds.
VICTIMS = {"nox": 8.0, "session": 8.0, "probe": 2.0, "importer": 2.0, "child": 0.3}
STARTED_S = 60.0
ENDED_S = 240.0
PROBE = "savedmodel_matrix/probe"


def _processes(root, role):
    """Return the running processes of a run that have a role in it."""
    found = []
    with contextlib.suppress(psutil.Error):
        everyone = root.children(recursive=True)
        # The outermost probe forks the one that imports TensorFlow, and that one a child per case.
        above = {each: sum(map(_is_probe, each.parents())) for each in everyone if _is_probe(each)}
        found = {
            "nox": [root],
            "session": root.children(),
            "probe": [each for each, number in above.items() if number == 0],
            "importer": [each for each, number in above.items() if number == 1],
            "child": [each for each, number in above.items() if number > 1],
        }[role]
    return found


def _is_probe(process):
    with contextlib.suppress(psutil.Error):
        return any(word.endswith(PROBE) for word in process.cmdline())
    return False


def _run_and_kill(project, victim, moments):
    """Start a run and kill one process of the given role; return status, output, and whether it was there."""
    command = project.nox_command("-s", "matrix", "--", "--fresh", "--jobs", "2", "--only", ENVIRONMENTS)
    said = []
    with project.start(*command) as process:
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
        reader.start()
        root, deadline = psutil.Process(process.pid), time.monotonic() + STARTED_S
        hit = False
        while not hit and process.poll() is None and time.monotonic() < deadline:
            if there := _processes(root, victim):
                time.sleep(moments.random() * VICTIMS[victim])
                with contextlib.suppress(ProcessLookupError):
                    os.kill(moments.choice(there).pid, signal.SIGKILL)
                    hit = True
        try:
            process.wait(timeout=ENDED_S)
        except BaseException:
            kill_tree(process.pid)
            raise
        reader.join()
    return process.returncode, said[0].decode(errors="replace"), hit


@pytest.mark.fault(
    KIND, f"SIGKILL to {len(VICTIMS)} processes in turn", "one run yields what an undisturbed one does"
)
@pytest.mark.parametrize(
    "number", [pytest.param(number, marks=[pytest.mark.whole] if number else []) for number in range(BATCHES)]
)
def test_killed(faulty, seen, number):
    before = recorded(faulty)
    verdicts = [(row.cell, row.case, row.outcome, row.class_, row.verdict) for row in faulty.report().cells]
    moments = random.Random(SEED + number)
    hits = collections.Counter()
    for victim in VICTIMS:
        status, output, hit = _run_and_kill(faulty, victim, moments)
        hits[victim] += hit
        assert "Traceback (most recent call last)" not in output, output
        assert status != 1, output
        deadline = time.monotonic() + STARTED_S
        while left := alive_in(faulty.root):
            assert time.monotonic() < deadline, f"still running: {left}"
            time.sleep(0.05)
    assert sum(hits.values()) >= len(VICTIMS) - 1, "a kill after the end proves nothing"
    run = faulty.nox("-s", "matrix")
    after = recorded(faulty)
    assert after == before
    assert [
        (row.cell, row.case, row.outcome, row.class_, row.verdict) for row in faulty.report().cells
    ] == verdicts
    assert not faulty.nox("-s", "matrix").environments, "nothing was left to run"
    seen(f"{', '.join(f'{count} × {role}' for role, count in sorted(hits.items()))}; status {run.status}")
