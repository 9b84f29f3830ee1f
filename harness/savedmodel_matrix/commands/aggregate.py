"""The end of a run: collect the outcomes, compare, write the reports, print the matrix."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.store.atomic import json_digest, read_json, write_json
from savedmodel_matrix.store.results import RUN_FORMAT

if TYPE_CHECKING:
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.evidence.collect import Collection
    from savedmodel_matrix.planning.project import Project

#: Raise it when the same outcomes would be reported differently, so that reports are made anew.
REPORT_VERSION = 4


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
    content = _content(plan, collection, today)
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
    content = _content(plan, collect(project, plan, selection), today)
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


def _content(plan: Plan, collection: Collection, today: dt.date) -> str:
    """Return a digest of everything a report is made from: no need to compare again what was compared."""
    return json_digest(
        {
            "version": REPORT_VERSION,
            "matrix": plan.matrix,
            "baseline": str(plan.baseline),
            "cases": {name: case.model_dump(mode="json") for name, case in plan.cases.items()},
            "settings": {name: setting.model_dump(mode="json") for name, setting in plan.settings.items()},
            "expectations": [
                [expect.model_dump(mode="json"), expect.is_expired(today)] for expect in plan.expectations
            ],
            "noise_floor": plan.noise_floor.model_dump(mode="json") if plan.noise_floor else None,
            "noise": {
                case: [
                    _identity(noise.floor),
                    _identity(noise.threads),
                    noise.problem,
                ]
                for case, noise in collection.noise.items()
            },
            "stages": [
                [str(each.cell), each.case, each.stage, each.outcome, each.reason, _identity(each.recording)]
                for each in collection.stages
            ],
            "trained": {case: _identity(found) for case, found in collection.trained.items()},
            "swaps": [
                [str(each.job.cell), each.job.case, str(each.job.given), _identity(each.recording)]
                for each in collection.swaps
            ],
            "checks": [
                [str(cell), case, name, _identity(check.recording), check.required]
                for (cell, case, name), check in collection.checks.items()
            ],
            "remarks": plan.remarks,
            "rows": [
                [str(row.cell), row.case, row.outcome, row.reason, row.required, _identity(row.recording)]
                for row in collection.rows
            ],
            "faults": [state.fault for state in collection.states.values() if state and state.fault],
        }
    )


def _identity(recording: dict[str, Any] | None) -> list[str] | None:
    # A recording made anew has the same key: the time it ended tells it from the old one.
    return None if recording is None else [recording["key"], recording["ended"]]


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
    from savedmodel_matrix.report.build import build_report  # noqa: PLC0415
    from savedmodel_matrix.report.formats import write_report  # noqa: PLC0415

    mending = mending_of(project, plan, collection)
    mending = replace(mending, done=mending.done or attempted)
    report = build_report(project, plan, collection, mending, run=run, content=content, today=today)
    project.results.latest.mkdir(parents=True, exist_ok=True)
    write_report(report, project.results.latest)


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
                    "recording": row.recording["key"] if row.recording else None,
                }
                for row in collection.rows
            ],
            "exit_status": status,
        },
    )
