"""The checks of session behaviour in a report: rows, table and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import Check, CheckVerdict
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.evidence.checked import check_results, explanations
from savedmodel_matrix.report.document import CheckRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.report.document import Report
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedCase

_SHORT = {
    CheckVerdict.PASSES: "pass",
    CheckVerdict.FLOAT_NOISE: "noise",
    CheckVerdict.FAILS: "FAILS",
    CheckVerdict.NOT_RUN: "?",
}
LEGEND = "pass: identical   noise: equal up to rounding   FAILS: see below   ?: no result, see below"
_MOST_NAMED = 3
_MOST_ROWS = 30


def check_rows(
    plan: Plan,
    case: str,
    collected_rows: Sequence[Collected],
    collection: Collection,
    judged: JudgedCase,
    read: Callable[[ArrayEntry], Array],
) -> list[CheckRow]:
    """Return a row for every check of a case in every cell that runs it.

    ``collected_rows`` are those of the case; ``judged`` has its noise floors.
    """
    plain = {row.cell: row for row in collected_rows}
    rows = []
    for cell, collected, result in check_results(plan, case, collected_rows, collection.checks, judged, read):
        explained = explanations(collection, case, collected, result)
        rows.append(
            CheckRow(
                environment=cell.environment,
                setting=cell.setting,
                case=case,
                check=result.check,
                verdict=result.verdict,
                kind=result.kind,
                says=result.says,
                because=[each.says for each in explained],
                advice=list(dict.fromkeys(each.cause.advice for each in explained)),
                details=result.details,
                required=collected.required and plain[cell].outcome is Outcome.RECORDED,
                recording=collected.recording.key if collected.recording else None,
            )
        )
    return rows


def verdicts_by_place(rows: Iterable[CheckRow]) -> dict[tuple[CellId, str], dict[Check, CheckVerdict]]:
    """Return the verdicts of the checks of each cell and case that has any."""
    found: dict[tuple[CellId, str], dict[Check, CheckVerdict]] = {}
    for row in rows:
        found.setdefault((CellId(row.environment, row.setting), row.case), {})[row.check] = row.verdict
    return found


def check_table(report: Report) -> pd.DataFrame:
    """Return cases and cells × checks, in short.

    If there are more rows than fit on a screen, cells of a case with the same results share one.
    """
    names = [check for check in Check if any(row.check is check for row in report.checks)]
    places: dict[tuple[str, str], dict[Check, str]] = {}
    for row in report.checks:
        text = _SHORT[row.verdict]
        if row.verdict is CheckVerdict.FAILS and row.kind:
            text = f"{text} ({row.kind})"
        if row.expected:
            text = f"{text} (expected)"
        places.setdefault((row.case, row.cell), {})[row.check] = text
    rows = {place: tuple(of.get(name, "") for name in names) for place, of in places.items()}
    alike: dict[tuple[str, str | tuple[str, ...]], list[str]] = {}
    for (case, cell), texts in rows.items():
        alike.setdefault((case, texts if len(rows) > _MOST_ROWS else cell), []).append(cell)
    return pd.DataFrame(
        [[case, _named(cells), *rows[case, cells[0]]] for (case, _), cells in alike.items()],
        columns=["case", "cell", *(name.value for name in names)],
    )


def check_findings(report: Report) -> list[str]:
    """Return a line per case, check and finding: in which cells, out of how many, and what was seen."""
    lines = []
    kinds: dict[tuple[str, Check], dict[tuple[str, str | None], list[CheckRow]]] = {}
    for row in report.checks:
        kinds.setdefault((row.case, row.check), {}).setdefault((row.verdict, row.kind), []).append(row)
    for (case, check), found in kinds.items():
        known = [row for rows in found.values() for row in rows if row.verdict is not CheckVerdict.NOT_RUN]
        for (verdict, _), rows in found.items():
            if verdict == CheckVerdict.FAILS:
                where = _where(rows, len(known))
                lines.append(f"{case}: {check} fails {where}: {rows[0].says}{_because(rows[0])}")
                lines += [f"  {each}" for each in _fixes(report, rows)]
    return lines + _unknown(report)


def _fixes(report: Report, failed: Sequence[CheckRow]) -> list[str]:
    """Return what was tried for failures of one kind, fixes first; without a fix, what a person can do."""
    places = {(row.environment, row.setting) for row in failed}
    found: dict[tuple[bool, str, str], list[str]] = {}
    for row in report.check_fixes:
        place = row.environment, row.setting
        if (row.case, row.check) == (failed[0].case, failed[0].check) and place in places:
            name = f"{row.kind} {row.value}".rstrip()
            found.setdefault((not row.mended, name, row.says), []).append(row.tried_in)
    works = not all(fails for fails, _, _ in found)
    lines = [
        f"{'tried, does not help:' if fails else 'fixed by'} {name} ({says})"
        + ("" if len(cells) == len(places) else f": {_named(cells)}")
        for (fails, name, says), cells in sorted(found.items())
        if not (fails and works)
    ]
    return lines if works else [*lines, *(f"to do: {each}" for each in failed[0].advice)]


def _because(row: CheckRow) -> str:
    return f"; in the graph: {'; '.join(row.because)}" if row.because else ""


def _unknown(report: Report) -> list[str]:
    """Return a line per reason why a check has no result although the cell recorded its case."""
    places: dict[tuple[str, str], dict[Check, list[str]]] = {}
    for row in report.checks:
        if row.verdict is CheckVerdict.NOT_RUN and row.required:
            places.setdefault((row.says, row.case), {}).setdefault(row.check, []).append(row.cell)
    checks: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (says, case), cells_of in places.items():
        for check, cells in cells_of.items():
            checks.setdefault((says, case, tuple(cells)), []).append(check)
    cases: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (says, case, where), names in checks.items():
        cases.setdefault((says, ", ".join(names), where), []).append(case)
    return [
        f"{', '.join(named)}: {checked} could not run in {_named(where)}: {says}"
        for (says, checked, where), named in cases.items()
    ]


def _where(rows: Sequence[CheckRow], known: int) -> str:
    if len(rows) == known:
        return "in every cell" if known > 1 else f"in {rows[0].cell}"
    return f"in {len(rows)} of {known} cells ({_named([row.cell for row in rows])})"


def _named(cells: Sequence[str]) -> str:
    return listed(cells, _MOST_NAMED)
