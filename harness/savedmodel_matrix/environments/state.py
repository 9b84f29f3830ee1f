"""What became of an environment on this host: its interpreter, its lock, and whether it installed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.environments.host import host_fingerprint
from savedmodel_matrix.store.atomic import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.store.results import Results

STATE_FORMAT = 1


@dataclass(frozen=True)
class Installed:
    """What is installed: the content digest of the lock, and the interpreter's full version.

    ``besides`` are the environments beside it, for stages, by their ids: installed, or why not.
    """

    lock: str
    interpreter: str
    besides: Mapping[str, Installed | str] = field(default_factory=dict)


@dataclass(frozen=True)
class EnvironmentState:
    """The last thing known of an environment.

    Where ``installed`` is None, ``outcome`` and ``reason`` say why there is no environment. ``fault``
    holds the traceback where the harness itself failed. ``run`` is the run that wrote this, and
    ``executed`` how many cells × cases it ran here.
    """

    environment: str
    run: str
    executed: int = 0
    installed: Installed | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    fault: str | None = None


def read_state(results: Results, environment: str) -> EnvironmentState | None:
    """Return what is known of an environment on this host, or None."""
    path = results.environment_path(host_fingerprint(), environment)
    stored = read_json(path, STATE_FORMAT)
    if stored is None:
        return None
    installed, outcome = stored["installed"], stored["outcome"]
    return EnvironmentState(
        environment=stored["environment"],
        run=stored["run"],
        executed=stored["executed"],
        installed=None if installed is None else _installed(installed),
        outcome=None if outcome is None else Outcome(outcome),
        reason=stored["reason"],
        fault=stored["fault"],
    )


def write_state(results: Results, state: EnvironmentState) -> None:
    """Write down what became of an environment on this host."""
    path = results.environment_path(host_fingerprint(), state.environment)
    write_json(path, {"format": STATE_FORMAT, **asdict(state)})


def _installed(stored: dict[str, Any]) -> Installed:
    besides = {
        name: each if isinstance(each, str) else _installed(each)
        for name, each in stored.get("besides", {}).items()
    }
    return Installed(stored["lock"], stored["interpreter"], besides)
