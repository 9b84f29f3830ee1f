"""When random outputs run many times, and what the report makes of that."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from recordings import output, stored, unstable
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import RandomDefinition
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.job import OUTPUTS, Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.probe.measurements.distribution import _Sample
from savedmodel_matrix.questions import question_named
from savedmodel_matrix.questions.fixes import mending_of
from savedmodel_matrix.questions.interface import Asked
from savedmodel_matrix.report.build import build_report
from savedmodel_matrix.report.formats import markdown, terminal

QUESTION = question_named("distributions")
CELLS = [CellId(name, "default") for name in ("tf2.9.3-py3.10-cpu", "tf2.7.4-py3.8-cpu")]


class Drawing:
    """A case with one random output, and one that is not, over two cells."""

    def __init__(self, project, plan, installed, key_in, record):
        self.project, self._installed, self._key_in, self._record = project, installed, key_in, record
        plan = replace(plan, settings={"default": plan.settings["default"]})
        self.plan = replace(plan, cases={"one": plan.cases["one"]})
        self.random = np.random.default_rng(0)

    @property
    def asked(self):
        return Asked(self.project, self.plan, Request(), "20260101T000000Z-abcdef")

    def _write(self, cell, measurement, **changes):
        job = Job(cell, "one", self.plan.limits[cell, "one"], measurement)
        installed = self._installed[cell.environment]
        self._record(self._key_in(self.plan, job, installed), **changes)

    def outputs(self, *cells, sure=True):
        for cell in cells:
            first, second = (
                stored(self.project.results.objects, self.random.normal(size=4).astype("f4")) for _ in "ab"
            )
            plain = stored(self.project.results.objects, np.ones(3, "f4"))
            found = [output(first, "drawn"), *([output(plain, "plain")] if sure else [])]
            self._write(cell, OUTPUTS, outputs=found, unstable=[unstable("drawn", second)])

    def runs(self, cell, runs=200, scale=1.0, outcome="recorded"):
        sample = None
        for _ in range(runs):
            array = (scale * self.random.normal(size=4)).astype("f4")
            sample = sample or _Sample(array, "float32")
            sample.add(array)
        entry = {**sample.entry(str(self.project.results.objects)), "batch": 0, "name": "drawn"}
        measured = {"runs": runs, "anew": False, "samples": [{**entry, "component": None}]}
        self._write(
            cell,
            "distribution",
            outputs=[],
            outcome=outcome,
            measured=measured if outcome == "recorded" else None,
        )

    def report(self):
        collection = collect(self.project, self.plan, Selection())
        mending = mending_of(self.project, self.plan, collection)
        today = dt.date(2026, 1, 1)
        return build_report(self.project, self.plan, collection, mending, run="r", content="c", today=today)


@pytest.fixture
def drawing(project, plan, install, key_in, record, monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.evidence.collect.find_interpreter", lambda minor: minor)
    installed = {name: install(each) for name, each in plan.environments.items()}
    return Drawing(project, plan, installed, key_in, record)


def work(found):
    return sorted(text for share in found.shares for text in share.work)


def test_every_cell_runs_many_times_once_outputs_differ(drawing):
    assert QUESTION.next_round(drawing.asked, []) is None
    drawing.outputs(CELLS[0])
    assert QUESTION.next_round(drawing.asked, []) is None  # nothing to compare it with
    drawing.outputs(CELLS[1])
    found = QUESTION.next_round(drawing.asked, [])
    assert work(found) == sorted(f"{cell} one distribution" for cell in CELLS)
    assert "1 case has random outputs: up to 1000 runs in each cell" in found.says
    drawing.runs(CELLS[0])
    assert work(QUESTION.next_round(drawing.asked, [])) == [f"{CELLS[1]} one distribution"]
    drawing.runs(CELLS[1])
    assert QUESTION.next_round(drawing.asked, []) is None


def test_zero_runs_ask_for_nothing(drawing):
    drawing.outputs(*CELLS)
    drawing.plan = replace(drawing.plan, random=RandomDefinition(runs=0))
    assert QUESTION.next_round(drawing.asked, []) is None
    row = drawing.report().cells[-1]
    assert (row.not_compared, row.distributions) == (["drawn"], [])


def test_the_results_are_written(drawing):
    drawing.outputs(*CELLS)
    drawing.runs(CELLS[0])
    outcomes = {each.environment: each.outcome for each in QUESTION.written(drawing.asked, 1).distributions}
    assert outcomes == {CELLS[0].environment: Outcome.RECORDED, CELLS[1].environment: Outcome.SKIPPED}


def rows(report):
    return {row.environment: row for row in report.cells}


def test_agreement_is_noise_and_never_identical(drawing):
    drawing.outputs(*CELLS)
    for cell in CELLS:
        drawing.runs(cell)
    report = drawing.report()
    row = rows(report)[CELLS[1].environment]
    assert (row.verdict, row.distributions, row.not_compared) == (Verdict.FLOAT_NOISE, ["drawn"], [])
    assert rows(report)[CELLS[0].environment].not_compared == []
    assert report.exit_status == ExitStatus.OK
    (found,) = report.distributions
    assert (found.runs, found.baseline_runs, found.cell) == (200, 200, str(CELLS[1]))
    text = " ".join(terminal.render(report).split())
    assert "noise≈" in text
    assert "1 random output compared as distributions: drawn of one." in text
    assert "compared as distributions, of which none differs: drawn" in text
    assert "so compared as a distribution" in " ".join(report.remarks)
    assert "## Random outputs, as distributions" in markdown.render(report)


def test_another_distribution_is_a_difference(drawing):
    drawing.outputs(*CELLS)
    drawing.runs(CELLS[0])
    drawing.runs(CELLS[1], scale=2.0)
    report = drawing.report()
    assert rows(report)[CELLS[1].environment].verdict is Verdict.DIVERGED
    assert report.exit_status == ExitStatus.DIVERGED
    assert f"of another distribution in {CELLS[1]}: drawn" in report.cases[0].says
    assert "output drawn: another distribution: " in " ".join(terminal.render(report).split())


def test_too_few_runs_leave_it_not_compared(drawing):
    drawing.outputs(*CELLS)
    for cell in CELLS:
        drawing.runs(cell, runs=10)
    report = drawing.report()
    row = rows(report)[CELLS[1].environment]
    assert (row.verdict, row.distributions, row.not_compared) == (Verdict.IDENTICAL, [], ["drawn"])
    assert "too few runs to tell" in report.distributions[0].says
    assert "so not compared" in " ".join(report.remarks)


def test_a_case_with_random_outputs_alone_is_judged_by_them(drawing):
    drawing.outputs(*CELLS, sure=False)
    for cell in CELLS:
        drawing.runs(cell)
    report = drawing.report()
    assert rows(report)[CELLS[1].environment].verdict is Verdict.FLOAT_NOISE
    assert report.exit_status == ExitStatus.OK


def test_runs_that_failed_leave_it_not_compared(drawing):
    drawing.outputs(*CELLS)
    drawing.runs(CELLS[0])
    drawing.runs(CELLS[1], outcome="run-failed")
    assert rows(drawing.report())[CELLS[1].environment].not_compared == ["drawn"]
