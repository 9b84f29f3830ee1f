"""The exit status and the marks that a report's parts give each other."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from recordings import measured_floor, output, recording, stored
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import Check, RepeatPart
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.evidence.collected import Collected, CollectedCheck, CollectedNoise, Collection
from savedmodel_matrix.evidence.origins import Origin
from savedmodel_matrix.questions.attempts import Remedies
from savedmodel_matrix.questions.fixes import Mending
from savedmodel_matrix.report.build import build_report
from savedmodel_matrix.store.atomic import json_digest

TODAY = dt.date(2026, 11, 24)
MATRIX = """
baseline = "tf2.9.3-*"

[[environments]]
tensorflow = ["2.9.3", "2.12.1"]

[cases.cnn]
path = "m"
"""


@pytest.fixture
def built(tmp_path):
    """Build a report of two cells from what each recorded, or its outcome."""
    from savedmodel_matrix.planning.workspace import Workspace

    project = Workspace(tmp_path)
    (tmp_path / "matrices").mkdir()

    def build(baseline, other, more="", noise=None, checks=None):
        (tmp_path / "matrices" / "default.toml").write_text(MATRIX + more, encoding="utf-8")
        plan = project.plan("default")
        rows = []
        for cell, what in zip(plan.cells(), (baseline, other), strict=True):
            recorded = isinstance(what, list)
            made = None
            if recorded:
                array = stored(project.results.objects, np.array(what, "f4"))
                version = plan.environments[cell.environment].tensorflow
                made = recording(
                    key=json_digest(str(cell)), effective={"tensorflow": version}, outputs=[output(array)]
                )
            outcome = Outcome.RECORDED if recorded else Outcome(what)
            rows.append(Collected(cell, "cnn", outcome, None, True, made))
        found = noise or CollectedNoise(None, None, "it was not measured")
        collection = Collection(
            rows,
            dict.fromkeys(plan.environments),
            {"cnn": "why"},
            {"cnn": found},
            checks or {},
            origins={"cnn": Origin(project, plan.cases["cnn"], "why")},
        )
        nothing = Mending(Remedies(plan, ()), (), done=True)
        return build_report(project, plan, collection, nothing, run="r", content="c", today=TODAY)

    return build


def expect(what, until="2026-12-31"):
    return f'\n[[expect]]\ncells = "tf2.12*"\n{what}\nreason = "known"\nowner = "me"\nuntil = {until}\n'


def test_agreement_is_a_success(built):
    report = built([1, 2], [1, 2])
    assert (report.exit_status, report.cases[0].says) == (0, "identical in all 2 cells that ran")


@pytest.mark.parametrize(
    ("other", "more", "status"),
    [
        ([1, 3], "", 1),
        ([1, 3], expect('verdict = "diverged"'), 0),
        ([1, 3], expect('verdict = "diverged"', "2026-11-23"), 1),
        ([1, 3], expect('verdict = "diverged"', "2026-11-24"), 0),
        ([1, 3], expect('verdict = "suspicious"'), 1),
        ([1, 2, 3], expect('verdict = "diverged"'), 1),
        ("load-failed", "", 4),
        ("load-failed", expect('outcome = "load-failed"'), 0),
        ("crashed", expect('outcome = "load-failed"'), 4),
    ],
)
def test_what_is_expected_does_not_count_until_its_date(built, other, more, status):
    report = built([1, 2], other, more)
    assert report.exit_status == status
    assert [cell.expected for cell in report.cells] == [None, "known" if more and status == 0 else None]


@pytest.mark.parametrize(
    ("other", "more", "standing", "remark"),
    [
        ([1, 2], expect('outcome = "load-failed"'), "fixed", "fixed, so remove it"),
        (
            [1, 3],
            expect('verdict = "diverged"', "2026-01-31"),
            "expired",
            "expired, so it no longer covers anything",
        ),
        ("crashed", expect('outcome = "load-failed"'), "changed", "a different problem in"),
        ([1, 3], expect('verdict = "diverged"'), "met", None),
    ],
)
def test_what_became_of_an_expectation_is_reported(built, other, more, standing, remark):
    report = built([1, 2], other, more)
    (row,) = report.expectations
    assert (row.standing, row.owner, row.covers) == (standing, "me", int(standing == "met"))
    said = [each for each in report.remarks if each.startswith("expect.0")]
    assert bool(said) == (remark is not None)
    assert all(remark in each for each in said)


def test_what_selects_nothing_is_said_once(built):
    nothing = expect('verdict = "diverged"').replace("tf2.12", "tf3")
    assert len([each for each in built([1], [1], nothing).remarks if "expect.0" in each]) == 1


def test_without_the_baseline_nothing_is_known_to_agree(built):
    report = built("load-failed", [1, 2], '\n[[expect]]\ncells = "tf2.9*"\noutcome = "load-failed"\n'
                   'reason = "known"\nowner = "me"\nuntil = 2026-12-31\n')  # fmt: skip
    assert report.exit_status == 4, "an expected failure of the baseline does not make the others agree"
    assert any("recorded nothing to compare with" in each for each in report.remarks)


def test_a_missing_noise_floor_is_said(built):
    assert "case cnn: no noise floor: it was not measured" in built([1, 2], [1, 3]).remarks


def test_array_entries_of_a_report_are_read_from_the_store(built):
    (row,) = built([1, 2], [1, 2.5]).divergences
    assert (row.max_abs, row.judged_by) == (0.5, "default tolerance")


def recorded_check(problem=None, compared=1, stable=True):
    """Return a recorded check ``repeat``, with a variable that changes unless it is stable."""
    changed = () if stable else ("count",)
    part = RepeatPart(problem=problem, compared=compared, runs=8, variables=1, changed_variables=changed)
    return CollectedCheck(recording(key="k"), part, required=True)


@pytest.mark.parametrize(
    ("check", "required", "more", "status"),
    [
        (recorded_check(), True, "", 0),
        (recorded_check(stable=False), True, "", 1),
        (recorded_check(stable=False), True, expect('check = "repeat"'), 0),
        (recorded_check(stable=False), True, expect('check = "batch"'), 1),
        (recorded_check(problem="one row"), True, "", 4),
        (None, True, "", 4),
        (None, False, "", 0),
    ],
)
def test_a_check_is_a_policy(built, check, required, more, status):
    cell = CellId("tf2.12.1-py3.11-cpu", "default")
    checks = {(cell, "cnn", Check.REPEAT): check or CollectedCheck(None, None, required)}
    report = built([1, 2], [1, 2], more, checks=checks)
    assert report.exit_status == status
    assert [(row.cell, row.check) for row in report.checks] == [(str(cell), "repeat")]
    assert (report.checks[0].expected is not None) is (status == 0 and bool(more))


def test_a_check_of_a_cell_that_failed_is_counted_once(built):
    cell = CellId("tf2.12.1-py3.11-cpu", "default")
    failed = recording(outcome="load-failed", reason="no")
    checks = {(cell, "cnn", Check.REPEAT): CollectedCheck(failed, None, True)}
    report = built([1, 2], "load-failed", expect('outcome = "load-failed"'), checks=checks)
    assert (report.exit_status, report.checks[0].verdict) == (0, "could not run")


def test_a_floor_without_rounding_inside_the_model_is_said(built):
    floor = measured_floor((), (), not_rounded="ValueError: no graph")
    report = built([1, 2], [1, 2], noise=CollectedNoise(floor, None, None))
    assert any("inputs and weights alone" in each and "no graph" in each for each in report.remarks)


def noticing(noticed, folder, tried=2, weights=3):
    """Return a floor of the outputs [1, 2] whose case notices ``noticed`` of ``tried`` weights."""
    array = np.array([1, 2], "f4")
    tried = [
        {"weight": f"w{number}", "size": 4, "level": 0.01, "outputs": [], "lost": number < noticed}
        for number in range(tried)
    ]
    part = {"seconds": 1.0, "weights": weights, "left_out": 1, "unused": 0, "tried": tried}
    return CollectedNoise(measured_floor([output(stored(folder, array))], (), power=part), None, None)


@pytest.mark.parametrize(
    ("noticed", "other", "more", "weak", "status"),
    [
        (0, [1, 2], "", True, 0),
        (0, [1, 2], "[power]\nrequired = true\n", True, 4),
        (0, [3, 9], "[power]\nrequired = true\n", False, 1),
        (1, [1, 2], "[power]\nrequired = true\n", False, 0),
        (1, [1, 2], "[power]\nmin_power = 0.9\nrequired = true\n", True, 4),
    ],
)
def test_agreement_of_inputs_that_notice_too_little_is_weak(
    built, tmp_path, noticed, other, more, weak, status
):
    report = built([1, 2], other, more, noise=noticing(noticed, tmp_path))
    assert report.exit_status == status
    assert [(row.power, row.weak) for row in report.cells if row.cell != report.baseline] == [
        (noticed / 2, weak)
    ]
    (row,) = [case.power for case in report.cases]
    assert row.blind_to == ["w0", "w1"][noticed:]
    assert "a sample of 3 weights" in row.says


def test_power_that_is_required_has_to_be_known(built, tmp_path):
    required = "[power]\nrequired = true\n"
    unknown = noticing(0, tmp_path, tried=0)
    assert built([1, 2], [1, 2], noise=unknown).exit_status == 0
    report = built([1, 2], [1, 2], required, noise=unknown)
    assert (report.exit_status, report.cells[1].weak) == (4, False)
    assert "no time to change one of 3 weights" in report.cases[0].power.says
    assert built([1, 2], [1, 2], required).exit_status == 4, "nothing is recorded"
    without_weights = noticing(0, tmp_path, tried=0, weights=0)
    assert built([1, 2], [1, 2], required, noise=without_weights).exit_status == 0


def test_nothing_is_said_about_power_that_was_not_asked_for(built, tmp_path):
    report = built([1, 2], [1, 2], "[power]\nseconds = 0\n", noise=noticing(0, tmp_path))
    assert (report.cases[0].power, report.cells[1].weak) == (None, False)
