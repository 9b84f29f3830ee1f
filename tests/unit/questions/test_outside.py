"""When a model that reads files outside itself is run without them, and with them among its assets."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from built_models import v1_model, write
from flow_models import op, string
from recordings import output, stored
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.measurements import measurement_of
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.outside import HIDDEN, SELF_CONTAINED, self_contained_folder
from savedmodel_matrix.models.savedmodel.whole import write_sums
from savedmodel_matrix.planning.ready import make_ready
from savedmodel_matrix.questions import question_named
from savedmodel_matrix.questions.fixes import mending_of
from savedmodel_matrix.questions.interface import Asked
from savedmodel_matrix.report.outside import outside_rows

QUESTION = question_named("outside")
HOME = "tf2.9.3-py3.10-cpu"


class Project:
    """The small project, whose model reads a file, with what is recorded of it."""

    def __init__(self, project, install, key_in, record):
        self.project, self._key_in, self._record = project, key_in, record
        self.words = project.root / "words.txt"
        self.words.write_text("ant")
        write(project.root / "model", v1_model(string("c", str(self.words)), op("y", "ReadFile", "c")))
        self.plan = project.plan("default")
        self.installed = {each.id: install(each) for each in self.plan.environments.values()}
        self.asked = Asked(project, self.plan, Request(), "20260101T000000Z-abcdef")

    def job(self, variant=None):
        plain = Job(self.plan.baseline, "one", self.plan.limits[self.plan.baseline, "one"])
        return plain if variant is None else replace(plain, measurement="outside", variant=variant)

    def record(self, variant=None, **changes):
        key = self._key_in(self.plan, self.job(variant), self.installed[HOME])
        identity = {"measurement": "outside"}
        return self._record(key, identity=identity, **changes)

    def outputs(self, *values):
        return [output(stored(self.project.results.objects, np.array(values, "f4")))]

    def save(self):
        """Save a self-contained model, as the probe would."""
        folder = self.folder
        write(folder, v1_model())
        write_sums(folder)
        return folder

    @property
    def folder(self):
        return self_contained_folder(
            self.project, self.plan, make_ready(self.project, self.plan.cases["one"])
        )

    def work(self, **request):
        found = QUESTION.next_round(replace(self.asked, request=Request(**request)), [])
        return [] if found is None else [text for share in found.shares for text in share.work]

    def row(self):
        collection = collect(self.project, self.plan, Selection())
        rows = outside_rows(self.project, self.plan, collection, self.project.results.array)
        return next(row for row in rows if row.case == "one")


@pytest.fixture
def reading(project, install, key_in, record, monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.evidence.collect.find_interpreter", lambda minor: minor)
    return Project(project, install, key_in, record)


BOTH = [f"{HOME}/default one outside {what}" for what in (HIDDEN, SELF_CONTAINED)]


def test_it_is_asked_once_the_baseline_has_run_and_only_there(reading):
    assert reading.work() == []
    reading.record()
    assert reading.work() == BOTH
    assert reading.work(fixes=False) == BOTH[:1]


def test_a_baseline_that_fails_says_all(reading):
    reading.record(outcome="load-failed", outputs=[])
    assert reading.work() == []


def test_a_file_that_is_missing_here_needs_no_hiding(reading):
    reading.words.unlink()
    reading.record()
    assert reading.work() == []
    row = reading.row()
    assert row.missing == [str(reading.words)]
    assert f"Missing here: {reading.words}." in row.says


def test_what_is_recorded_is_not_run_again(reading):
    reading.record()
    reading.record(HIDDEN, outcome="load-failed", outputs=[])
    assert reading.work() == BOTH[1:]
    reading.record(SELF_CONTAINED)
    folder = reading.save()
    assert reading.work() == []
    shutil.rmtree(folder)
    assert reading.work() == BOTH[1:], "the model is gone, so it is saved again"


def test_a_report_is_done_only_with_these_runs(reading):
    reading.record()

    def done():
        collection = collect(reading.project, reading.plan, Selection())
        return mending_of(reading.project, reading.plan, collection).done

    assert not done()
    reading.record(HIDDEN, outcome="load-failed", outputs=[])
    reading.record(SELF_CONTAINED, outcome="run-failed", outputs=[])
    assert done()


def test_the_request_names_the_constants_and_the_folder(reading):
    ready = make_ready(reading.project, reading.plan.cases["one"])
    site = Site(reading.project, reading.plan, reading.installed[HOME], ready)
    place = {"graph": 0, "function": "", "node": "c", "index": 0}
    for what, folder in ((HIDDEN, None), (SELF_CONTAINED, str(reading.folder))):
        job = reading.job(what)
        asked = measurement_of(job).ask(site, job, "0" * 64).to_json()
        assert asked["measure"] == {
            "kind": "outside",
            "program": None,
            "what": what,
            "save_to": folder,
            "paths": [{"path": str(reading.words), "constants": [place]}],
        }
        assert asked["runs"] == 1


def test_another_content_makes_another_model(reading):
    before = reading.folder
    reading.words.write_text("bee")
    assert reading.folder != before


def test_the_report_has_what_was_seen_and_the_verified_fix(reading):
    reading.record(outputs=reading.outputs(1, 2))
    row = reading.row()
    assert (row.hidden, row.fix, row.verdict) == (None, None, None)
    reads = f"reads {reading.words}, outside the model; will fail where that is missing"
    start = f"one is not self-contained: {reads}."
    assert row.says == start
    reading.record(HIDDEN, outcome="load-failed", reason="NotFoundError: no file", outputs=[])
    reading.record(SELF_CONTAINED, outputs=reading.outputs(1, 2))
    reading.save()
    row = reading.row()
    assert (row.hidden, row.verdict) == (Outcome.LOAD_FAILED, Verdict.IDENTICAL)
    assert reading.project.root / row.fix == reading.folder
    assert row.says == (
        f"{start} Seen: where they are missing, load-failed: NotFoundError: no file. "
        f"Fix: {row.fix} contains the files (verified: identical to the baseline)."
    )


def test_a_copy_that_differs_or_fails_is_no_fix(reading):
    reading.record(outputs=reading.outputs(1, 2))
    reading.record(HIDDEN, outputs=reading.outputs(1, 2))
    reading.record(SELF_CONTAINED, outputs=reading.outputs(1, 9))
    row = reading.row()
    assert (row.fix, row.verdict) == (None, Verdict.DIVERGED)
    assert "where the files are missing, this case still runs" in row.says
    assert "Tried: " in row.says
    reading.record(SELF_CONTAINED, outcome="run-failed", reason="it is a list", outputs=[])
    assert "No fix was verified: it is a list. Save the model again" in reading.row().says


def test_the_results_are_written(reading):
    reading.record()
    reading.record(HIDDEN, outcome="load-failed", outputs=[])
    hidden, fixed = (each for each in QUESTION.written(reading.asked, 1).outside if each.case == "one")
    assert (hidden.what, hidden.outcome) == (HIDDEN, Outcome.LOAD_FAILED)
    assert (fixed.what, fixed.outcome) == (SELF_CONTAINED, Outcome.SKIPPED)
