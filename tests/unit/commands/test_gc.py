"""What nothing needs is listed and deleted; what matrices, runs, cases or time need stays."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from recordings import output, stored
from savedmodel_matrix.commands.gc import collect_garbage
from savedmodel_matrix.domain.errors import MachineError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Request
from savedmodel_matrix.execution.round_file import RoundFile, write_round
from savedmodel_matrix.measurements import work
from savedmodel_matrix.store.runs import Run, RunCell, write_run

DAY = 24 * 3600.0


def age(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))


@pytest.fixture
def array(project):
    def made(value):
        return stored(project.results.objects, np.full(1000, value, "f4"))

    return made


@pytest.fixture
def old(project, record, array):
    """Record something long ago that no matrix needs; return its recording and its array."""

    def made(key, value, environment="tf2.1.0-py3.7-cpu", case="gone"):
        entry = array(value)
        identity = {"environment": environment, "case": case}
        record(key * 64, identity=identity, outputs=[output(entry)])
        recording = project.results.recording_path(key * 64)
        (name,) = entry.objects
        found = project.results.objects / name[:2] / f"{name}.npy"
        for path in (recording, found):
            age(path, 30)
        return recording, found

    return made


@pytest.fixture
def present(project, plan, install, record, key_in, array):
    """Record all that the matrix needs, long ago; return every file."""
    installed = {name: install(environment) for name, environment in plan.environments.items()}
    for job in work(plan):
        key = key_in(plan, job, installed[job.cell.environment])
        record(key, outputs=[output(array(1))])
    (default,) = stored(project.results.objects, np.arange(8, dtype="f4")).objects  # what it has otherwise
    (project.results.objects / default[:2] / f"{default}.npy").unlink()
    files = [*project.results.root.glob("recordings/*/*.json"), *project.results.objects.glob("*/*.npy")]
    for path in files:
        age(path, 30)
    return files


def run_file(project, run, key, matrix="default"):
    cell = RunCell(
        environment="e",
        setting="default",
        case="gone",
        outcome=Outcome.RECORDED,
        reason=None,
        recording=key * 64,
    )
    write_run(
        project.results,
        Run(run=run, matrix=matrix, question="matrix", number=1, baseline="e/default", cells=(cell,)),
    )


def test_it_is_listed_and_nothing_is_deleted_unless_asked(project, present, old, capsys):
    files = old("a", 5)
    collect_garbage(project, keep=20, days=7, delete=False)
    assert "would delete 1 recording, 1 array: 0.0 MB; add --delete" in capsys.readouterr().out
    assert all(path.exists() for path in files)


def test_what_nothing_needs_goes_and_the_rest_stays(project, present, old, capsys):
    files = old("a", 5)
    collect_garbage(project, keep=20, days=7, delete=True)
    assert "deleted 1 recording, 1 array" in capsys.readouterr().out
    assert not any(path.exists() for path in files)
    assert all(path.exists() for path in present)
    collect_garbage(project, keep=20, days=7, delete=True)
    assert "nothing to delete" in capsys.readouterr().out


def test_an_array_that_another_recording_has_as_well_stays(project, present, old, record, array):
    recording, found = old("a", 1)
    collect_garbage(project, keep=20, days=7, delete=True)
    assert not recording.exists()
    assert found.exists(), "the matrix's recordings have the same array"


def test_what_is_young_stays(project, present, old):
    recording, found = old("a", 5)
    age(recording, 3)
    collect_garbage(project, keep=20, days=7, delete=True)
    assert recording.exists()
    assert found.exists(), "a recording that stays keeps its arrays"


def test_recent_runs_keep_what_they_name_and_what_belongs_to_it(project, present, old):
    named, beside, other = old("a", 5), old("b", 6), old("c", 7, case="another")
    run_file(project, "20260101T000000Z-aaaaaa", "a")
    collect_garbage(project, keep=1, days=7, delete=True)
    assert all(path.exists() for path in (*named, *beside)), "such as the noise floor of the same case"
    assert not any(path.exists() for path in other)


def test_older_runs_keep_nothing_and_stay_themselves(project, present, old):
    files = old("a", 5)
    run_file(project, "20260101T000000Z-aaaaaa", "a")
    run_file(project, "20260102T000000Z-bbbbbb", "b")
    collect_garbage(project, keep=1, days=7, delete=True)
    assert not any(path.exists() for path in files)
    assert len(list((project.results.root / "runs").glob("*.json"))) == 2


def test_damaged_files_and_re_exports_of_nothing_go(project, present, old):
    folder = project.results.re_exports / "0123" / "model"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"x" * 100)
    damaged = project.results.objects / "ab" / "abcd.damaged"
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_bytes(b"x")
    for path in (folder.parent, damaged):
        age(path, 30)
    collect_garbage(project, keep=1, days=7, delete=True)
    assert not folder.parent.exists()
    assert not damaged.exists()


def test_nothing_is_deleted_beside_a_run(project, present, old):
    files = old("a", 5)
    path = project.results.logs / "20260101T000000Z-aaaaaa-default" / "matrix-1" / "round.json"
    file = RoundFile(
        run="20260101T000000Z-aaaaaa",
        matrix="default",
        request=Request(),
        question="matrix",
        number=1,
        environments=(),
        parent=os.getpid(),
    )
    write_round(path, file)
    with pytest.raises(MachineError, match="in progress"):
        collect_garbage(project, keep=1, days=7, delete=True)
    assert all(each.exists() for each in files)
    age(path, 3000)  # the process with this id is another one, started later
    collect_garbage(project, keep=1, days=7, delete=True)
    assert not any(each.exists() for each in files)
