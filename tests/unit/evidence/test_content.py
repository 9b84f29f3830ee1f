"""The digest that decides whether a report still stands."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from recordings import THEN, output, ready_case, stored
from savedmodel_matrix.domain.definition import Expect, NoiseFloorDefinition, SettingDefinition
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.proposal import ProposedCell
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.state import EnvironmentState, Installed, write_state
from savedmodel_matrix.evidence import content
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.collected import Collected, Collection
from savedmodel_matrix.evidence.content import content_digest, program_digest
from savedmodel_matrix.measurements import work

TODAY = dt.date(2026, 11, 24)
#: What each kind records beside outputs; of checks, by name.
MEASURED = {
    "noise floor": {
        "replicates": 8,
        "seed": 0,
        "moved": {"inputs": 1, "variables": 1, "operations": 0},
        "outputs": [],
        "split": [],
        "unreached": [],
        "not_rounded": None,
        "anew": False,
        "power": {"seconds": 0.0, "weights": 0, "left_out": 0, "unused": 0, "tried": []},
        "no_power": None,
    },
    "leak": {"loads": [1], "calls": [1]},
}
EVERYTHING = """
baseline = "tf2.9.3-py3.10-cpu"

[[environments]]
tensorflow = ["2.7.4", "2.9.3"]

