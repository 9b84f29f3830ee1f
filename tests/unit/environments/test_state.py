from __future__ import annotations

import json

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments import state as state_module
from savedmodel_matrix.environments.state import EnvironmentState, Installed, read_state, write_state
from savedmodel_matrix.probe.sealed import seal
from savedmodel_matrix.store.atomic import write_bytes

INSTALLED = Installed(lock="digest", interpreter="3.10.1")


def state_of(environment, **fields):
    return EnvironmentState(environment=environment, run="run", **fields)


@pytest.mark.parametrize(
    "state",
    [
        state_of("tf", executed=3, installed=INSTALLED),
        state_of("tf", outcome=Outcome.INSTALL_FAILED, reason="no space"),
        state_of("tf", installed=INSTALLED, fault="Traceback"),
        state_of("tf", installed=INSTALLED.model_copy(update={"besides": {"one": INSTALLED, "two": "why"}})),
    ],
)
def test_what_is_written_is_read(project, state):
    write_state(project.results, state)
    assert read_state(project.results, "tf") == state


def test_nothing_is_known_of_other_environments_and_hosts(project, monkeypatch):
    write_state(project.results, state_of("tf"))
    assert read_state(project.results, "other") is None
    monkeypatch.setattr(state_module, "host_fingerprint", lambda: "another host")
    assert read_state(project.results, "tf") is None


def test_a_state_under_the_name_of_another_environment_is_not_believed(project):
    write_state(project.results, state_of("tf"))
    place = project.results.environment_path(state_module.host_fingerprint(), "tf")
    place.rename(place.with_name("other.json"))
    assert read_state(project.results, "other") is None


@pytest.mark.parametrize("number", [1, 3])
def test_another_format_is_refused(project, number):
    path = project.results.environment_path(state_module.host_fingerprint(), "tf")
    write_bytes(path, seal(json.dumps({"format": number}), "EnvironmentState"))
    with pytest.raises(StoreError, match=f"format {number}"):
        read_state(project.results, "tf")
