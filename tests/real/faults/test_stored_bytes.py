"""Stored arrays whose bytes are no longer those that were written."""

from __future__ import annotations

import random

import pytest

SEED = 20261129
KIND = "stored bytes"


def _verdicts(project):
    return [(row.cell, row.case, row.outcome, row.class_, row.verdict) for row in project.report().cells]


def _damage(content, how, moments):
    if how == "one bit":
        content[moments.randrange(128, len(content))] ^= 1 << moments.randrange(8)
    elif how == "zeros":
        content[:] = bytes(len(content))
    elif how == "cut":
        del content[len(content) // 2 :]
    else:
        del content[:]


@pytest.mark.fault(KIND, "every array damaged", "set aside, run again, the same verdicts")
@pytest.mark.parametrize("how", ["one bit", "zeros", "cut", "empty"])
def test_arrays(faulty, seen, how):
    before = _verdicts(faulty)
    moments = random.Random(SEED)
    arrays = sorted((faulty.results / "objects").rglob("*.npy"))
    for path in arrays:
        content = bytearray(path.read_bytes())
        _damage(content, how, moments)
        path.write_bytes(content)
    (faulty.results / "latest/report.json").unlink()
    run = faulty.nox("-s", "matrix")
    assert _verdicts(faulty) == before
    seen(f"{len(arrays)} arrays damaged; status {run.status}; verdicts as before")
