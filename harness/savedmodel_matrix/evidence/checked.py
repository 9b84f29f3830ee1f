"""The results of a case's checks of session behaviour, and what in the model's graph explains a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import Check, CheckVerdict
from savedmodel_matrix.verdicts.causes.behaviour import explain_check
from savedmodel_matrix.verdicts.judge.checks import changing, judge_check
from savedmodel_matrix.verdicts.judge.ruler import Ruler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.check import CheckResult
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, CollectedCheck, Collection
    from savedmodel_matrix.verdicts.causes.behaviour import Explained
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedCase


def check_results(
    plan: Plan,
    case: str,
    collected_rows: Sequence[Collected],
    checks: Mapping[tuple[CellId, str, Check], CollectedCheck],
    judged: JudgedCase,
    read: Callable[[ArrayEntry], Array],
) -> Iterator[tuple[CellId, CollectedCheck, CheckResult]]:
    """Yield the result of every check of a case in every cell that runs it.

    ``collected_rows`` are those of the case; ``judged`` has its noise floors.
    """
    plain = {row.cell: row for row in collected_rows}
    ruler = ruler_of(plan, case, checks, judged, read)
    for (cell, name, check), collected in checks.items():
        if name == case:
            result = judge_check(check, collected.recording, collected.part, plain[cell].recording, ruler)
            yield cell, collected, result


def ruler_of(
    plan: Plan,
    case: str,
    checks: Mapping[tuple[CellId, str, Check], CollectedCheck],
    judged: JudgedCase,
    read: Callable[[ArrayEntry], Array],
) -> Ruler:
    """Return what the differences of a case's checks are measured with."""
    repeated = checks.get((plan.baseline, case, Check.REPEAT))
    return Ruler(judged, plan.cases[case].tolerance, changing(repeated.part if repeated else None), read)


def explanations(
    collection: Collection, case: str, collected: CollectedCheck, result: CheckResult
) -> list[Explained]:
    """Return what in the model's graph explains a check's failure; nothing if it did not fail."""
    if result.verdict is not CheckVerdict.FAILS:
        return []
    outputs = {each.id.name for each in collected.part.differences} if collected.part else set()
    return explain_check(result, collection.origins[case].traits, outputs)
