"""The end of a run: collect the outcomes, compare, write the reports, print the matrix."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.content import content_digest
from savedmodel_matrix.store.atomic import read_json, write_json, write_text
from savedmodel_matrix.store.results import RUN_FORMAT

if TYPE_CHECKING:
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.project import Project


def aggregate(
    project: Project, plan: Plan, selection: Selection, run: str, *, attempted: bool = False
) -> int:
    """Aggregate a run, write its reports and its file in ``results/runs/``; return the exit status.

    ``attempted`` says that remedies were just tried: those that could not be are not worth trying again.
    """
    collection = collect(project, plan, selection)
    executed = sum(state.executed for state in collection.states.values() if state and state.run == run)
    recorded = sum(row.outcome is Outcome.RECORDED for row in collection.rows)
    today = dt.datetime.now(dt.UTC).date()
    content = content_digest(plan, collection, today)
    latest = project.results.latest
    fresh = not _stands(project, content, remedies=attempted)
    if fresh:
        _write_reports(project, plan, collection, run, content, today, attempted=attempted)
    status = _written_status(project)
    _write_run(project, plan, collection, run, status)
    print(  # noqa: T201 - the front doors print
        f"matrix {plan.matrix}, run {run}: {recorded} of {len(collection.rows)} cells × cases recorded, "
        f"{executed} of them run now{'' if fresh else '; nothing changed, the reports stand'}\n\n"
        + (latest / "report.txt").read_text(encoding="utf-8")
    )
    return status


def is_reported(project: Project, plan: Plan, selection: Selection) -> bool:
    """Whether the newest report is of what is recorded now, every remedy included that is to be tried."""
    today = dt.datetime.now(dt.UTC).date()
    content = content_digest(plan, collect(project, plan, selection), today)
    return _stands(project, content, remedies=selection.remedies)


def _stands(project: Project, content: str, *, remedies: bool) -> bool:
    """Whether the newest report is of this content, and where ``remedies`` are wanted, has them all."""
    latest = project.results.latest
    known = read_json(latest / "report.json", formats=1)
    return (
        known is not None
        and known.get("content") == content
        and (bool(known.get("remedies_done")) or not remedies)
        and (latest / "report.txt").exists()
    )


def _write_reports(
    project: Project,
    plan: Plan,
    collection: Collection,
    run: str,
    content: str,
    today: dt.date,
    *,
    attempted: bool,
) -> None:
    # Imported here: with pandas behind them they take longer than all of a run that changed nothing.
    from savedmodel_matrix.commands.follow_up import mending_of  # noqa: PLC0415
    from savedmodel_matrix.report import markdown, terminal  # noqa: PLC0415
    from savedmodel_matrix.report.build import build_report  # noqa: PLC0415

    mending = mending_of(project, plan, collection)
    mending = replace(mending, done=mending.done or attempted)
    report = build_report(project, plan, collection, mending, run=run, content=content, today=today)
    latest = project.results.latest
    names = ("report.md", "report.json", "report.txt")
    places = [(latest / name).relative_to(project.root).as_posix() for name in names]
    write_text(latest / "report.md", markdown.render(report))
    write_text(latest / "report.txt", terminal.render(report, places) + "\n")
    # Last: it is the one that says which content the others belong to.
    write_text(latest / "report.json", report.model_dump_json(indent=1, by_alias=True) + "\n")


def _written_status(project: Project) -> int:
    report = read_json(project.results.latest / "report.json", formats=1)
    assert report is not None, "the report was just written"  # noqa: S101
    return int(report["exit_status"])


def _write_run(project: Project, plan: Plan, collection: Collection, run: str, status: int) -> None:
    write_json(
        project.results.run_path(f"{run}-{plan.matrix}"),
        {
            "format": RUN_FORMAT,
            "run": run,
            "matrix": plan.matrix,
            "baseline": str(plan.baseline),
            "cells": [
                {
                    "environment": row.cell.environment,
                    "setting": row.cell.setting,
                    "case": row.case,
                    "outcome": row.outcome,
                    "reason": row.reason,
                    "recording": row.recording.key if row.recording else None,
                }
                for row in collection.rows
            ],
            "exit_status": status,
        },
    )
