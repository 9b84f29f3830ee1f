"""A run in which nothing changed is noticed from the facts of files; any change is noticed too."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from dataclasses import replace

import numpy as np
import pytest
from recordings import output, stored
from savedmodel_matrix.commands import aggregate as aggregate_module
from savedmodel_matrix.commands import unchanged as unchanged_module
from savedmodel_matrix.commands.aggregate import aggregate, tell_again
from savedmodel_matrix.commands.unchanged import unchanged_since
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.state import read_state, write_state
from savedmodel_matrix.evidence import collect as collect_module
from savedmodel_matrix.evidence import content
from savedmodel_matrix.measurements import all_measurements, work
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.questions import fixes
from savedmodel_matrix.store.runs import read_runs

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"
FIRST = "20260101T000000Z-abc123"
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def filled(project, plan, install, record, key_in):
    """Every cell recorded; keys by environment, setting and case."""
    installed = {name: install(environment) for name, environment in plan.environments.items()}
    made = {}
    for job in work(plan):
        array = stored(project.results.objects, np.arange(8, dtype="f4"))
        key = key_in(plan, job, installed[job.cell.environment])
        record(key, outputs=[output(array)])
        made[job.cell.environment, job.cell.setting, job.case] = key
    return made


@pytest.fixture
def later(monkeypatch):
    """All files were written long ago."""

    class Clock:
        @staticmethod
        def time_ns():
            return time.time_ns() + 3600 * 10**9

    monkeypatch.setattr(unchanged_module, "time", Clock)


@pytest.fixture
def reported(project, plan, filled, later):
    """A report was made of everything."""
    aggregate(project, plan, Selection(), FIRST, attempted=True)
    return project


def found(project, selection=Selection(), today=TODAY, *, with_fixes=True):  # noqa: B008 - immutable
    # A later process has read nothing yet.
    again = Workspace(project.root)
    again.__dict__["releases"] = project.releases
    return unchanged_since(again, again.plan("default"), selection, today, fixes=with_fixes)


def test_a_run_that_changes_nothing_is_told_from_the_one_before(project, reported, capsys):
    before = found(project)
    assert before.run == FIRST
    capsys.readouterr()
    tell_again(project, before, "20260102T000000Z-abc123", verbose=False)
    said = capsys.readouterr().out
    assert "8 of 8 cells × cases recorded, 0 run now; nothing changed" in said
    newest, oldest = read_runs(project.results)
    assert newest == oldest.model_copy(update={"run": "20260102T000000Z-abc123"})


def _append(path):
    path.write_bytes(path.read_bytes() + b" ")


def _same_size_and_time(path):
    """Change a byte as a disk or a tool might, and put the time of modification back."""
    before, text = path.stat(), bytearray(path.read_bytes())
    text[-2] ^= 1
    path.write_bytes(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _cut(path):
    path.write_bytes(path.read_bytes()[:-64])


@pytest.mark.parametrize("change", [_append, _same_size_and_time, os.remove])
@pytest.mark.parametrize("what", ["recording", "report.json", "report.txt", "run"])
def test_a_changed_file_is_noticed(project, reported, filled, what, change):
    results = project.results
    path = {
        "recording": results.recording_path(filled[OLD, "default", "two"]),
        "report.json": results.latest / "report.json",
        "report.txt": results.latest / "report.txt",
        "run": results.root / "runs" / f"{FIRST}-default.json",
    }[what]
    change(path)
    assert found(project) is None


@pytest.mark.parametrize("change", [_append, _cut, os.remove])
def test_a_changed_array_is_noticed_by_its_size(project, reported, change):
    outputs = [path for path in project.results.objects.rglob("*.npy") if path.stat().st_size == 160]
    for path in outputs:
        change(path)
    assert outputs
    assert found(project) is None


def test_a_changed_lock_is_noticed(project, plan, reported, write_lock):
    write_lock(plan.environments[OLD], version="2.0")
    assert found(project) is None


def test_an_environment_in_another_state_is_noticed(project, reported):
    state = read_state(project.results, NEW)
    write_state(project.results, state.model_copy(update={"fault": "a traceback"}))
    assert found(project) is None


def test_changed_inputs_are_noticed(project, reported):
    (project.root / "two.npz").write_bytes((project.root / "one.npz").read_bytes())
    assert found(project) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('[settings.onednn-off]\nvariables = { TF_ENABLE_ONEDNN_OPTS = "0" }', ""),
        ("[cases.two]", "[cases.three]"),
        ('path = "model"\ninputs = [{ npz = "two.npz" }]', 'path = "model"\ninputs = [{ npz = "one.npz" }]'),
        (
            'inputs = [{ npz = "two.npz" }]',
            'inputs = [{ npz = "two.npz" }]\ntolerance = { "*" = { atol = 1 } }',
        ),
        ("[cases.two]", '[[exclude]]\ncells = "tf2.7*"\ncases = "two"\nreason = "old"\n\n[cases.two]'),
        ('baseline = "tf2.9.3-py3.10-cpu"', 'baseline = "tf2.7.4-*"'),
    ],
    ids=["setting", "name", "inputs", "tolerance", "exclusion", "baseline"],
)
def test_a_changed_definition_is_noticed(project, reported, old, new):
    path = project.root / "matrices" / "default.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert found(project) is None


def test_another_question_is_not_answered_by_this_report(project, reported):
    assert found(project, Selection(fresh=True)) is None
    assert found(project, Selection(cases=("one",))) is None
    assert found(project, Selection(cells=("tf2.7*",))) is None


def test_a_report_without_fixes_answers_only_a_run_without_them(project, plan, filled, later, monkeypatch):
    complete = fixes.mending_of
    monkeypatch.setattr(fixes, "mending_of", lambda *given: replace(complete(*given), done=False))
    aggregate(project, plan, Selection(), FIRST)
    assert found(project, with_fixes=False) is not None
    assert found(project, with_fixes=True) is None


def test_a_changed_program_is_noticed(project, reported, monkeypatch):
    monkeypatch.setattr(content, "program_digest", lambda: "another")
    assert found(project) is None


def _another_host(project, monkeypatch):
    monkeypatch.setattr(content, "host_fingerprint", lambda: "another")


def _another_interpreter(project, monkeypatch):
    state = read_state(project.results, OLD)
    installed = state.installed.model_copy(update={"interpreter": "3.8.99"})
    write_state(project.results, state.model_copy(update={"installed": installed}))


def _isolated(project, monkeypatch):
    path = project.root / "matrices" / "default.toml"
    path.write_text("isolate = true\n" + path.read_text())


@pytest.mark.parametrize("change", [_another_host, _another_interpreter, _isolated])
def test_what_every_key_depends_on_is_noticed(project, reported, monkeypatch, change):
    change(project, monkeypatch)
    assert found(project) is None


class Added(OutputsMeasurement):
    """A measurement of another package, whose keys depend on something that is known to it alone."""

    name = "added"
    knows = "one thing"

    def jobs(self, plan, environment=None):
        return (replace(job, measurement=self.name) for job in plan.jobs(environment))

    def depends_on(self, site, job):
        return replace(super().depends_on(site, job), inputs=self.knows)


def test_keys_of_other_packages_measurements_are_computed_anew(
    project, plan, filled, later, install, record, key_in, monkeypatch
):
    added = Added()
    monkeypatch.setitem(all_measurements(), added.name, added)
    for module in (unchanged_module, collect_module):
        monkeypatch.setattr(module, "added_measurements", lambda: {added.name: added})
    for job in added.jobs(plan):
        record(key_in(plan, job, install(plan.environments[job.cell.environment])))
    aggregate(project, plan, Selection(), FIRST, attempted=True)
    assert found(project) is not None
    added.knows = "another"
    assert found(project) is None


def test_the_day_matters_where_something_is_expected(project, plan, filled, later):
    path = project.root / "matrices" / "default.toml"
    until = dt.date(2026, 1, 1)
    path.write_text(
        path.read_text() + f'\n[[expect]]\ncells = "*"\nverdict = "diverged"\nreason = "r"\nowner = "o"\n'
        f"until = {until}\n"
    )
    aggregate(project, project.plan("default"), Selection(), FIRST, attempted=True)
    assert found(project) is not None
    assert found(project, today=until) is None


@pytest.mark.parametrize("outcome", ["crashed", None])
def test_nothing_is_noted_while_something_is_left_to_run(project, plan, filled, record, later, outcome):
    key = filled[OLD, "default", "one"]
    if outcome is None:
        project.results.recording_path(key).unlink()
    else:
        record(key, outcome)
    aggregate(project, plan, Selection(), FIRST, attempted=True)
    assert not project.results.reported.exists()
    # What is not selected may be missing, but must stay so.
    selection = Selection(cases=("two",))
    aggregate(project, plan, selection, FIRST, attempted=True)
    assert found(project, selection) is not None
    record(key)
    assert found(project, selection) is None


def test_files_too_fresh_to_be_told_from_later_ones_are_not_relied_on(project, plan, filled):
    aggregate(project, plan, Selection(), FIRST, attempted=True)
    assert not project.results.reported.exists()


@pytest.mark.parametrize("when", ["before", "while"])
def test_the_report_of_a_run_beside_is_not_taken_for_this_one(
    project, plan, filled, later, monkeypatch, when
):
    def replaced(*given, **options):
        path = project.results.latest / "report.json"
        if path.exists():
            path.write_text(json.dumps({**json.loads(path.read_text()), "content": "another"}))
        return original(*given, **options)

    module, name = {
        "before": (aggregate_module, "matrix_run"),
        "while": (unchanged_module, "state_digest"),
    }[when]
    original = getattr(module, name)
    with monkeypatch.context() as patched:
        patched.setattr(module, name, replaced)
        aggregate(project, plan, Selection(), FIRST, attempted=True)
    assert not project.results.reported.exists()
    assert found(project) is None


def test_without_what_was_noted_everything_is_read(project, reported):
    project.results.reported.unlink()
    assert found(project) is None


@pytest.mark.parametrize("field", ["recordings", "objects", "run", "state", "remedies_done"])
def test_a_damaged_note_is_not_believed(project, reported, field):
    path = project.results.reported
    noted = json.loads(path.read_text())
    noted[field] = {
        "recordings": noted["recordings"][1:],
        "objects": noted["objects"][1:],
        "run": "another.json",
        "state": "0" * 64,
        "remedies_done": not noted["remedies_done"],
    }[field]
    path.write_text(json.dumps(noted))
    assert found(project, with_fixes=False) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\0" * 100])
def test_a_garbled_note_is_not_believed(project, reported, text):
    project.results.reported.write_text(text)
    assert found(project) is None
    assert not project.results.reported.exists(), "it is set aside"


def test_a_note_of_another_version_is_replaced(project, plan, reported):
    path = project.results.reported
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    assert found(project) is None
    aggregate(project, plan, Selection(), "20260102T000000Z-abc123", attempted=True)
    assert found(project).run == "20260102T000000Z-abc123"
