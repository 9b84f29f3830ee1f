from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.definition import Definition
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.measurements import work
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.planning.expand import expand
from savedmodel_matrix.planning.workspace import Workspace

EVERYTHING = Selection()
OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


@pytest.fixture(autouse=True)
def interpreters(monkeypatch):
    """Minors that are on this machine."""
    found = {"3.8", "3.10"}
    monkeypatch.setattr(
        "savedmodel_matrix.evidence.collect.find_interpreter",
        lambda minor: f"/python{minor}" if minor in found else None,
    )
    return found


def state_of(environment, **fields):
    return EnvironmentState(environment=environment, run="run", **fields)


def rows_of(project, plan, selection=EVERYTHING):
    rows = collect(project, plan, selection).rows
    return {(row.cell.environment, row.cell.setting, row.case): row for row in rows}


def test_nothing_made_yet(project, plan):
    rows = rows_of(project, plan)
    assert len(rows) == 8
    assert {row.outcome for row in rows.values()} == {Outcome.SKIPPED}
    assert {row.reason for row in rows.values()} == {
        "its environment has not been created on this machine yet"
    }
    assert all(row.required for row in rows.values())


def test_an_interpreter_that_is_missing_is_unavailable_and_says_what_to_do(project, plan, interpreters):
    interpreters.remove("3.8")
    rows = rows_of(project, plan)
    missing = [row for row in rows.values() if row.cell.environment == OLD]
    assert {row.outcome for row in missing} == {Outcome.UNAVAILABLE}
    assert "pyenv install 3.8" in missing[0].reason
    assert {row.outcome for row in rows.values() if row not in missing} == {Outcome.SKIPPED}


def test_recordings_and_what_has_none(project, plan, install, record, key_in):
    installed = install(plan.environments[NEW])
    jobs = [job for job in plan.jobs(NEW) if job.cell.setting == "default"]
    for job, outcome in zip(jobs, ["recorded", "load-failed"], strict=True):
        record(key_in(plan, job, installed), outcome)
    rows = rows_of(project, plan)
    one, two = rows[NEW, "default", "one"], rows[NEW, "default", "two"]
    assert (one.outcome, one.reason, one.required) == (Outcome.RECORDED, None, True)
    assert one.recording.outputs[0].name == "y"
    assert (two.outcome, two.reason, two.required) == (Outcome.LOAD_FAILED, "because", True)
    rest = [row for row in rows.values() if row not in (one, two)]
    assert {row.outcome for row in rest} == {Outcome.SKIPPED}
    assert {row.recording for row in rest} == {None}


def test_the_packages_of_every_lock_there_is(project, plan, write_lock):
    write_lock(plan.environments[NEW], "1.5")
    assert collect(project, plan, EVERYTHING).locked == {NEW: {"some-package": "1.5"}}


def test_a_failed_installation_is_the_outcome_of_all_its_cells(project, plan):
    write_state(project.results, state_of(OLD, outcome=Outcome.INSTALL_FAILED, reason="no space left"))
    rows = rows_of(project, plan)
    failed = [row for row in rows.values() if row.outcome is Outcome.INSTALL_FAILED]
    assert {(row.cell.environment, row.reason) for row in failed} == {(OLD, "no space left")}
    assert len(failed) == 4


def test_a_fault_of_the_harness_is_no_outcome_of_tensorflow(project, plan):
    write_state(project.results, state_of(OLD, fault="Traceback"))
    collected = collect(project, plan, EVERYTHING)
    rows = [row for row in collected.rows if row.cell.environment == OLD]
    assert {row.outcome for row in rows} == {Outcome.SKIPPED}
    assert "harness itself failed" in rows[0].reason
    assert collected.states[OLD].fault == "Traceback"


def test_a_case_that_cannot_be_made_ready_leaves_the_others_alone(project, plan, install, record, key_in):
    installed = install(plan.environments[NEW])
    job = next(job for job in plan.jobs(NEW) if job.case == "two")
    record(key_in(plan, job, installed))
    broken = {**plan.cases, "one": plan.cases["one"].model_copy(update={"path": "nowhere"})}
    plan.__dict__["cases"] = broken
    collected = collect(project, plan, EVERYTHING)
    assert "nowhere" in collected.ready["one"]
    rows = {(row.cell, row.case): row for row in collected.rows}
    assert "could not be prepared" in rows[job.cell, "one"].reason
    assert rows[job.cell, "two"].outcome is Outcome.RECORDED


def test_outside_a_partial_selection_nothing_is_required(project, plan, install, record, key_in):
    installed = install(plan.environments[NEW])
    job = next(plan.jobs(NEW))
    record(key_in(plan, job, installed))
    rows = rows_of(project, plan, Selection(cells=("*/onednn-off",), cases=("two",)))
    assert {key for key, row in rows.items() if row.required} == {
        (OLD, "onednn-off", "two"),
        (NEW, "onednn-off", "two"),
        (NEW, "default", "one"),  # was recorded before, so it counts
    }


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True)
GLOBS = st.sampled_from(["*", "tf2.7*", "tf2.9*", "*py3.10*", "*/a", "*/b", "tf2.9*/c", "tf1*"])
EXCLUDES = st.lists(
    st.fixed_dictionaries(
        {"cells": GLOBS, "cases": st.sampled_from(["*", "a", "[bc]"]), "reason": st.just("why")}
    ),
    max_size=3,
)
STATES = st.sampled_from(["none", "installed", "failed", "fault"])


