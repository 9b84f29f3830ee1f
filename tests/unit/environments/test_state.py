from __future__ import annotations

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments import state as state_module
from savedmodel_matrix.environments.state import EnvironmentState, Installed, read_state, write_state
from savedmodel_matrix.store.atomic import write_json


@pytest.mark.parametrize(
    "state",
    [
        EnvironmentState("tf", "run", 3, installed=Installed("digest", "3.10.1")),
        EnvironmentState("tf", "run", outcome=Outcome.INSTALL_FAILED, reason="no space"),
        EnvironmentState("tf", "run", installed=Installed("digest", "3.10.1"), fault="Traceback"),
    ],
)
def test_what_is_written_is_read(project, state):
    write_state(project.results, state)
    assert read_state(project.results, "tf") == state


def test_nothing_is_known_of_other_environments_and_hosts(project, monkeypatch):
    write_state(project.results, EnvironmentState("tf", "run"))
    assert read_state(project.results, "other") is None
    monkeypatch.setattr(state_module, "host_fingerprint", lambda: "another host")
    assert read_state(project.results, "tf") is None


def test_a_newer_format_is_refused(project):
    path = project.results.environment_path(state_module.host_fingerprint(), "tf")
    write_json(path, {"format": 2})
    with pytest.raises(StoreError, match="format 2"):
        read_state(project.results, "tf")
