"""A new measurement and a new backend are one file each: nothing else in the package is touched."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from project import CUSTOM_LAYER, matrix_text
from savedmodel_matrix import measurements
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments import backends
from savedmodel_matrix.environments.state import read_state
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.execution.progress import Progress
from savedmodel_matrix.execution.run_environment import run_environment
from savedmodel_matrix.planning.workspace import Workspace
from toys.stdlib_backend import StdlibBackend
from toys.weights import WeightsMeasurement


@pytest.fixture
def one_environment(new_project, monkeypatch):
    """A project whose matrix has one environment, which the toy backend makes."""
    monkeypatch.setattr(backends, "BACKENDS", (*backends.BACKENDS, StdlibBackend()))
    new_project.matrix(matrix_text("2.15", rest=CUSTOM_LAYER) + "\n[noise_floor]\nreplicates = 0\n")
    project = Workspace(new_project.root)
    plan = project.plan("default")
    (environment,) = plan.environments.values()
    changed = replace(environment, backend=StdlibBackend.name, provisional=True)
    cell = replace(plan.baseline, environment=changed.id)
    limits = {(cell, case): limits for (_, case), limits in plan.limits.items()}
    plan = replace(plan, baseline=cell, environments={changed.id: changed}, limits=limits)
    return SimpleNamespace(project=project, plan=plan, environment=changed)


def _forget():
    measurements.added_measurements.cache_clear()
    measurements.all_measurements.cache_clear()


@pytest.fixture
def plugged_in(monkeypatch):
    """The toy measurement, found as an installed package's entry point would be."""
    entry = SimpleNamespace(load=lambda: WeightsMeasurement)
    monkeypatch.setattr(measurements, "entry_points", lambda group: [entry])
    _forget()
    yield
    _forget()


def test_a_toy_backend_and_a_toy_measurement_run_a_real_model(one_environment, plugged_in):
    project, plan, environment = one_environment.project, one_environment.plan, one_environment.environment
    folder = project.root / "toy-environment"
    StdlibBackend().make(folder, environment.python)

    said: list[str] = []
    run_environment(project, environment, [plan], Selection(), "run", folder, Progress(said.append))

    state = read_state(project.results, environment.id)
    assert state is not None
    assert state.fault is None
    assert state.installed is not None, said
    assert environment.id.endswith("-stdlib")
    found = collect(project, plan, Selection())
    assert [row.outcome for row in found.rows] == [Outcome.RECORDED]
    assert found.remarks == [f"custom_layer: 2 variables in {plan.baseline}"]
    assert pending(project, plan, Selection()) == []
