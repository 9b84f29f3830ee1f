"""The end of a run: collect the outcomes, compare, write the reports, print the matrix."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from savedmodel_matrix.commands.say import say
from savedmodel_matrix.commands.unchanged import note_reported
from savedmodel_matrix.domain.errors import DamagedError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.content import content_digest
from savedmodel_matrix.questions.matrix import matrix_run
from savedmodel_matrix.store.newest_report import NewestReport, newest_report
from savedmodel_matrix.store.runs import write_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.domain.verdict import Verdict
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.store.newest_report import JudgedAttempt
    from savedmodel_matrix.store.runs import Run, RunAttempt, RunCell

_DAMAGED = "{} damaged files in results/objects were set aside; run the matrix again to record what they held"
_Judged = TypeVar("_Judged", "RunCell", "RunAttempt")


def aggregate(
    project: Workspace,
    plan: Plan,
    selection: Selection,
    run: str,
    *,
    collected: Collection | None = None,
    attempted: bool = False,
    rounds: Sequence[Run] = (),
    verbose: bool = False,
) -> int:
    """Aggregate a run, write its reports and its files in ``results/runs/``; return the exit status.

    ``collected`` is what the store holds for the plan, if it was just read.
    ``attempted`` says that fixes were just tried: those that could not be are not worth trying again.
    ``rounds`` are the rounds that followed the matrix in this run; their files get the verdicts too.
    ``verbose`` prints every matrix and all evidence instead of one screen.
    """
    collection = collected or collect(project, plan, selection)
    executed = sum(state.executed for state in collection.states.values() if state and state.run == run)
    today = dt.datetime.now(dt.UTC).date()
    content = content_digest(plan, collection, today)
    latest = project.results.latest
    # A round of fixes measures what the collection of this plan does not hold.
    standing = None if rounds else _standing(project, content, remedies=attempted)
    if standing is not None:
        report = standing
    else:
        try:
            report = _write_reports(project, plan, collection, run, content, today, attempted=attempted)
        except DamagedError:
            # One is known to be damaged: look at all that this report needs, so that one more run mends it.
            found = 1 + project.results.verify(collection.arrays)
            raise DamagedError(_DAMAGED.format(found)) from None
    judged = [_with_verdicts(each, report) for each in (matrix_run(plan, run, collection), *rounds)]
    for each in judged:
        write_run(project.results, each)
    note_reported(project, plan, selection, collection, report, content, judged[0], today)
    _tell(latest, judged[0], executed, fresh=standing is None, verbose=verbose)
    return report.exit_status


def tell_again(project: Workspace, before: Run, run: str, *, verbose: bool) -> None:
    """Write the file of a run that changed nothing since the one ``before``, and print its report again."""
    again = before.model_copy(update={"run": run})
    write_run(project.results, again)
    _tell(project.results.latest, again, 0, fresh=False, verbose=verbose)


def _tell(latest: Path, run: Run, executed: int, *, fresh: bool, verbose: bool) -> None:
    recorded = sum(cell.outcome is Outcome.RECORDED for cell in run.cells)
    say(
        f"matrix {run.matrix}, run {run.run}: {recorded} of {len(run.cells)} cells × cases recorded, "
        f"{executed} run now{'' if fresh else '; nothing changed, the reports are up to date'}\n\n"
        + (_in_full(latest) if verbose else (latest / "report.txt").read_text(encoding="utf-8"))
    )


def _in_full(latest: Path) -> str:
    from savedmodel_matrix.report.document import Report  # noqa: PLC0415 - as below
    from savedmodel_matrix.report.formats.terminal import render  # noqa: PLC0415

    report = Report.model_validate_json((latest / "report.json").read_bytes())
    return render(report, latest, verbose=True)


def is_reported(project: Workspace, plan: Plan, collection: Collection, *, fixes: bool) -> bool:
    """Whether the newest report matches the recordings; with ``fixes``, whether it has all of them."""
    today = dt.datetime.now(dt.UTC).date()
    content = content_digest(plan, collection, today)
    return _standing(project, content, remedies=fixes) is not None


def _standing(project: Workspace, content: str, *, remedies: bool) -> NewestReport | None:
    """Return the newest report if it has this content and, with ``remedies``, all of them."""
    known = newest_report(project.results)
    if known is None or known.content != content or (remedies and not known.remedies_done):
        return None
    return known


def _write_reports(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    run: str,
    content: str,
    today: dt.date,
    *,
    attempted: bool,
) -> NewestReport:
    # Imported here: they import pandas, which takes longer than a whole run that changed nothing.
    from savedmodel_matrix.questions.fixes import mending_of  # noqa: PLC0415
    from savedmodel_matrix.report.build import build_report  # noqa: PLC0415
    from savedmodel_matrix.report.formats import write_report  # noqa: PLC0415

    mending = mending_of(project, plan, collection)
    mending = replace(mending, done=mending.done or attempted)
    report = build_report(project, plan, collection, mending, run=run, content=content, today=today)
    project.results.latest.mkdir(parents=True, exist_ok=True)
    write_report(report, project.results.latest)
    # Not read again: a run of another matrix beside this one writes its reports to the same place.
    return NewestReport.model_validate_json(report.model_dump_json(by_alias=True))


def _with_verdicts(run: Run, report: NewestReport) -> Run:
    """Return a round with the report's verdicts on its cells and attempts."""
    cells = {(row.environment, row.setting, row.case): row.verdict for row in report.cells}
    # Attempts of one kind may share a cell; both lists have them in the same order.
    attempts: dict[tuple[str, ...], list[Verdict | None]] = {}
    for row in report.remedies:
        attempts.setdefault(_place(row), []).append(row.verdict)
    return run.model_copy(
        update={
            "exit_status": report.exit_status,
            "cells": tuple(
                _judged(cell, cells.get((cell.environment, cell.setting, cell.case))) for cell in run.cells
            ),
            "attempts": tuple(
                _judged(attempt, (attempts.get(_place(attempt)) or [None]).pop(0)) for attempt in run.attempts
            ),
        }
    )


def _judged(row: _Judged, verdict: Verdict | None) -> _Judged:
    return row.model_copy(update={"verdict": verdict})


def _place(row: JudgedAttempt | RunAttempt) -> tuple[str, ...]:
    return row.environment, row.setting, row.case, row.cause, row.kind, row.tried_in
