"""Fixes that ran and made a case agree, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.report.upgrade.blockers import work
from savedmodel_matrix.report.upgrade.document import FixRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.report.document import RemedyRow


def fix_rows(remedies: Iterable[RemedyRow], environment: str, tensorflow: str) -> list[FixRow]:
    """Return the fixes that work in an environment with this TensorFlow, those with the least work first."""
    rows = [row for row in remedies if row.mended and row.environment == environment]
    return [
        FixRow(name=_name(row), tensorflow=tensorflow, says=row.says)
        for row in sorted(rows, key=lambda row: work(_name(row)))
    ]


def _name(row: RemedyRow) -> str:
    """Return a fix in words, such as ``package tf-keras~=2.16.0 with variable TF_USE_LEGACY_KERAS=1``."""
    steps = [f"{row.kind} {row.value}", *(f"{each.kind} {each.value}" for each in row.together)]
    return " with ".join(steps)
