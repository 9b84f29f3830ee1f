"""A report's lines and tables about pipelines, which every format renders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.report.pipelines.diagnoses import advice_of
from savedmodel_matrix.report.tables import several

#: Of the elements that differ most, so many are shown below a comparison.
_WORST = 3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.report.document import Report
    from savedmodel_matrix.report.pipelines.document import DiagnosisRow, StageRow


def pipeline_lines(report: Report) -> list[str]:
    """Return, per case with pipelines, where differences come from, and how training and serving differ."""
    lines = []
    for case in report.cases:
        stages = dict.fromkeys(row.stage for row in report.stages if row.case == case.name)
        if not stages:
            continue
        lines.append(f"{case.name}:")
        for stage in stages:
            rows = [row for row in report.stages if (row.case, row.stage) == (case.name, stage)]
            lines.append(f"  {stage}: {_made(rows)}")
        for entry in report.entries:
            if entry.case == case.name:
                whole = f"; end to end: {entry.end_to_end}" if entry.end_to_end else ""
                lines.append(f"  {several(tuple(entry.cells))}: {entry.says}{whole}")
        lines += [
            f"  input check ({finding.confidence}; {several(tuple(finding.cells))}): {finding.says}"
            for finding in report.findings
            if finding.case == case.name
        ]
        for skew in report.skews:
            if skew.case == case.name:
                lines.append(f"  training versus serving ({several(tuple(skew.cells))}): {skew.says}")
                lines += [f"    {line}" for each in skew.diagnoses for line in advice_of(each)]
                lines += [f"    for example {line}" for line in skew.worst[:_WORST]]
    return lines


def skew_lines(report: Report) -> list[str]:
    """Return, per difference between training and serving, its fix: indented lines below the diagnosis."""
    found: dict[tuple[str, str], list[DiagnosisRow]] = {}
    for skew in report.skews:
        for each in skew.diagnoses:
            found.setdefault((skew.case, each.title), []).append(each)
    lines = []
    for (case, title), rows in found.items():
        if all(row.harmless for row in rows):
            continue
        left = max(row.residual for row in rows)
        verified = f" (verified: leaves a relative difference of {left:.1e})" if _is_verified(rows) else ""
        lines.append(f"{case}: {title}")
        lines.append(f"  fix{verified}: {rows[0].mends}")
        if rows[0].line:
            lines.append(f"  the line: {rows[0].line}")
    return lines


def _is_verified(rows: Sequence[DiagnosisRow]) -> bool:
    """Whether a correction was applied and removed the difference: other proofs show a cause, not a fix."""
    return all(row.residual < row.before and not row.left for row in rows)


def _made(rows: Sequence[StageRow]) -> str:
    """Return in how many cells a stage gave the same result, and why it did not run in others."""
    recorded = [row for row in rows if row.outcome is Outcome.RECORDED]
    classes = dict.fromkeys(row.class_ for row in recorded)
    same = "identical" if len(classes) == 1 else f"{len(classes)} different results"
    parts = [f"{same} in the {len(recorded)} cells that ran it"] if recorded else []
    failed = Counter(f"{row.outcome}: {row.reason}" for row in rows if row.outcome is not Outcome.RECORDED)
    return "; ".join([*parts, *(f"{what} ({count(number, 'cell')})" for what, number in failed.items())])


def stage_table(report: Report) -> pd.DataFrame:
    """Return a row per stage and cell: its result and its libraries."""
    return pd.DataFrame(
        [
            {
                "case": row.case,
                "stage": row.stage,
                "cell": row.cell,
                "class": row.class_ or row.outcome.value,
                "libraries": ", ".join(f"{name} {version}" for name, version in row.libraries.items()),
                "ran in (beside)": row.beside or "",
            }
            for row in report.stages
        ]
    )


def diagnosis_table(report: Report) -> pd.DataFrame:
    """Return a row per difference between training and serving: both sides, and the remaining difference."""
    return pd.DataFrame(
        [
            {
                "case": row.case,
                "cells": several(tuple(row.cells)),
                "diagnosis": each.id,
                "training": each.train,
                "serving": each.serve,
                "difference (relative L2)": each.before,
                "after correction": each.residual,
                "max abs": each.max_abs_before,
                "max abs after": each.max_abs_after,
                "outputs": row.verdict.value if row.verdict else "",
                "decisions changed": f"{row.decisions_changed} of {row.rows}" if row.rows else "",
            }
            for row in report.skews
            for each in row.diagnoses
        ]
    )
