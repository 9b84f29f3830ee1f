from __future__ import annotations

import json

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.probe.sealed import seal
from savedmodel_matrix.store.atomic import write_bytes, write_text
from savedmodel_matrix.store.results import Results
from savedmodel_matrix.store.runs import Run, RunCell, read_runs, run_path, write_run

CELL = RunCell(
    environment="e",
    setting="default",
    case="cnn",
    outcome="recorded",
    reason=None,
    recording="k",
    verdict="identical",
)


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def a_run(name, question="matrix", **changes):
    return Run(run=name, matrix="default", question=question, number=1, baseline="e/default", **changes)


def test_a_run_comes_back_as_it_was_written(results):
    run = a_run("20260101T000000Z-aa", cells=(CELL,), exit_status=0)
    write_run(results, run)
    assert list(read_runs(results)) == [run]
    assert run_path(results, run).name == "20260101T000000Z-aa-default.json"


def test_runs_come_newest_first_without_the_damaged(results):
    for name in ("20240101T000000Z-aa", "20250101T000000Z-bb", "20240601T000000Z-cc"):
        write_run(results, a_run(name))
    run_path(results, a_run("20260101T000000Z-dd")).write_text("{")
    write_text(run_path(results, a_run("20260101T000000Z-ee")), json.dumps({"format": 2, "run": "half"}))
    assert [run.run[:8] for run in read_runs(results)] == ["20250101", "20240601", "20240101"]


def test_each_round_has_a_file_of_its_own(results):
    write_run(results, a_run("r"))
    write_run(results, a_run("r", "fixes"))
    assert {path.name for path in (results.root / "runs").iterdir()} == {
        "r-default.json",
        "r-default-fixes-1.json",
    }


@pytest.mark.parametrize(
    ("format_", "advice"), [(1, "move the results folder away"), (3, "upgrade savedmodel-matrix")]
)
def test_other_formats_are_refused_with_advice(results, format_, advice):
    write_bytes(run_path(results, a_run("r")), seal(json.dumps({"format": format_, "run": "r"}), "Run"))
    with pytest.raises(StoreError, match=advice):
        list(read_runs(results))