@given(
    tensorflow=st.lists(st.sampled_from(["2.7.4", "2.9.3", "2.9"]), min_size=1, max_size=3),
    python=st.lists(st.sampled_from(["auto", "3.8", "3.10"]), min_size=1, max_size=2),
    settings=NAMES,
    cases=NAMES,
    exclude=EXCLUDES,
    include=st.booleans(),
    selected=GLOBS,
    state=STATES,
)
def test_every_cell_and_case_has_exactly_one_outcome(
    tensorflow, python, settings, cases, exclude, include, selected, state
):
    from savedmodel_matrix.knowledge.releases import ReleaseTable

    definition = Definition.model_validate(
        {
            "baseline": "tf2.9.3-py3.10-cpu/" + settings[0],
            "environments": [
                {"tensorflow": tensorflow, "python": python},
                {"tensorflow": "2.9.3", "python": "3.10"},
            ],
            "settings": {name: {} for name in settings},
            "cases": {name: {"path": "nowhere"} for name in cases},
            "exclude": exclude,
            "include": [{"tensorflow": "2.7.4", "reason": "why"}] if include else [],
        }
    )
    plan = expand(definition, "m", ReleaseTable.load(), "linux-x86_64")
    with tempfile.TemporaryDirectory() as folder:
        project = Workspace(Path(folder))
        made = {
            "installed": {"installed": Installed(lock="lock", interpreter="3.10.1")},
            "failed": {"outcome": Outcome.INSTALL_FAILED, "reason": "why"},
            "fault": {"fault": "Traceback"},
        }
        if state in made:
            write_state(project.results, state_of(NEW, **made[state]))
        with mock.patch("savedmodel_matrix.evidence.collect.find_interpreter", return_value=None):
            rows = collect(project, plan, Selection(cells=(selected,))).rows
    found = [(row.cell, row.case) for row in rows]
    assert found == [(cell, case) for cell in plan.cells() for case in plan.cases]
    assert set(found) == set(product((CellId(e, s) for e in plan.environments for s in settings), cases))
    jobs = {(job.cell, job.case) for job in plan.jobs()}
    for row in rows:
        assert row.reason
        assert isinstance(row.outcome, Outcome)
        if row.cell.environment in plan.unavailable:
            assert (row.outcome, row.required) == (Outcome.UNAVAILABLE, False)
        elif (row.cell, row.case) in plan.excluded:
            assert (row.outcome, row.reason, row.required) == (Outcome.SKIPPED, "excluded: why", False)
        else:
            assert (row.cell, row.case) in jobs
            assert row.required is row.cell.matches(selected)


def check_jobs(plan, environment=None):
    return [job for job in work(plan, environment) if job.measurement == CheckMeasurement.name]


def test_checks_are_collected_and_asked_for_only_where_they_are_selected(
    project, plan, install, record, key_in
):
    asking = {name: case.model_copy(update={"checks": [Check.LEAK]}) for name, case in plan.cases.items()}
    plan.__dict__["cases"] = asking
    installed = install(plan.environments[NEW])
    job = next(job for job in check_jobs(plan, NEW) if job.case == "one")
    record(key_in(plan, job, installed), measured={"loads": [1, 2], "calls": [3], "calls_each": 10})
    found = collect(project, plan, Selection(cases=("two",))).checks
    assert len(found) == len(check_jobs(plan)) == 8
    recorded = found.pop((job.cell, "one", Check.LEAK))
    assert recorded.recording is not None
    assert (recorded.part.loads, recorded.part.calls) == ((1, 2), (3,))
    assert recorded.required
    assert {(case, each.required) for (_, case, _), each in found.items()} == {("one", False), ("two", True)}
    assert all(each.recording is None for each in found.values())


def test_a_recording_that_does_not_fit_its_measurement_is_none(project, plan, install, record, key_in):
    asking = {name: case.model_copy(update={"checks": [Check.LEAK]}) for name, case in plan.cases.items()}
    plan.__dict__["cases"] = asking
    job = check_jobs(plan, NEW)[0]
    record(key_in(plan, job, install(plan.environments[NEW])), measured={"loads": "many"})
    found = collect(project, plan, EVERYTHING)
    assert found.checks[job.cell, job.case, Check.LEAK].recording is None
    assert found.read == frozenset()


def test_equal_parts_of_recordings_are_held_once(project, plan, install, record, key_in):
    said = {"one": {"python": "3.8.1"}, "two": {"python": "3.8.1", "numpy": None}}
    for name, environment in plan.environments.items():
        installed = install(environment)
        for job in plan.jobs(name):
            record(key_in(plan, job, installed), effective=said[job.case] if name == OLD else {})
    rows = {
        (row.cell.environment, row.cell.setting, row.case): row.recording
        for row in collect(project, plan, EVERYTHING).rows
    }
    assert len({id(recording.outputs) for recording in rows.values()}) == 1
    new = [recording for (name, setting, _), recording in rows.items() if (name, setting) == (NEW, "default")]
    assert len({id(recording.effective) for recording in new}) == 1
    # What was not reported is not the same as what is not known.
    for (name, _, case), recording in rows.items():
        assert recording.effective.model_dump() == (said[case] if name == OLD else {})
