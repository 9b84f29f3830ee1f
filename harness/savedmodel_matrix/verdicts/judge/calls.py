"""Outputs that change from run to run and begin the same in every process: every run of them is an output."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import Output

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from savedmodel_matrix.domain.arrays import OutputId
    from savedmodel_matrix.domain.noise_floor import MeasuredFloor
    from savedmodel_matrix.domain.recording import RecordedOutputs


def calls_of(recordings: Iterable[RecordedOutputs], restarting: Container[str]) -> dict[OutputId, int]:
    """Return how many runs of each output are to be compared: of all that any recording's runs differ in."""
    found: dict[OutputId, int] = {}
    for recorded in recordings:
        for each in recorded.later:
            if each.name in restarting:
                found[each.id] = max(found.get(each.id, 1), each.run)
    return found


def call_by_call(recorded: RecordedOutputs, calls: Mapping[OutputId, int]) -> RecordedOutputs:
    """Return a recording with the later runs of its outputs among them."""
    outputs = (*recorded.outputs, *_later(recorded, calls))
    return replace(recorded, outputs=outputs, later=())


def _later(recorded: RecordedOutputs, calls: Mapping[OutputId, int]) -> Iterator[Output]:
    known = {(each.id, each.run): each.array for each in recorded.later}
    for output in recorded.outputs:
        for run in range(2, calls.get(output.id, 1) + 1):
            # A run that is not listed was bit-equal to the first.
            array = known.get((output.id, run), output.array)
            if array is not None:
                yield Output.of(output.id._replace(call=run), array)


def repeating(recorded: RecordedOutputs | None, floor: MeasuredFloor | None) -> frozenset[str]:
    """Return the names of outputs whose runs differ, and differ in the same way in two processes."""
    if recorded is None or floor is None:
        return frozenset()
    one, other = ({(each.id, each.run, each.array) for each in run.later} for run in (recorded, floor.run))
    return frozenset(each[0].name for each in one) - {each[0].name for each in one ^ other}
