"""The full tables of a report, as data frames that every format renders."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.verdicts.judge.output import Decision, Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
    "* a decision changed   ° a decision changed within the noise   letters: bit-identical cells",
    "( ) some cases have nothing to compare   2.1×: the difference is 2.1 times the noise between two runs",
    "≈ random outputs compared as distributions, never bit by bit",
    "† no noise floor, judged by a default tolerance   weak: these inputs would hardly notice any change",
)
NOTHING = "·"  # no outputs on one side: there is nothing to compare

#: With more cells than this, a matrix shows one cell of each class, so that it fits on a screen.
_MOST_CELLS = 30

#: With more classes than this in one case, only pairs with the baseline are measured, and with more rows than
#: this, a matrix shows only the baseline's column: the number of pairs grows with the square.
MOST_CLASSES = 48


def overview(report: Report) -> pd.DataFrame:
    """Return cells × cases: the class and the verdict against the baseline, or the outcome."""
    to_baseline = rows_to(report, report.baseline)
    by_cell: dict[str, dict[str, str]] = {}
    for row in shown_rows(report):
        by_cell.setdefault(row.cell, {})[row.case] = _against_baseline(report, row, to_baseline)
    # By position: a case may be named like the first column.
    return pd.DataFrame(
        [[cell, *(texts[case.name] for case in report.cases)] for cell, texts in by_cell.items()],
        columns=["cell", *(case.name for case in report.cases)],
    )


def overview_by_case(report: Report) -> pd.DataFrame:
    """Return cases × cells in short, for more cases than fit side by side. Cells are numbered."""
    to_baseline = rows_to(report, report.baseline)
    rows = shown_rows(report)
    cells = list(dict.fromkeys(row.cell for row in rows))
    short: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.outcome is Outcome.RECORDED:
            text = " ".join(_against_baseline(report, row, to_baseline).split()[:2])
            if row.verdict is None:
                text = f"{row.class_} {NOTHING}"
        else:
            text = outcome_text(row)
        short.setdefault(row.case, {})[row.cell] = text
    return pd.DataFrame(
        [[case.name, *(short[case.name][cell] for cell in cells)] for case in report.cases],
        columns=["case", *(str(number) for number in range(1, len(cells) + 1))],
    )


def case_matrices(report: Report) -> Iterator[pd.DataFrame]:
    """Yield environments × environments for each case: verdict signs, classes on the diagonal."""
    by_case: dict[str, list[CellRow]] = {case.name: [] for case in report.cases}
    for row in shown_rows(report):
        by_case[row.case].append(row)
    relations = _Relations(report)
    for case, rows in by_case.items():
        yield _square(
            report.baseline,
            partial(relations.sign, [case]),
            {row.cell: row.class_ for row in rows},
            {row.cell: "" if row.outcome is Outcome.RECORDED else outcome_text(row) for row in rows},
        )


def overall_matrix(report: Report) -> pd.DataFrame:
    """Return environments × environments over all cases: the worst verdict of each pair.

    A letter stands for cells that agree bit for bit in every case and have the same outcomes.
    """
    by_cell: dict[str, list[CellRow]] = {}
    for row in shown_rows(report):
        by_cell.setdefault(row.cell, []).append(row)
    names: dict[tuple[str, ...], str] = {}
    letters: dict[str, str | None] = {}
    missing = {}
    for cell, rows in by_cell.items():
        outcomes = Counter(outcome_text(row) for row in rows if row.outcome is not Outcome.RECORDED)
        missing[cell] = ", ".join(f"{outcome} ×{count}" for outcome, count in outcomes.items())
        content = tuple(f"{row.case} {row.class_ or row.outcome}" for row in rows)
        recorded = outcomes.total() < len(rows)
        letters[cell] = names.setdefault(content, class_name(len(names))) if recorded else None
    relations, cases = _Relations(report), [case.name for case in report.cases]
    return _square(report.baseline, partial(relations.sign, cases), letters, missing)


def divergences(report: Report) -> pd.DataFrame:
    """Return the numbers of each output that differs from the baseline, one row per class."""
    classes = {(group.case, group.cells[0]): group for group in report.classes}
    rows = [
        {
            "case": row.case,
            "class": classes[row.case, row.a].name,
            "output": row.output if row.batch is None else f"{row.output} [{row.batch}]",
            "verdict": row.verdict.value,
            "by": row.judged_by.value,
            "× noise": noise_ratio(row),
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


def distributions(report: Report) -> pd.DataFrame:
    """Return each random output in each cell: the verdict, the effect, and what would have shown."""
    return pd.DataFrame(
        [
            {
                "case": row.case,
                "cell": row.cell,
                "output": f"{row.output} [{row.batch}]",
                "verdict": "too few runs" if row.verdict is None else row.verdict.value,
                "runs": f"{row.runs} / {row.baseline_runs}",
                "p": row.p,
                "largest shift (SD)": row.shift,
                "spread, times": row.spread,
                "a shift shows from (SD)": row.detectable_shift,
                "a spread from (%)": row.detectable_spread and 100 * row.detectable_spread,
                "remark": row.says,
            }
            for row in report.distributions
        ]
    )


def noise(report: Report) -> pd.DataFrame:
    """Return each output of the baseline: its noise, what the noise hides, and caveats."""
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


def power(report: Report) -> pd.DataFrame:
    """Return what each case's inputs notice."""
    return pd.DataFrame(
        [
            {
                "case": case.name,
                "power": "weak" if row.weak else "" if row.power is None else "enough",
                **{
                    f"{100 * each.level:g} % noticed": f"{each.noticed} of {each.tried}"
                    for each in row.levels
                },
                "weights": row.weights,
                "left out": row.left_out,
                "blind to": ", ".join(row.blind_to),
            }
            for case in report.cases
            if (row := case.power) is not None
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


def shown_rows(report: Report) -> list[CellRow]:
    """Return the rows of the cells that belong in a table.

    Cells of which nothing was selected, or everything is excluded, are left out: a pairwise cover excludes
    thousands. The list of what did not run gives the reasons.
    """
    excluded = {row.cell for row in report.cells} - {
        row.cell
        for row in report.cells
        if row.required or (row.outcome is not Outcome.SKIPPED and not row.is_left_out)
    }
    return [row for row in report.cells if row.cell not in excluded]


def outcome_text(row: CellRow) -> str:
    """Return why a cell has no outputs of a case, in a word."""
    if row.is_left_out:
        return "not selected"
    return f"{row.outcome} (expected)" if row.expected else row.outcome.value


def _against_baseline(
    report: Report, row: CellRow, to_baseline: dict[tuple[str, str], list[DivergenceRow]]
) -> str:
    expected = " (expected)" if row.expected else ""
    if row.outcome is not Outcome.RECORDED:
        return outcome_text(row)
    if row.cell == report.baseline:
        return f"{row.class_} baseline"
    if row.verdict is None:
        return f"{row.class_} no baseline"
    outputs = to_baseline.get((row.case, row.class_ or ""), [])
    largest = max((output.max_abs or 0.0 for output in outputs), default=0.0)
    size = f" {largest:.1e}" if largest else ""
    ratios = [ratio for output in outputs if (ratio := noise_ratio(output))]
    noise = f" {max(ratios):.2g}×" if ratios else ""
    left_out = f", {len(row.not_compared)} not compared" if row.not_compared else ""
    marks = f"{decision_mark(outputs)}{tolerance_mark(outputs)}{random_mark(row)}"
    sign = f"{SIGNS[row.verdict]}{marks}"
    return f"{row.class_} {sign}{size}{noise}{' weak' if row.weak else ''}{left_out}{expected}"


def noise_ratio(row: DivergenceRow) -> float | None:
    """Return an output's difference as a multiple of the noise, or that before its head if it is larger."""
    ratios = [row.noise_ratio, row.before.noise_ratio if row.before else None]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def decision_mark(rows: Iterable[DivergenceRow]) -> str:
    """Return the mark of a changed decision: "*", "°" if only within the noise, or none."""
    decisions = {row.decision for row in rows} - {None}
    if not decisions:
        return ""
    return "°" if decisions == {Decision.BENIGN} else "*"


def tolerance_mark(rows: Iterable[DivergenceRow]) -> str:
    """Return the mark "†" if a default tolerance, not a measured noise floor, judged some floats; or none."""
    return "†" if any(row.judged_by is Measure.DEFAULT and (row.rtol or row.atol) for row in rows) else ""


def random_mark(row: CellRow) -> str:
    """Return the mark "≈" if random outputs were compared as distributions, or none."""
    return "≈" if row.distributions else ""


def _decision(row: DivergenceRow) -> str:
    if row.decision is None:
        return ""
    margin = "" if row.decision_margin is None else f", margin {row.decision_margin:.2g}× noise"
    return f"{row.decision}{margin}"


def rows_to(report: Report, cell: str) -> dict[tuple[str, str], list[DivergenceRow]]:
    """Return, per case and class, the row of each output to ``cell``."""
    classes = {(group.case, group.cells[0]): group for group in report.classes}
    found: dict[tuple[str, str], list[DivergenceRow]] = {}
    for row in report.divergences:
        if cell in classes[row.case, row.b].cells:
            found.setdefault((row.case, classes[row.case, row.a].name), []).append(row)
    return found


class _Relations:
    """How two cells compare over some cases, looked up by their classes."""

    def __init__(self, report: Report) -> None:
        self._class = {(group.case, cell): group.cells[0] for group in report.classes for cell in group.cells}
        self._verdicts: dict[tuple[str, frozenset[str]], list[DivergenceRow]] = {}
        for row in report.divergences:
            self._verdicts.setdefault((row.case, frozenset({row.a, row.b})), []).append(row)
        self._of_random = {
            (row.case, frozenset({row.cell, report.baseline})): row.verdict
            for row in report.cells
            if row.distributions and row.verdict is not None
        }

    def sign(self, cases: Iterable[str], one: str, other: str) -> str:
        """Return the sign of the worst verdict between two cells; NOTHING where nothing is compared."""
        verdicts, rows, missing = [], [], False
        for case in cases:
            left, right = self._class.get((case, one)), self._class.get((case, other))
            if left is None or right is None:
                missing = True
                continue
            # The baseline's row has the verdict on random outputs as well.
            if (whole := self._of_random.get((case, frozenset({one, other})))) is not None:
                verdicts.append(whole)
                rows += self._verdicts.get((case, frozenset({left, right})), [])
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


def _square(
    baseline: str,
    sign: Callable[[str, str], str],
    letters: dict[str, str | None],
    missing: dict[str, str],
) -> pd.DataFrame:
    shown = list(letters)
    if len(shown) > _MOST_CELLS:
        groups: dict[tuple[str | None, str], list[str]] = {}
        for cell in shown:
            groups.setdefault((letters[cell], missing[cell]), []).append(cell)
        labels = {cells[0]: several(tuple(cells), 1) for cells in groups.values()}
    else:
        labels = {cell: cell for cell in shown}
    if len(labels) > MOST_CLASSES:
        return pd.DataFrame(
            [
                {
                    "cell": label,
                    "class": letters[cell] or NOTHING,
                    "baseline": sign(cell, baseline),
                    "did not run": missing[cell],
                }
                for cell, label in labels.items()
            ]
        )
    return pd.DataFrame(
        [
            {
                "": str(number),
                "cell": label,
                **{
                    str(column): (letters[cell] or NOTHING) if cell == other else sign(cell, other)
                    for column, other in enumerate(labels, 1)
                },
                "did not run": missing[cell],
            }
            for number, (cell, label) in enumerate(labels.items(), 1)
        ]
    )


def several(cells: tuple[str, ...], most: int = 3) -> str:
    """Return the names of a few cells, and how many more there are."""
    return listed(cells, most)
