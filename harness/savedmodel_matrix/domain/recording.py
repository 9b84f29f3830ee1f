"""A recording: the result of one measurement of one case in one cell, as the probe writes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import JsonValue, TypeAdapter

from savedmodel_matrix.domain.arrays import ArrayEntry, Output, OutputId, Unstable
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.outcome import SETTLED, Outcome
from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDING_FORMAT: Final = 2
_ENTRY = TypeAdapter(ArrayEntry)


class Phase(Stored):
    """The cost of one phase."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


class Recording(Stored):
    """The complete result of one job, whatever its outcome."""

    format: Literal[2] = RECORDING_FORMAT
    key: str
    """Content key: the digest of everything that can affect the outputs."""
    identity: dict[str, JsonValue]
    """The parts of the key, in readable form."""
    outcome: Outcome
    reason: str | None
    traceback: str | None
    log_tail: str
    outputs: tuple[Output, ...]
    """The outputs of the first run."""
    unstable: tuple[Unstable, ...]
    """Outputs of later runs that differ from the first run's in at least one bit."""
    before: tuple[Output, ...] = ()
    """What stands before saturated heads; ``component`` says before which, as in "before softmax"."""
    not_before: dict[str, str] = {}
    """Saturated outputs before whose heads nothing is recorded, and why."""
    measured: dict[str, JsonValue] | None
    """What the measurement recorded in addition to outputs; its own type reads it (``measurements``)."""
    effective: Effective
    phases: dict[str, Phase]
    started: dt.datetime
    ended: dt.datetime

    @property
    def is_recorded(self) -> bool:
        """Whether the measurement succeeded."""
        return self.outcome is Outcome.RECORDED

    @property
    def is_settled(self) -> bool:
        """Whether another run on the same machine would give the same outcome."""
        return self.outcome in SETTLED

    @property
    def seconds(self) -> float:
        """Wall time of the job itself in seconds, without the shared import."""
        return sum(phase.wall_s for name, phase in self.phases.items() if name != "import")

    def arrays(self) -> Iterator[ArrayEntry]:
        """Every stored array that this recording refers to."""
        yield from (output.array for output in (*self.outputs, *self.before))
        yield from (each.array for each in self.unstable if each.array is not None)
        yield from _arrays_in(self.measured)


def _arrays_in(value: JsonValue) -> Iterator[ArrayEntry]:
    """Yield the array entries anywhere in a measurement's own part."""
    if isinstance(value, dict):
        if value.keys() == {"dtype", "shape", "objects", "nbytes"}:
            yield _ENTRY.validate_python(value)
        else:
            for each in value.values():
                yield from _arrays_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _arrays_in(each)


@dataclass(frozen=True, slots=True)
class RecordedOutputs:
    """The outputs of a recording's first run, and which of them were not bit-equal in a later run.

    What stands before an output's saturated head follows the outputs (``OutputId.is_before``). ``later`` has
    what those later runs returned.
    """

    outputs: tuple[Output, ...]
    unstable: frozenset[OutputId] = frozenset()
    behind: frozenset[OutputId] = frozenset()
    """Outputs of a stage after the model, which the model's noise floor does not cover."""
    not_before: tuple[tuple[str, str], ...] = ()
    """Saturated outputs before whose heads nothing is recorded, and why."""
    later: tuple[Unstable, ...] = ()

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Return the outputs of a complete recording."""
        return cls(
            (*recording.outputs, *recording.before),
            frozenset(each.id for each in recording.unstable),
            not_before=tuple(recording.not_before.items()),
            later=recording.unstable,
        )
