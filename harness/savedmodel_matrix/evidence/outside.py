"""What was measured of models that read files outside themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.evidence.collected import OutsideRecord
from savedmodel_matrix.measurements.outside import HIDDEN, SELF_CONTAINED, OutsideMeasurement
from savedmodel_matrix.planning.outside import not_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.evidence.collected import Collected
    from savedmodel_matrix.evidence.recorded import Evidence


def collect_outside(evidence: Evidence, rows: Sequence[Collected]) -> list[OutsideRecord]:
    """Return the runs that cases with files outside their model call for, with their recordings.

    If a file is missing here, or the model fails in the baseline, the plain runs say all.
    """
    plan = evidence.plan
    recorded = {row.case for row in rows if row.cell == plan.baseline and row.outcome is Outcome.RECORDED}
    found = []
    for case, ready in evidence.ready.items():
        if case not in recorded or not isinstance(ready, ReadyCase) or not not_missing(ready.outside):
            continue
        limits = plan.limits[plan.baseline, case]
        for variant in (HIDDEN, SELF_CONTAINED):
            job = Job(plan.baseline, case, limits, OutsideMeasurement.name, variant)
            found.append(OutsideRecord(job, evidence.recording(job)))
    return found
