"""Outputs that differ between repeats in one cell, so that single runs cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from savedmodel_matrix.domain.arrays import OutputId
    from savedmodel_matrix.domain.noise_floor import MeasuredFloor
    from savedmodel_matrix.domain.recording import RecordedOutputs


def nondeterministic(
    recordings: Mapping[str, RecordedOutputs],
    baseline: str,
    floor: MeasuredFloor | None,
    threads: RecordedOutputs | None,
    restarting: Container[str],
) -> dict[OutputId, str]:
    """Return the outputs that differ between repeats in one cell, and where.

    In every cell two runs in one process are compared; in the baseline, two processes as well. Outputs that
    are ``restarting`` need only agree between two processes.
    """
    found: dict[OutputId, str] = {}
    run_by_run = restarting if floor is not None else ()
    for cell, recorded in recordings.items():
        for output in recorded.unstable:
            if output.name in run_by_run:
                continue
            found.setdefault(output, f"two runs in one process differ in {cell}")
    for run in (floor.run if floor else None, threads):
        for unstable in run.unstable if run else ():
            if unstable.name in run_by_run:
                continue
            found.setdefault(unstable, f"two runs in one process differ in {baseline}")
    if floor is not None and baseline in recordings:
        second = {output.id: output.array for output in floor.run.outputs}
        for first in recordings[baseline].outputs:
            if first.id.is_before and first.id not in second:
                continue  # it could not be computed there
            if second.get(first.id) != first.array and first.id not in recordings[baseline].behind:
                found.setdefault(first.id, f"two processes differ in {baseline}")
    return found
