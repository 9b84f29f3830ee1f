"""What the sentence on a case says of differences that a saturated head hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.report.document import ClassRow, DivergenceRow

_MOST_NAMED = 3


def hidden(case: str, rows: Sequence[DivergenceRow], classes: Sequence[ClassRow], baseline: str) -> list[str]:
    """Return what the outputs of a case hide from the comparison with the baseline."""
    home = next((row.cells[0] for row in classes if row.case == case and baseline in row.cells), None)
    worst: dict[str, DivergenceRow] = {}
    for row in rows:
        if row.case == case and row.b == home and _is_hidden(row):
            known = worst.get(row.output)
            if known is None or _ratio(row) > _ratio(known):
                worst[row.output] = row
    if not worst:
        return []
    first, *others = sorted(worst.values(), key=_ratio, reverse=True)
    names = [f"'{row.output}'" for row in others]
    more = f" (also {listed(names, _MOST_NAMED)})" if names else ""
    return [f"output '{first.output}'{more} is {first.reason}"]


def _is_hidden(row: DivergenceRow) -> bool:
    own = row.noise_ratio or 0.0
    beyond = row.before is not None and row.before.verdict.severity > Verdict.FLOAT_NOISE.severity
    return beyond and row.reason is not None and _ratio(row) > own


def _ratio(row: DivergenceRow) -> float:
    return (row.before.noise_ratio or 0.0) if row.before else 0.0
