"""What a plan wants measured, all kinds together."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from savedmodel_matrix import measurements
from savedmodel_matrix.domain.check import RECIPES, Check
from savedmodel_matrix.domain.definition import NoiseFloorDefinition
from savedmodel_matrix.measurements import (
    MEASUREMENTS,
    added_measurements,
    all_measurements,
    measurement_of,
    work,
)
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement


def test_checks_come_after_everything_else_and_take_their_own_time(plan):
    case = plan.cases["one"].model_copy(update={"checks": [Check.REPEAT, Check.LEAK]})
    limits = {(cell, "checked"): plan.limits[cell, "one"] for cell in plan.cells()}
    asking = replace(plan, cases={**plan.cases, "checked": case}, limits={**plan.limits, **limits})
    jobs = list(work(asking))
    checks = [job for job in jobs if job.measurement == CheckMeasurement.name]
    cells = [job.cell for job in asking.jobs() if job.case == "checked"]
    assert jobs[-len(checks) :] == checks
    assert [(job.cell, job.case, job.variant) for job in checks] == [
        (cell, "checked", check) for cell in cells for check in (Check.REPEAT, Check.LEAK)
    ]
    for job in checks:
        plain = asking.limits[job.cell, job.case].time_limit_s
        assert job.limits.time_limit_s == plain * RECIPES[Check(job.variant)].time_factor
    assert all(job.measurement == OutputsMeasurement.name for job in asking.jobs())


def test_the_noise_of_the_baseline_is_measured_where_the_matrix_asks_for_it(plan):
    assert {job.measurement for job in work(plan)} == {"outputs"}
    asking = replace(plan, noise_floor=NoiseFloorDefinition())
    noise = [job for job in work(asking) if job.measurement != "outputs"]
    assert {(job.measurement, job.cell) for job in noise} == {
        ("noise floor", plan.baseline),
        ("other threads", plan.baseline),
    }
    assert {job.case for job in noise} == set(plan.cases)
    longer = {job.limits.time_limit_s for job in noise if job.measurement == "noise floor"}
    assert min(longer) > max(limits.time_limit_s for limits in plan.limits.values())


def test_of_one_environment_only_its_own_work_is_wanted(plan):
    (first, *_) = plan.environments
    asked = [replace(job, variant="asked for") for job in plan.jobs()]
    asking = plan.asking(asked)
    assert list(work(asking)) == asked, "a plan that asks for jobs wants no others"
    assert list(work(asking, first)) == [job for job in asked if job.cell.environment == first]


def _forget():
    added_measurements.cache_clear()
    all_measurements.cache_clear()


@pytest.fixture
def of_another_package(monkeypatch):
    class Added(OutputsMeasurement):
        name = "added"

        def jobs(self, plan, environment=None):
            return (replace(job, measurement=self.name) for job in plan.jobs(environment))

    found = [SimpleNamespace(load=lambda: Added)]
    monkeypatch.setattr(
        measurements, "entry_points", lambda *, group: found if group == measurements.GROUP else []
    )
    _forget()
    yield Added
    _forget()


def test_other_packages_add_kinds(plan, of_another_package):
    assert list(all_measurements()) == [*(each.name for each in MEASUREMENTS), "added"]
    (job, *_) = [job for job in work(plan) if job.measurement == "added"]
    assert isinstance(measurement_of(job), of_another_package)
