"""Thousands of broken SavedModels through ``inspect``: described or refused, in bounded time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutant_worker import MOST_MEMORY, MOST_SECONDS
from project import REPOSITORY

KIND = "models"
SEED = "models"
BASES = [REPOSITORY / "examples/models" / name for name in ("cnn", "rnn", "custom_layer", "article")]
AT_ONCE = 250
BATCHES = 40  # 10,000 mutants
REFUSED = 2
#: A screenful for each of a model's graphs, signatures and releases; far less than a log that nobody reads.
MOST_PRINTED = 4 << 20


@pytest.mark.fault(KIND, f"{AT_ONCE} mutated models through inspect", "described, or refused in one line")
@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.whole) for number in range(1, BATCHES))]
)
def test_mutants(tmp_path, seen, number):
    worker = Path(__file__).with_name("mutant_worker.py")
    command = [sys.executable, worker, SEED, str(number * AT_ONCE), str(AT_ONCE), tmp_path, *BASES]
    path = os.pathsep.join([str(REPOSITORY / "harness"), str(worker.parent)])
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(found) == AT_ONCE
    wrong = [
        (each["mutant"], each["done"], each["status"], each["seconds"], each["said"][-300:])
        for each in found
        if each["status"] not in (0, REFUSED)
        or each["traceback"]
        or each["escapes"]
        or each["seconds"] > MOST_SECONDS
        or each["memory"] > MOST_MEMORY
        or each["printed"] > MOST_PRINTED
    ]
    assert not wrong
    refused = [each for each in found if each["status"] == REFUSED]
    assert all(each["lines"] == 1 for each in refused), "one line says what is wrong"
    slowest, largest = max(each["seconds"] for each in found), max(each["memory"] for each in found)
    seen(f"{len(refused)} refused; at most {slowest:.1f} s, {largest >> 20} MiB")
