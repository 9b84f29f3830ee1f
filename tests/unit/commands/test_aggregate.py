"""The end of a run, on recordings made by hand: reports, run files with verdicts, and damage."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import output, stored
from savedmodel_matrix.commands.aggregate import aggregate, is_reported
from savedmodel_matrix.domain.errors import DamagedError
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.measurements import work
from savedmodel_matrix.probe import arrays
from savedmodel_matrix.report.document import Report
from savedmodel_matrix.store.atomic import read_stored
from savedmodel_matrix.store.runs import Run

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


@pytest.fixture
def filled(project, plan, install, record, key_in):
    """Every cell recorded: the old release gives case ``one`` another output than the baseline."""
    installed = {name: install(environment) for name, environment in plan.environments.items()}
    for job in work(plan):
        differs = job.cell.environment == OLD and job.case == "one"
        value = np.arange(8, dtype="f4") + np.float32(differs)
        array = stored(project.results.objects, value)
        record(key_in(plan, job, installed[job.cell.environment]), outputs=[output(array)])
    return plan


def report_of(project):
    return Report.model_validate_json((project.results.latest / "report.json").read_bytes())


def test_reports_and_a_run_file_with_verdicts_are_written(project, filled, capsys):
    status = aggregate(project, filled, Selection(), "20260101T000000Z-abc123")
    assert status == 1
    assert "8 of 8 cells × cases recorded, 0 run now" in capsys.readouterr().out
    report = report_of(project)
    assert report.exit_status == 1
    assert sorted(path.name for path in project.results.latest.iterdir()) == [
        "checksums.json",
        "report.json",
        "report.md",
        "report.txt",
    ]
    (path,) = (project.results.root / "runs").glob("*.json")
    run = read_stored(path, Run)
    verdicts = {(cell.environment, cell.case): cell.verdict for cell in run.cells}
    assert verdicts == {
        (OLD, "one"): Verdict.DIVERGED,
        (OLD, "two"): Verdict.IDENTICAL,
        (NEW, "one"): Verdict.IDENTICAL,
        (NEW, "two"): Verdict.IDENTICAL,
    }
    assert run.exit_status == 1


def test_a_report_of_the_same_recordings_stands(project, filled, capsys):
    aggregate(project, filled, Selection(), "20260101T000000Z-abc123")
    before = report_of(project)
    assert is_reported(project, filled, collect(project, filled, Selection()), fixes=False)
    capsys.readouterr()
    assert aggregate(project, filled, Selection(), "20260102T000000Z-abc123") == 1
    assert "nothing changed, the reports are up to date" in capsys.readouterr().out
    assert report_of(project) == before


def test_verbose_prints_the_matrices_that_one_screen_leaves_out(project, filled, capsys):
    aggregate(project, filled, Selection(), "20260101T000000Z-abc123")
    short = capsys.readouterr().out
    aggregate(project, filled, Selection(), "20260101T000000Z-abc123", verbose=True)
    full = capsys.readouterr().out
    assert "Divergence matrix: one" in full
    assert "Divergence matrix" not in short


def test_damage_is_found_before_it_is_believed(project, filled, monkeypatch):
    objects = list(project.results.objects.rglob("*.npy"))
    for path in objects:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    monkeypatch.setattr(arrays, "_VERIFIED", set())
    with pytest.raises(
        DamagedError, match=r"damaged files in results/objects were set aside; run the matrix"
    ):
        aggregate(project, filled, Selection(), "20260101T000000Z-abc123")
    assert not (project.results.latest / "report.json").exists()
    # What was set aside is missing now, so that the next run records it again.
    assert aggregate(project, filled, Selection(), "20260102T000000Z-abc123") == 4
