"""Many runs of the cases with random outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.evidence.collected import DistributionRecord
from savedmodel_matrix.measurements.distribution import DistributionMeasurement
from savedmodel_matrix.verdicts.judge.calls import repeating
from savedmodel_matrix.verdicts.judge.nondeterministic import nondeterministic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.arrays import OutputId
    from savedmodel_matrix.domain.distribution import Sample
    from savedmodel_matrix.evidence.collected import Collected, CollectedNoise, Collection
    from savedmodel_matrix.evidence.origins import Origin
    from savedmodel_matrix.evidence.recorded import Evidence

_DISTRIBUTION = DistributionMeasurement()


def collect_distributions(
    evidence: Evidence,
    rows: Sequence[Collected],
    noise: Mapping[str, CollectedNoise],
    origins: Mapping[str, Origin],
) -> list[DistributionRecord]:
    """Return the runs that random outputs call for, with their recordings: in all cells that have outputs.

    There are none for a case that only one cell recorded, or that the baseline did not.
    """
    plan = evidence.plan
    recorded: dict[str, dict[str, Collected]] = {}
    for row in rows if plan.random.runs else ():
        if row.outcome is Outcome.RECORDED and row.recording is not None:
            recorded.setdefault(row.case, {})[str(row.cell)] = row
    found = []
    for case, cells in recorded.items():
        if len(cells) < 2 or str(plan.baseline) not in cells:
            continue
        if not _is_random(cells, str(plan.baseline), noise.get(case), origins[case]):
            continue
        for row in cells.values():
            limits = plan.limits[row.cell, case]
            given = plan.given.get((row.cell, case))
            job = Job(row.cell, case, limits, DistributionMeasurement.name, given=given)
            recording = evidence.recording(job)
            part = _DISTRIBUTION.read(recording, job) if recording and recording.is_recorded else None
            found.append(DistributionRecord(job, recording, part))
    return found


def _is_random(
    cells: Mapping[str, Collected], baseline: str, noise: CollectedNoise | None, origin: Origin
) -> bool:
    """Whether runs of the case differ, or an op that draws numbers reaches one of its outputs."""
    outputs = {cell: RecordedOutputs.of(row.recording) for cell, row in cells.items() if row.recording}
    if any(output.id.name in origin.drawing for output in outputs[baseline].outputs):
        return True
    floor, threads = (noise.floor, noise.threads) if noise else (None, None)
    restarting = origin.restarting if origin.is_known else repeating(outputs[baseline], floor)
    return bool(nondeterministic(outputs, baseline, floor, threads, restarting))


def samples(collection: Collection, case: str) -> dict[str, dict[OutputId, Sample]]:
    """Return the samples of a case's outputs in each cell that has them."""
    return {
        str(each.job.cell): {sample.id: sample for sample in each.part.samples}
        for each in collection.distributions
        if each.job.case == case and each.part is not None
    }


def drawn(collection: Collection, case: str) -> dict[OutputId, str]:
    """Return the outputs that draw random numbers and whose runs differ in some cell, and where.

    Two runs may agree by chance where many do not.
    """
    drawing = collection.origins[case].drawing
    found: dict[OutputId, str] = {}
    for cell, outputs in samples(collection, case).items():
        for output, sample in outputs.items():
            if sample.varies and output.name in drawing:
                found.setdefault(output, f"{sample.runs} runs differ in {cell}")
    return found
