"""Causes of failures and the fixes that were tried, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.knowledge.causes.base import RemedyKind
from savedmodel_matrix.questions.fixes import causes_of
from savedmodel_matrix.report.document import CauseRow, CheckFixRow, RemedyRow, StepRow, UntriedRow
from savedmodel_matrix.verdicts.causes.match import useful_part

if TYPE_CHECKING:
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.knowledge.causes.base import Remedy
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.attempts import Attempt
    from savedmodel_matrix.questions.fixes import Mending
    from savedmodel_matrix.questions.tried import Tried


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


def remedy_rows(plan: Plan, mending: Mending) -> list[RemedyRow]:
    """Return the result of every attempt that ran or never can."""
    return [_row(plan, mending.remedies.plan, each) for each in mending.tried]


def check_fix_rows(mending: Mending) -> list[CheckFixRow]:
    """Return the result of every attempt to fix a failed check."""
    return [
        CheckFixRow(
            environment=each.attempt.failed.environment,
            setting=each.attempt.failed.setting,
            case=each.attempt.case,
            check=each.attempt.check,
            kind=each.attempt.kind,
            value=each.attempt.value,
            tried_in=str(each.attempt.cell),
            outcome=each.row.outcome,
            mended=each.mended,
            says=each.says,
        )
        for each in mending.of_checks
    ]


def untried_rows(mending: Mending) -> list[UntriedRow]:
    """Return the attempts that would follow and are not made."""
    rows = []
    for each in mending.remedies.untried:
        attempt = each.attempt
        first, *others = (StepRow(kind=step.kind.value, value=step.value) for step in attempt.steps)
        rows.append(
            UntriedRow(
                environment=attempt.failed.environment,
                setting=attempt.failed.setting,
                case=attempt.case,
                cause=attempt.cause,
                kind=first.kind,
                value=first.value,
                together=others,
                because=each.because,
            )
        )
    return rows


def _row(plan: Plan, fixes: Plan, tried: Tried) -> RemedyRow:
    attempt = tried.attempt
    first, *others = (
        StepRow(kind=step.kind.value, value=_value(plan, fixes, attempt, step)) for step in attempt.steps
    )
    return RemedyRow(
        environment=attempt.failed.environment,
        setting=attempt.failed.setting,
        case=attempt.case,
        cause=attempt.cause,
        kind=first.kind,
        value=first.value,
        together=others,
        tried_in=str(attempt.cell),
        outcome=tried.outcome,
        verdict=tried.verdict,
        mended=tried.mended,
        says=tried.says,
    )


def _value(plan: Plan, fixes: Plan, attempt: Attempt, step: Remedy) -> str:
    if step.kind is RemedyKind.RE_EXPORT:
        return f"in {plan.baseline.environment}, signatures only"  # what was run, not what was advised
    if step.kind is not RemedyKind.PACKAGE:
        return step.value
    steps = {(each.kind, each.value) for each in attempt.steps}
    brought = [
        each for each in fixes.cases[attempt.variant].imports if each not in plan.cases[attempt.case].imports
    ]
    together = [f"import {each}" for each in brought if (RemedyKind.IMPORT, each) not in steps]
    before, after = (each.environments for each in (plan, fixes))
    resolve = after[attempt.cell.environment].resolve
    changed = resolve != before[attempt.failed.environment].resolve
    if changed and (RemedyKind.RESOLVE, resolve) not in steps:
        together.append(f'resolve = "{resolve}"')
    return f"{step.value} ({', '.join(together)})" if together else step.value