[cases.one]
path = "model"
inputs = [{ npz = "one.npz" }]
train = "pipeline.py:train"
serve = "pipeline.py:serve"
postprocess = "pipeline.py:after"
checks = ["leak", "fresh-process"]
"""

PROPOSED = ProposedCell(environment="e", setting="default", change={}, separates=[], cases=[])


@pytest.fixture(autouse=True)
def no_interpreters(monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.evidence.collect.find_interpreter", lambda _: None)


@pytest.fixture
def plan(project):
    (project.root / "matrices" / "default.toml").write_text(EVERYTHING, encoding="utf-8")
    (project.root / "pipeline.py").write_text("", encoding="utf-8")
    return project.plan("default")


@pytest.fixture
def digest(project, plan):
    return lambda: content_digest(plan, collect(project, plan, Selection()), TODAY)


@pytest.fixture
def recorded(project, plan, install, record, key_in):
    """Everything that the plan and then its pipelines call for, recorded; by key, how to record it again."""
    installed = {name: install(environment) for name, environment in plan.environments.items()}
    home = plan.baseline.environment
    made = {}

    def write(job):
        changes = {"measured": MEASURED.get(job.variant) or MEASURED.get(job.measurement)}
        if job.cell.environment != home and job.variant == "serve":
            changes["outputs"] = [output(stored(project.results.objects, np.array([5], "f4")))]
        key = key_in(plan, job, installed[job.cell.environment])
        made[key] = job, lambda **more: record(key, **changes, **more)
        record(key, **changes)

    for job in work(plan):
        write(job)
    for swap in collect(project, plan, Selection()).swaps:
        write(swap.job)
    for each in collect(project, plan, Selection()).elsewhere:
        if each.recording is None:
            write(each.job)
    return made


def test_every_recording_is_part_of_it(project, recorded, digest):
    kinds = {job.measurement for job, _ in recorded.values()}
    assert kinds == {
        "stage",
        "outputs",
        "trained",
        "swapped",
        "noise floor",
        "other threads",
        "check",
        "elsewhere",
    }
    before = digest()
    assert digest() == before
    for key, (job, again) in recorded.items():
        again(ended=THEN + dt.timedelta(seconds=1))
        assert digest() != before, f"{job} recorded anew"
        project.results.recording_path(key).unlink()
        assert digest() != before, f"{job} without its recording"
        again()
        assert digest() == before


def test_outcomes_without_a_recording_are_part_of_it(project, plan, digest):
    environment = plan.baseline.environment

    def with_state(**fields):
        write_state(project.results, EnvironmentState(environment=environment, run="run", **fields))
        return digest()

    found = [
        digest(),
        with_state(outcome=Outcome.INSTALL_FAILED, reason="no space"),
        with_state(outcome=Outcome.INSTALL_FAILED, reason="no network"),
        with_state(fault="Traceback"),
        with_state(installed=Installed(lock="a", interpreter="3.10.1")),
        with_state(installed=Installed(lock="b", interpreter="3.10.1")),
    ]
    assert len(set(found)) == len(found)


def test_which_run_it_was_is_no_part_of_it(project, plan, digest):
    def with_run(run, executed):
        environment = plan.baseline.environment
        state = EnvironmentState(environment=environment, run=run, executed=executed, outcome="crashed")
        write_state(project.results, state)
        return digest()

    assert with_run("one", 5) == with_run("two", 0)


def test_what_is_selected_is_part_of_it(project, plan):
    found = {
        content_digest(plan, collect(project, plan, selection), TODAY)
        for selection in (Selection(), Selection(cells=("tf2.7*",)), Selection(cases=("none",)))
    }
    assert len(found) == 3


EXPECT = Expect(cells="*", verdict="diverged", reason="known", owner="me", until=dt.date(2026, 11, 24))


@pytest.mark.parametrize(
    "change",
    [
        {"matrix": "another"},
        {"environments": {}},
        {"settings": {"default": SettingDefinition(seed=1)}},
        {"noise_floor": None},
        {"noise_floor": NoiseFloorDefinition(replicates=9)},
        {"expectations": (EXPECT,)},
        {"included": {"tf2.9.3-py3.10-cpu": "why"}},
        {"added": (PROPOSED,)},
        {"remarks": ("what to know",)},
    ],
)
def test_the_plan_is_part_of_it(plan, change):
    nothing = Collection([], {}, {}, {})
    assert content_digest(replace(plan, **change), nothing, TODAY) != content_digest(plan, nothing, TODAY)


@pytest.mark.parametrize("change", [{"tolerance": {"*": {"atol": 1}}}, {"runs": 5}, {"path": "elsewhere"}])
def test_the_definition_of_a_case_is_part_of_it(plan, change):
    nothing = Collection([], {}, {}, {})
    changed = type(plan.cases["one"]).model_validate({**plan.cases["one"].model_dump(), **change})
    other = replace(plan, cases={"one": changed})
    assert content_digest(other, nothing, TODAY) != content_digest(plan, nothing, TODAY)


def test_a_day_matters_where_an_expectation_ends_with_it(plan):
    nothing, tomorrow = Collection([], {}, {}, {}), TODAY + dt.timedelta(days=1)
    assert content_digest(plan, nothing, TODAY) == content_digest(plan, nothing, tomorrow)
    expecting = replace(plan, expectations=(EXPECT,))
    assert content_digest(expecting, nothing, TODAY) != content_digest(expecting, nothing, tomorrow)


def test_a_model_that_nothing_recorded_is_part_of_it(plan):
    row = Collected(plan.baseline, "one", Outcome.SKIPPED, "why", required=True)
    found = {
        content_digest(plan, Collection([row], {}, {"one": ready}, {}), TODAY)
        for ready in (
            "no such folder",
            ready_case(),
            ready_case(model_digest="another"),
            ready_case(inputs_digest="another"),
        )
    }
    assert len(found) == 4


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    for name in ("code.py", "data/facts.json", "data/rules.toml", "notes.txt"):
        (tmp_path / name).write_text("as it was")
    monkeypatch.setattr(content, "_PACKAGE", tmp_path)
    yield tmp_path
    program_digest.cache_clear()


@pytest.mark.parametrize(
    ("name", "text", "matters"),
    [
        ("code.py", "as it is", True),
        ("data/facts.json", "as it is", True),
        ("data/rules.toml", "longer than it was", True),
        ("data/rules.toml", None, True),
        ("data/new.toml", "more", True),
        ("notes.txt", "as it is", False),
    ],
)
def test_every_file_of_this_program_is_part_of_it(plan, package, name, text, matters):
    def digest():
        program_digest.cache_clear()
        return content_digest(plan, Collection([], {}, {}, {}), TODAY)

    before = digest()
    assert digest() == before
    if text is None:
        (package / name).unlink()
    else:
        (package / name).write_text(text)
    assert (digest() != before) is matters


@pytest.mark.parametrize("group", ["comparators", "formats", "measurements"])
def test_the_code_of_a_plugin_is_part_of_it(package, tmp_path_factory, monkeypatch, group):
    site = tmp_path_factory.mktemp("site")
    (site / "a_plugin.py").write_text("as it was")
    (site / "a_plugin-1.0.dist-info").mkdir()
    points = f"[savedmodel_matrix.{group}]\nmine = a_plugin:Mine\n"
    (site / "a_plugin-1.0.dist-info/entry_points.txt").write_text(points)
    before = program_digest()
    found = []
    monkeypatch.syspath_prepend(str(site))
    for text in ("as it was", "as it is now"):
        (site / "a_plugin.py").write_text(text)
        program_digest.cache_clear()
        found.append(program_digest())
    assert len({before, *found}) == 3


def test_the_files_of_this_program_are_those_of_the_package():
    assert (content._PACKAGE / "knowledge" / "releases.json").is_file()
    assert (content._PACKAGE / "evidence" / "content.py").is_file()
