"""What recorded stages call for, and what a failed one does to its case."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import output, stored
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.state import EnvironmentState, write_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.stages import given_by
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.stage import AGAIN
from savedmodel_matrix.planning.besides import besides

ALONE = "# /// script\n# dependencies = ['pillow>=9']\n# ///\n"


@pytest.fixture
def other(staged):
    return next(name for name in staged.environments if name != staged.baseline.environment)


@pytest.fixture
def recorded(project, staged, install, record, key_in):
    """Record every job, the stage's output by environment; return a function that collects."""
    installed = {name: install(environment) for name, environment in staged.environments.items()}

    def write(outcomes=None, values=None):
        for job in work(staged):
            name = job.cell.environment
            place = name, job.variant
            changes = {}
            if place in (values or {}):
                array = stored(project.results.objects, np.array([values[place]], "f4"))
                changes["outputs"] = [output(array)]
            outcome = (outcomes or {}).get(place, "recorded")
            record(key_in(staged, job, installed[name]), outcome, measured={"remarks": ["said"]}, **changes)
        return collect(project, staged, Selection())

    return write


def test_equal_inputs_call_for_no_swap(recorded):
    found = recorded()
    assert found.swaps == []
    assert all(each.part.remarks == ("said",) for each in found.stages)


def test_different_inputs_call_for_the_model_on_each_other_s(staged, recorded, other):
    found = recorded(values={(other, "serve"): 5}).swaps
    *models, again = found
    assert [(str(swap.job.cell), str(swap.job.given.cell)) for swap in models] == [
        (f"{other}/default", str(staged.baseline)),
        (str(staged.baseline), f"{other}/default"),
    ]
    assert {swap.job.measurement for swap in models} == {"swapped"}
    assert (again.job.cell, again.job.measurement, again.job.variant) == (
        staged.baseline,
        "stage",
        f"serve{AGAIN}",
    )
    assert all(swap.recording is None for swap in found)
    jobs = list(work(staged.asking([swap.job for swap in found])))
    assert jobs == [swap.job for swap in found], "and nothing else is run"


def test_training_s_pipeline_alone_calls_for_no_swap(recorded, other):
    assert recorded(values={(other, "train"): 5}).swaps == []


def test_what_the_baseline_s_pipeline_made_can_be_given(project, staged, recorded):
    found = recorded(values={(staged.baseline.environment, "serve"): 7})
    given = given_by(staged, "one", found.stages)
    (((part,),)) = (given.batches[0],)
    assert (given.cell, part.name, part.component) == (staged.baseline, "y", None)
    assert project.results.array(part.array).tolist() == [7]


@pytest.mark.parametrize(
    ("stage", "outcome"), [("postprocess", Outcome.RUN_FAILED), ("train", Outcome.RECORDED)]
)
def test_what_a_failed_stage_does_to_its_case(staged, recorded, stage, outcome):
    rows = recorded(outcomes={(staged.baseline.environment, stage): "run-failed"}).rows
    assert {row.outcome for row in rows if row.cell == staged.baseline} == {outcome}


def test_an_environment_beside_that_cannot_be_made_fails_its_cells(project, staged, install):
    (project.root / "pipeline.py").write_text(ALONE)
    environment = staged.environments[staged.baseline.environment]
    (beside,) = besides(project, staged, environment)
    for each in staged.environments.values():
        install(each)
    home = install(environment).model_copy(update={"besides": {beside.id: "no solution"}})
    state = EnvironmentState(environment=environment.id, run="run", installed=home)
    write_state(project.results, state)
    found = collect(project, staged, Selection())
    row = next(row for row in found.rows if row.cell == staged.baseline)
    assert (row.outcome, "no solution" in row.reason) == (Outcome.INSTALL_FAILED, True)
