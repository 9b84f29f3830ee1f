"""The state of an environment on this host: its interpreter, its lock, and whether it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.environments.host import host_fingerprint
from savedmodel_matrix.store.atomic import read_stored, write_stored

if TYPE_CHECKING:
    from savedmodel_matrix.store.results import Results

STATE_FORMAT: Final = 2


class Installed(Stored):
    """What is installed: the content digest of the lock, and the interpreter's full version.

    ``besides`` holds the separate stage environments by id: what is installed, or why nothing is.
    """

    lock: str
    interpreter: str
    besides: dict[str, Installed | str] = Field(default_factory=dict)


class EnvironmentState(Stored):
    """The last known state of an environment.

    If ``installed`` is None, ``outcome`` and ``reason`` say why there is no environment. ``fault`` holds the
    traceback if the harness itself failed. ``run`` is the run that wrote this state; ``executed`` counts the
    cells × cases that this run executed here.
    """

    format: Literal[2] = STATE_FORMAT
    environment: str
    run: str
    executed: int = 0
    installed: Installed | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    fault: str | None = None


def read_state(results: Results, environment: str) -> EnvironmentState | None:
    """Return the last known state of an environment on this host, or None."""
    found = read_stored(results.environment_path(host_fingerprint(), environment), EnvironmentState)
    return found if found is not None and found.environment == environment else None


def write_state(results: Results, state: EnvironmentState) -> None:
    """Save the state of an environment on this host."""
    write_stored(results.environment_path(host_fingerprint(), state.environment), state)
