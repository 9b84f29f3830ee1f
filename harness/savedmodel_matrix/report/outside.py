"""Cases whose model reads files outside itself, as rows: what it reads, what was seen, and what fixes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.evidence.judged import judged_outputs, verdict_of
from savedmodel_matrix.measurements.outside import HIDDEN, SELF_CONTAINED, self_contained_folder
from savedmodel_matrix.models.preflight.self_contained import not_self_contained
from savedmodel_matrix.planning.outside import not_missing
from savedmodel_matrix.planning.predictions import facts_of
from savedmodel_matrix.questions.tried import SAYS
from savedmodel_matrix.report.document import OutsideRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.verdicts.compare.elements import Array

_MOST_NAMED = 3
_WORKS = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)


def outside_rows(
    project: Workspace, plan: Plan, collection: Collection, read: Callable[[ArrayEntry], Array]
) -> list[OutsideRow]:
    """Return a row for every case whose model reads files outside itself."""
    ran = {(each.job.case, each.job.variant): each.recording for each in collection.outside}
    rows = []
    for case, ready in collection.ready.items():
        facts = facts_of(project, ready)
        if not isinstance(ready, ReadyCase) or facts is None or not ready.outside:
            continue
        there = not_missing(ready.outside)
        missing = [each.path for each in ready.outside if each.path not in there]
        hidden, repaired = ran.get((case, HIDDEN)), ran.get((case, SELF_CONTAINED))
        verdict = None
        if repaired is not None and repaired.is_recorded:
            verdict = _verdict(plan, case, collection, repaired, read)
        folder = self_contained_folder(project, plan, ready).relative_to(project.root).as_posix()
        sentences = [
            f"{case} is {not_self_contained(facts.outside)}",
            *_missing(missing),
            *_seen(hidden),
            *_fixed(repaired, verdict, folder),
        ]
        rows.append(
            OutsideRow(
                case=case,
                says=" ".join(f"{each}." for each in sentences),
                paths=[each.path for each in ready.outside],
                missing=missing,
                tried_in=str(plan.baseline),
                hidden=None if hidden is None else hidden.outcome,
                hidden_reason=None if hidden is None else hidden.reason,
                fix=folder if verdict in _WORKS else None,
                verdict=verdict,
            )
        )
    return rows


def _verdict(
    plan: Plan,
    case: str,
    collection: Collection,
    repaired: Recording,
    read: Callable[[ArrayEntry], Array],
) -> Verdict | None:
    rows = (row for row in collection.rows if (row.cell, row.case) == (plan.baseline, case))
    baseline = next(rows).recording
    if baseline is None or not baseline.is_recorded:
        return None
    return verdict_of(judged_outputs(plan, case, collection, repaired, baseline, read, same_inputs=True))


def _missing(missing: list[str]) -> Iterator[str]:
    if missing:
        yield f"Missing here: {listed(missing, _MOST_NAMED)}"


def _seen(hidden: Recording | None) -> Iterator[str]:
    """Yield what the model does where the files are missing."""
    if hidden is None:
        return
    if hidden.outcome is Outcome.RECORDED:
        yield "Seen: where the files are missing, this case still runs"
    else:
        yield f"Seen: where they are missing, {hidden.outcome}: {hidden.reason}".rstrip(".")


def _fixed(repaired: Recording | None, verdict: Verdict | None, folder: str) -> Iterator[str]:
    """Yield what a model with the files among its assets does."""
    if repaired is None:
        return
    if verdict is None:
        why = (repaired.reason or repaired.outcome).rstrip(".")
        yield f"No fix was verified: {why}"
        yield "Save the model again from its source, with each file as a tf.saved_model.Asset"
    else:
        yield f"{'Fix' if verdict in _WORKS else 'Tried'}: {folder} contains the files ({SAYS[verdict]})"
