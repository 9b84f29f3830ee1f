"""Rows of named differences, with what is known of how they usually arise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.knowledge.preprocessing import usual
from savedmodel_matrix.report.pipelines.document import DiagnosisRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis


def row_of(found: Diagnosis, batches: Sequence[int]) -> DiagnosisRow:
    """Return a diagnosis as a row, for these batches."""
    known = [usual()[step] for step in found.steps if step in usual()]
    return DiagnosisRow(
        id=found.id,
        title=found.title,
        train=found.train,
        serve=found.serve,
        mends=found.mends,
        tensors=list(found.tensors),
        batches=list(batches),
        steps=list(found.steps),
        before=found.before,
        residual=found.residual,
        max_abs_before=found.max_abs_before,
        max_abs_after=found.max_abs_after,
        where=found.where,
        proof=found.proof,
        left=found.left,
        usually="; ".join(each.happens for each in known),
        line="; ".join(each.line for each in known),
        harmless=found.harmless,
        ties=list(found.ties),
        experiment=found.experiment,
    )


def proof_of(row: DiagnosisRow) -> str:
    """Return in words what shows that a diagnosis is right."""
    shown = row.proof or f"a correction cuts the difference from {row.before:.2g} to {row.residual:.1e}"
    parts = [shown, row.where, row.left]
    if row.ties:
        parts.append(f"just as well: {', or '.join(row.ties)}; to tell: {row.experiment}")
    return "; ".join(part for part in parts if part)


def advice_of(row: DiagnosisRow) -> list[str]:
    """Return what to do about a diagnosis, and how it usually arises, as lines."""
    lines = [f"fix: {row.mends}"]
    if row.usually:
        lines.append(f"usually: {row.usually}")
    if row.line:
        lines.append(f"the line: {row.line}")
    return lines
