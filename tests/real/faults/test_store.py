"""Seeded corruptions of every kind of stored file: nothing wrong is believed, and one run repairs all."""

from __future__ import annotations

import random
import sys

import pytest
from faulty_project import exported_again, of_models_but, recorded

SEED = 20261130
KIND = "store"
AT_ONCE = 40
BATCHES = 13  # 520 corruptions
#: Stored files by kind, as globs in ``results/``.
STORED = (
    "objects/*/*.npy",
    "recordings/*/*.json",
    "environments/*/*.json",
    "cases/*.json",
    "runs/*.json",
    "latest/*",
    "cache/*.json",
    "re-exports/*/model/saved_model.pb",
    "re-exports/*/model/variables/*",
    "re-exports/*/*.json",
)
UNFIT = (
    b'{"format": 1}',
    b'{"format": 2}',
    b'{"format": 2, "outputs": null}',
    b'{"format": 2, "outcome": "unknown"}',
    b'{"format": 2, "effective": {}}',
    b'{"format": 2, "objects": ["../../x"]}',
    b'{"format": ' + b"9" * 400 + b"}",
    b"[" * 20_000,
    b"NaN",
    b"[]",
)


def _verdicts(project):
    return {(row.cell, row.case): (row.outcome, row.class_, row.verdict) for row in project.report().cells}


def _corrupt(path, moments):
    content = bytearray(path.read_bytes())
    how = moments.choice(("bit", "zeros", "cut", "empty", "unfit", "swap"))
    if how == "bit" and content:
        content[moments.randrange(len(content))] ^= 1 << moments.randrange(8)
    elif how == "zeros":
        content[:] = bytes(len(content))
    elif how == "cut":
        del content[len(content) // 2 :]
    elif how == "empty":
        content.clear()
    elif how == "unfit":
        content[:] = moments.choice(UNFIT)
    else:
        content[:] = moments.choice(sorted(path.parents[1].rglob(f"*{path.suffix}"))).read_bytes()
    path.write_bytes(content)
    return f"{path.name[:12]} {how}"


@pytest.mark.fault(KIND, f"{AT_ONCE} files corrupted at once", "nothing wrong believed; one run repairs all")
@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.whole) for number in range(1, BATCHES))]
)
def test_corrupted(faulty, seen, number):
    before, held, exported = _verdicts(faulty), recorded(faulty), exported_again(faulty)
    moments = random.Random(SEED + number)
    done = []
    for _ in range(AT_ONCE):
        files = [path for path in sorted(faulty.results.glob(moments.choice(STORED))) if path.is_file()]
        path = moments.choice(files)
        done.append(_corrupt(path, moments))
    sys.stdout.write("\n".join(done) + "\n")  # pytest shows it where the test fails
    (faulty.results / "latest/report.json").unlink(missing_ok=True)
    alone = faulty.harness("report")
    if (faulty.results / "latest/report.json").exists():
        claimed = _verdicts(faulty)
        wrong = {at: found for at, found in claimed.items() if found[2] not in (None, before[at][2])}
        assert not wrong, "a corruption is believed"
    else:
        claimed = {}
        assert "set aside" in alone.output, "without a report, it says why"
    run = faulty.nox("-s", "matrix")
    assert _verdicts(faulty) == before
    replaced = exported ^ exported_again(faulty)
    assert of_models_but(replaced, recorded(faulty)) == of_models_but(replaced, held)
    assert not faulty.nox("-s", "matrix").environments, "nothing was left to run"
    kept = sum(found[2] is not None for found in claimed.values())
    seen(f"report: status {alone.status}, {kept} verdicts, all as before; run: status {run.status}, all back")
