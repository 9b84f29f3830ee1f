from __future__ import annotations

import pytest
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.locks.lock import read_lock
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.execution.pending import current_installation, pending
from savedmodel_matrix.planning.besides import besides

EVERYTHING = Selection()


@pytest.fixture
def recorded(plan, install, record, key_in):
    """Everything of the plan recorded; keys by environment, setting and case."""
    keys = {}
    for name, environment in plan.environments.items():
        installed = install(environment)
        for job in plan.jobs(name):
            key = key_in(plan, job, installed)
            record(key)
            keys[name, job.cell.setting, job.case] = key
    assert len(set(keys.values())) == 8
    return keys


def left(project, plan, selection=EVERYTHING):
    return [(job.cell.environment, job.cell.setting, job.case) for job in pending(project, plan, selection)]


def test_at_first_everything_is_pending(project, plan):
    assert pending(project, plan, EVERYTHING) == list(plan.jobs())


def test_what_is_recorded_is_not_run_again(project, plan, recorded):
    assert left(project, plan) == []


def test_unless_it_is_asked_for(project, plan, recorded):
    assert left(project, plan, Selection(fresh=True)) == list(recorded)
    asked = Selection(cells=("*/onednn-off",), cases=("two",), fresh=True)
    assert left(project, plan, asked) == [key for key in recorded if key[1:] == ("onednn-off", "two")]


def test_only_what_is_missing_or_damaged_is_pending(project, plan, recorded):
    missing, damaged, *_ = recorded
    project.results.recording_path(recorded[missing]).unlink()
    project.results.recording_path(recorded[damaged]).write_text("{")
    assert left(project, plan) == [missing, damaged]
    assert left(project, plan, Selection(cases=(missing[2],))) == [missing]


@pytest.mark.parametrize(
    ("outcome", "again"), [("crashed", True), ("timed-out", True), ("load-failed", False)]
)
def test_what_may_go_better_next_time_is_pending(project, plan, recorded, record, outcome, again):
    record(recorded[(first := next(iter(recorded)))], outcome)
    assert left(project, plan) == ([first] if again else [])


def test_changed_inputs_make_their_case_pending(project, plan, recorded):
    (project.root / "two.npz").write_bytes((project.root / "one.npz").read_bytes())
    assert left(project, plan) == [key for key in recorded if key[2] == "two"]


def test_a_changed_lock_makes_its_environment_pending(project, plan, recorded, write_lock):
    name, environment = next(iter(plan.environments.items()))
    write_lock(environment, version="2.0")
    assert left(project, plan) == [key for key in recorded if key[0] == name]
    assert current_installation(project, environment, plan) is None


@pytest.mark.parametrize("damage", ["removed", "garbled", "of another definition"])
def test_without_a_usable_lock_nothing_counts_as_installed(project, plan, install, damage):
    first, second = plan.environments.values()
    assert current_installation(project, first, plan) is None
    assert install(first) == current_installation(project, first, plan)
    path = project.lock_path(first)
    if damage == "removed":
        path.unlink()
    elif damage == "garbled":
        path.write_text("numpy==1.0")
    else:
        install(second)
        path.write_bytes(project.lock_path(second).read_bytes())
    assert current_installation(project, first, plan) is None


def test_after_a_fault_an_environment_is_looked_at_again(project, plan, install):
    environment = next(iter(plan.environments.values()))
    installed = install(environment)
    state = EnvironmentState(environment=environment.id, run="run", installed=installed, fault="Traceback")
    write_state(project.results, state)
    assert current_installation(project, environment, plan) is None


def test_environments_beside_are_part_of_what_has_to_be_installed(project, staged, install, write_lock):
    (project.root / "pipeline.py").write_text("# /// script\n# dependencies = ['pillow>=9']\n# ///\n")
    environment = staged.environments[staged.baseline.environment]
    (beside,) = besides(project, staged, environment)
    home = install(environment)
    assert {job.cell for job in pending(project, staged, EVERYTHING)} >= {staged.baseline}
    assert current_installation(project, environment, staged) is None
    there = Installed(lock=read_lock(write_lock(beside)).digest, interpreter="3.10.1")
    whole = home.model_copy(update={"besides": {beside.id: there}})
    write_state(project.results, EnvironmentState(environment=environment.id, run="run", installed=whole))
    assert current_installation(project, environment, staged) == whole
