"""The tables of a report, as data frames: rendered for the terminal and as Markdown alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.verdicts.judge.output import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.report.document import CellRow, DivergenceRow, Report

#: One sign per verdict, so that a matrix of many cells fits on a screen.
SIGNS = {
    Verdict.IDENTICAL: "=",
    Verdict.FLOAT_NOISE: "~",
    Verdict.SUSPICIOUS: "!",
    Verdict.DIVERGED: "#",
    Verdict.INCOMPARABLE: "?",
}
LEGEND = (
    "= identical   ~ float-noise   ! suspicious   # diverged   ? incomparable   · nothing to compare",
    "* a decision changed   ° one changed within the noise   letters: bit-identical cells",
    "( ) some cases have nothing to compare   2.1× how many times the noise of two runs a difference is",
)
NOTHING = "·"  # no outputs on one side: there is nothing to compare

#: Beyond this many cells a matrix shows one cell of each class instead: it has to fit on a screen.
_MOST_CELLS = 30


def overview(report: Report) -> pd.DataFrame:
    """Return cells × cases: the class and what it is to the baseline, or the outcome."""
    to_baseline = _rows_to(report, report.baseline)
    by_cell: dict[str, list[str]] = {}
    rows = _shown(report)
    for case in report.cases:
        for row in rows:
            if row.case == case.name:
                by_cell.setdefault(row.cell, []).append(_against_baseline(report, row, to_baseline))
    # By position: a case may be named like the first column.
    return pd.DataFrame(
        [[cell, *texts] for cell, texts in by_cell.items()],
        columns=["cell", *(case.name for case in report.cases)],
    )


def overview_by_case(report: Report) -> pd.DataFrame:
    """Return cases × cells, in short: for more cases than fit side by side. Cells are numbered."""
    to_baseline = _rows_to(report, report.baseline)
    rows = _shown(report)
    cells = list(dict.fromkeys(row.cell for row in rows))
    short: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.outcome is Outcome.RECORDED:
            text = " ".join(_against_baseline(report, row, to_baseline).split()[:2])
            if row.verdict is None:
                text = f"{row.class_} {NOTHING}"
        else:
            text = row.outcome.value
        short.setdefault(row.case, {})[row.cell] = text
    return pd.DataFrame(
        [[case.name, *(short[case.name][cell] for cell in cells)] for case in report.cases],
        columns=["case", *(str(number) for number in range(1, len(cells) + 1))],
    )


def case_matrix(report: Report, case: str) -> pd.DataFrame:
    """Return environments × environments for one case: verdict signs, classes on the diagonal."""
    rows = [row for row in _shown(report) if row.case == case]
    return _square(
        _Relations(report, [case]),
        {row.cell: row.class_ for row in rows},
        {row.cell: "" if row.outcome is Outcome.RECORDED else row.outcome.value for row in rows},
    )


def overall_matrix(report: Report) -> pd.DataFrame:
    """Return environments × environments over all cases: the worst verdict of each pair.

    A letter names cells that agree bit for bit in every case and have the same outcomes.
    """
    by_cell: dict[str, list[CellRow]] = {}
    for row in _shown(report):
        by_cell.setdefault(row.cell, []).append(row)
    names: dict[tuple[str, ...], str] = {}
    letters: dict[str, str | None] = {}
    missing = {}
    for cell, rows in by_cell.items():
        outcomes = Counter(row.outcome.value for row in rows if row.outcome is not Outcome.RECORDED)
        missing[cell] = ", ".join(f"{outcome} ×{count}" for outcome, count in outcomes.items())
        content = tuple(f"{row.case} {row.class_ or row.outcome}" for row in rows)
        recorded = outcomes.total() < len(rows)
        letters[cell] = names.setdefault(content, class_name(len(names))) if recorded else None
    return _square(_Relations(report, [case.name for case in report.cases]), letters, missing)


def failures(report: Report) -> list[str]:
    """Return one line per reason why something was not recorded, naming where."""
    missing = [row for row in report.cells if row.outcome is not Outcome.RECORDED]
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for row in missing:
        expected = f" (expected: {row.expected})" if row.expected else ""
        grouped.setdefault((row.outcome.value, f"{row.reason or ''}{expected}", row.case), []).append(
            row.cell
        )
    merged: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (outcome, reason, case), cells in grouped.items():
        merged.setdefault((outcome, reason, tuple(cells)), []).append(case)
    everything = [case.name for case in report.cases]
    return [
        f"{outcome}: {several(cells)}, {'every case' if cases == everything else ', '.join(cases)}: {reason}"
        for (outcome, reason, cells), cases in merged.items()
    ]


def divergences(report: Report) -> pd.DataFrame:
    """Return what differs from the baseline: the numbers of each output, one row per class."""
    classes = {(group.case, group.cells[0]): group for group in report.classes}
    rows = [
        {
            "case": row.case,
            "class": classes[row.case, row.a].name,
            "output": row.output if row.batch is None else f"{row.output} [{row.batch}]",
            "verdict": row.verdict.value,
            "by": row.judged_by.value,
            "× noise": row.noise_ratio,
            "decision": _decision(row),
            "max abs": row.max_abs,
            "max rel": row.max_rel,
            "rel L2": row.rel_l2,
            "scaled ULP": row.scaled_ulp,
            "top-1": row.top1_agreement,
            "KL": row.kl,
            "passes at atol": row.min_tolerance.atol if row.min_tolerance else None,
            "or at rtol": row.min_tolerance.rtol if row.min_tolerance else None,
            "remark": row.reason or "",
        }
        for row in report.divergences
        if report.baseline in classes[row.case, row.b].cells and row.verdict is not Verdict.IDENTICAL
    ]
    return pd.DataFrame(rows)


def predictions(report: Report) -> list[str]:
    """Return how far preflight was right, and every prediction that did not come true."""
    told = [
        (row, row.prediction)
        for row in report.cells
        if row.prediction is not None and row.prediction.came_true is not None
    ]
    wrong: dict[tuple[str, str, str], list[str]] = {}
    for row, prediction in told:
        if not prediction.came_true:
            said = f"{prediction.kind} ({'; '.join(prediction.because) or 'nothing speaks against it'})"
            wrong.setdefault((row.case, said, row.outcome.value), []).append(row.cell)
    if not told:
        return []
    right = len(told) - sum(len(cells) for cells in wrong.values())
    return [
        f"{right} of {len(told)} predictions from the files alone came true",
        *(
            f"{case}: predicted {said}, and it was {outcome}: {several(tuple(cells))}"
            for (case, said, outcome), cells in wrong.items()
        ),
    ]


def mending(report: Report) -> list[str]:
    """Return, per cause, where it struck, and what was run and seen to mend it or not; indented lines."""
    struck: dict[tuple[str | None, str], dict[str, list[str]]] = {}
    for row in report.causes:
        places = struck.setdefault((row.cause, row.title if row.cause else row.useful or ""), {})
        cases = places.setdefault(row.environment, [])
        if row.case not in cases:
            cases.append(row.case)
    lines = []
    for (cause, title), places in struck.items():
        where = several(tuple(places))
        cases = list(dict.fromkeys(case for named in places.values() for case in named))
        name = f"{cause}: {title}" if cause else f"unknown: {' '.join(title.split())}"
        lines.append(f"{name} ({where}: {', '.join(cases)})")
        # Unknown failures have no remedies.
        lines += [f"  {line}" for line in _attempts(report, cause)] if cause else []
    return lines


def _attempts(report: Report, cause: str) -> list[str]:
    """Return a line per remedy and result, what mended it first; ``{minor}`` makes one remedy of several."""
    results: dict[tuple[bool, str, str], dict[str, list[str]]] = {}
    for row in report.remedies:
        if row.cause == cause:
            key = not row.mended, f"{row.kind} {row.value}".removesuffix(" "), row.says
            results.setdefault(key, {}).setdefault(row.environment, []).append(row.case)
    lines = []
    for (failed, remedy, says), places in sorted(results.items(), key=lambda item: item[0][0]):
        cases = list(dict.fromkeys(case for named in places.values() for case in named))
        start = "tried" if failed else "mended by"
        lines.append(f"{start} {remedy}: {says} ({several(tuple(places))}: {', '.join(cases)})")
    return lines


def proposals(report: Report) -> list[str]:
    """Return one line per proposed cell, and what it would tell apart."""
    return [
        f"{row.environment}/{row.setting} with {', '.join(map(' '.join, row.change.items()))}: separates "
        f"{' from '.join(row.separates)} ({', '.join(row.cases)})"
        for row in report.proposals
        if not row.added
    ]


def noise(report: Report) -> pd.DataFrame:
    """Return what is known of each output of the baseline: its noise, what that hides, and its caveats."""
    return pd.DataFrame(
        [
            {
                "case": row.case,
                "output": f"{row.output} [{row.batch}]",
                "type": f"{row.dtype}{row.shape}",
                "noise": row.sigma,
                "raised by threads or batch": row.raised if row.raised and row.raised > 1 else None,
                "undetectable below (relative)": row.detectable,
                "remark": "; ".join([*row.caveats, *([row.no_floor] if row.no_floor else [])]),
            }
            for row in report.outputs
        ]
    )


def class_name(index: int) -> str:
    """Return A, B, ..., Z, AA, AB, ... for 0, 1, ..."""
    name = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _shown(report: Report) -> list[CellRow]:
    """Return the rows without the cells of which the matrix leaves everything out.

    A pairwise cover leaves out thousands. The list of what was not recorded names them with the reason.
    """
    excluded = {row.cell for row in report.cells} - {
        row.cell for row in report.cells if row.required or row.outcome is not Outcome.SKIPPED
    }
    return [row for row in report.cells if row.cell not in excluded]


def _against_baseline(
    report: Report, row: CellRow, to_baseline: dict[tuple[str, str], list[DivergenceRow]]
) -> str:
    expected = " (expected)" if row.expected else ""
    if row.outcome is not Outcome.RECORDED:
        return f"{row.outcome}{expected}"
    if row.cell == report.baseline:
        return f"{row.class_} baseline"
    if row.verdict is None:
        return f"{row.class_} no baseline"
    outputs = to_baseline.get((row.case, row.class_ or ""), [])
    largest = max((output.max_abs or 0.0 for output in outputs), default=0.0)
    size = f" {largest:.1e}" if largest else ""
    ratios = [output.noise_ratio for output in outputs if output.noise_ratio]
    noise = f" {max(ratios):.2g}×" if ratios else ""
    left_out = f", {len(row.not_compared)} not compared" if row.not_compared else ""
    return f"{row.class_} {SIGNS[row.verdict]}{decision_mark(outputs)}{size}{noise}{left_out}{expected}"


def decision_mark(rows: Iterable[DivergenceRow]) -> str:
    """Return the mark of the worst that became of a decision: changed, within the noise, or none."""
    decisions = {row.decision for row in rows} - {None}
    if not decisions:
        return ""
    return "°" if decisions == {Decision.BENIGN} else "*"


def _decision(row: DivergenceRow) -> str:
    if row.decision is None:
        return ""
    margin = "" if row.decision_margin is None else f", margin {row.decision_margin:.2g}× noise"
    return f"{row.decision}{margin}"


def _rows_to(report: Report, cell: str) -> dict[tuple[str, str], list[DivergenceRow]]:
    """Return, per case and class, the row of each output to ``cell``."""
    classes = {(group.case, group.cells[0]): group for group in report.classes}
    found: dict[tuple[str, str], list[DivergenceRow]] = {}
    for row in report.divergences:
        if cell in classes[row.case, row.b].cells:
            found.setdefault((row.case, classes[row.case, row.a].name), []).append(row)
    return found


class _Relations:
    """What two cells are to each other over some cases, looked up by their classes."""

    def __init__(self, report: Report, cases: list[str]) -> None:
        self._cases = cases
        self._class = {(group.case, cell): group.cells[0] for group in report.classes for cell in group.cells}
        self._verdicts: dict[tuple[str, frozenset[str]], list[DivergenceRow]] = {}
        for row in report.divergences:
            self._verdicts.setdefault((row.case, frozenset({row.a, row.b})), []).append(row)

    def sign(self, one: str, other: str) -> str:
        """Return the sign of the worst verdict between two cells; NOTHING where nothing is compared."""
        verdicts, rows, missing = [], [], False
        for case in self._cases:
            left, right = self._class.get((case, one)), self._class.get((case, other))
            if left is None or right is None:
                missing = True
                continue
            if left == right:
                verdicts.append(Verdict.IDENTICAL)
                continue
            for row in self._verdicts.get((case, frozenset({left, right})), []):
                verdicts.append(row.verdict)
                rows.append(row)
        if not verdicts:
            return NOTHING
        sign = SIGNS[worst(verdicts)] + decision_mark(rows)
        return f"({sign})" if missing else sign


def _square(relations: _Relations, letters: dict[str, str | None], missing: dict[str, str]) -> pd.DataFrame:
    shown = list(letters)
    if len(shown) > _MOST_CELLS:
        groups: dict[tuple[str | None, str], list[str]] = {}
        for cell in shown:
            groups.setdefault((letters[cell], missing[cell]), []).append(cell)
        labels = {cells[0]: several(tuple(cells), 1) for cells in groups.values()}
    else:
        labels = {cell: cell for cell in shown}
    return pd.DataFrame(
        [
            {
                "": str(number),
                "cell": label,
                **{
                    str(column): (letters[cell] or NOTHING) if cell == other else relations.sign(cell, other)
                    for column, other in enumerate(labels, 1)
                },
                "not recorded": missing[cell],
            }
            for number, (cell, label) in enumerate(labels.items(), 1)
        ]
    )


def several(cells: tuple[str, ...], most: int = 3) -> str:
    """Return the first few of several names, and how many more there are."""
    shown = ", ".join(cells[:most])
    return shown if len(cells) <= most else f"{shown} and {len(cells) - most} more"
