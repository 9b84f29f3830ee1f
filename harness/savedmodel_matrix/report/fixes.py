"""Causes of failures and the fixes that were tried, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.knowledge.causes.base import RemedyKind
from savedmodel_matrix.questions.fixes import causes_of, re_export_recording
from savedmodel_matrix.report.document import CauseRow, RemedyRow
from savedmodel_matrix.report.initialisation import without_value
from savedmodel_matrix.report.judged import judged_outputs, verdict_of
from savedmodel_matrix.verdicts.causes.match import useful_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.attempts import Attempt, Remedies
    from savedmodel_matrix.questions.fixes import Mending
    from savedmodel_matrix.verdicts.compare.elements import Array


def cause_rows(project: Workspace, plan: Plan, collection: Collection) -> list[CauseRow]:
    """Return the cause of each failure; an unknown one comes with the text that is worth searching for."""
    rows = []
    for row in collection.rows:
        if row.outcome in {Outcome.RECORDED, Outcome.SKIPPED} or not row.selected:
            continue
        matches = causes_of(project, plan, row, collection.ready[row.case])
        if not matches and row.recording is None:
            continue  # its reason is all that is known
        best = matches[0] if matches else None
        rows.append(
            CauseRow(
                environment=row.cell.environment,
                setting=row.cell.setting,
                case=row.case,
                cause=best.cause.id if best else None,
                title=best.title if best else "unknown",
                explanation=best.explanation if best else None,
                source=best.cause.source if best else None,
                candidates=[f"{remedy.kind}: {remedy.value}" for remedy in best.remedies] if best else [],
                useful=None
                if best or row.recording is None
                else useful_part(row.recording.traceback or row.recording.reason or ""),
            )
        )
    return rows


def remedy_rows(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    mending: Mending,
    read: Callable[[ArrayEntry], Array],
) -> list[RemedyRow]:
    """Return the result of every attempt that ran."""
    remedies = mending.remedies
    found = {(row.cell, row.case): row for row in mending.tried.rows}
    originals = {(str(row.cell), row.case): row for row in collection.rows}
    rows = []
    for attempt in remedies.attempts:
        outcome = (
            _missing_re_export(project, plan, collection, remedies, attempt)
            or found[attempt.cell, attempt.variant]
        )
        if isinstance(outcome, str):
            rows.append(_row(plan, remedies.plan, attempt, Outcome.SKIPPED, None, outcome))
            continue
        if outcome.outcome is Outcome.SKIPPED:
            continue  # it did not run, or not yet
        if outcome.outcome is not Outcome.RECORDED:
            says = f"still {outcome.outcome}: {outcome.reason}"
            rows.append(_row(plan, remedies.plan, attempt, outcome.outcome, None, says))
            continue
        if unread := without_value(outcome):
            says = f"it runs, but reads uninitialised variables: {', '.join(unread)}"
            rows.append(_row(plan, remedies.plan, attempt, outcome.outcome, Verdict.INCOMPARABLE, says))
            continue
        verdict = _verdict(plan, collection, attempt, outcome, originals, read)
        rows.append(_row(plan, remedies.plan, attempt, outcome.outcome, verdict, SAYS[verdict]))
    return rows


#: What a verdict against the baseline says of a fix that runs.
SAYS = {
    None: "it runs; the baseline has no outputs to compare with",
    Verdict.IDENTICAL: "verified: identical to the baseline",
    Verdict.FLOAT_NOISE: "verified: matches the baseline within float noise",
    Verdict.SUSPICIOUS: "it runs, but may differ from the baseline by more than noise (suspicious)",
    Verdict.DIVERGED: "it runs, but differs from the baseline",
    Verdict.INCOMPARABLE: "it runs, but its outputs cannot be compared with the baseline's",
}


def _missing_re_export(
    project: Workspace, plan: Plan, collection: Collection, remedies: Remedies, attempt: Attempt
) -> str | None:
    """Return why a re-exported model is missing; None if it is there or was not to be re-exported."""
    folder = project.root / remedies.plan.cases[attempt.variant].path
    if not attempt.variant.endswith("+re-export") or folder.exists():
        return None
    result = re_export_recording(project, plan, collection, attempt.case)
    why = "not tried" if result is None else f"{result.outcome}: {result.reason}"
    return f"the baseline's environment could not re-export the model: {why}"


def _verdict(
    plan: Plan,
    collection: Collection,
    attempt: Attempt,
    outcome: Collected,
    originals: Mapping[tuple[str, str], Collected],
    read: Callable[[ArrayEntry], Array],
) -> Verdict | None:
    baseline = originals.get((str(plan.baseline), attempt.case))
    if baseline is None or baseline.outcome is not Outcome.RECORDED:
        return None
    if baseline.recording is None or outcome.recording is None:
        return None
    outputs = judged_outputs(
        plan,
        attempt.case,
        collection,
        outcome.recording,
        baseline.recording,
        read,
        same_inputs=True,
    )
    return verdict_of(outputs)


def _row(
    plan: Plan, fixes: Plan, attempt: Attempt, outcome: Outcome, verdict: Verdict | None, says: str
) -> RemedyRow:
    return RemedyRow(
        environment=attempt.failed.environment,
        setting=attempt.failed.setting,
        case=attempt.case,
        cause=attempt.cause,
        kind=attempt.remedy.kind.value,
        value=_value(plan, fixes, attempt),
        tried_in=str(attempt.cell),
        outcome=outcome,
        verdict=verdict,
        mended=outcome is Outcome.RECORDED and verdict in (None, Verdict.IDENTICAL, Verdict.FLOAT_NOISE),
        says=says,
    )


def _value(plan: Plan, fixes: Plan, attempt: Attempt) -> str:
    if attempt.remedy.kind is RemedyKind.RE_EXPORT:
        return f"in {plan.baseline.environment}, signatures only"  # what was run, not what was advised
    if attempt.remedy.kind is not RemedyKind.PACKAGE:
        return attempt.remedy.value
    before, after = (each.environments for each in (plan, fixes))
    resolve = after[attempt.cell.environment].resolve
    together = []
    if imported := attempt.variant.removeprefix(attempt.case).removeprefix("+import-"):
        together.append(f"import {imported}")
    if resolve != before[attempt.failed.environment].resolve:
        together.append(f'resolve = "{resolve}"')
    return f"{attempt.remedy.value} ({', '.join(together)})" if together else attempt.remedy.value
