"""The one table of the short report: how every cell compares with the baseline, on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import count, listed
from savedmodel_matrix.report.tables import (
    decision_mark,
    noise_ratio,
    outcome_text,
    random_mark,
    rows_to,
    shown_rows,
    tolerance_mark,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from savedmodel_matrix.report.document import CellRow, DivergenceRow, Report

#: With more cases than this, the table counts them instead of giving each a column.
MOST_CASES = 6
#: With more lines than this, lines that say the same are merged, and then only the worst ones are shown.
MOST_LINES = 20
_MOST_NAMED = 3
_BASELINE, _SAME, _WEAK = "baseline", "identical", "weak"
_WORDS = {
    Verdict.IDENTICAL: _SAME,
    Verdict.FLOAT_NOISE: "noise",
    Verdict.SUSPICIOUS: "suspicious",
    Verdict.DIVERGED: "diverged",
    Verdict.INCOMPARABLE: "incomparable",
}
_NOTES = {
    "×": "×: times the noise between two runs",
    "*": "*: a decision (such as the argmax) changed",
    "°": "°: a decision changed within the noise",
    "†": "†: no noise floor; judged by a default tolerance",
    "≈": "≈: random outputs compared as distributions",
    "skewed": "skewed: serving's results differ from training's",
    _WEAK: "weak: these inputs would hardly notice any change",
}
_COUNTED = (_SAME, "noise", _WEAK, "differ", "no result")
_COUNTED_WITHOUT_WEAK = tuple(column for column in _COUNTED if column != _WEAK)
_POWER = "power: 1 % is noticed in"


class Standing(NamedTuple):
    """A table: its header, its lines, and notes on what they say."""

    header: list[str]
    lines: list[list[str]]
    notes: list[str]


@dataclass(frozen=True)
class _Line:
    """One line of the table: cells that agree on every case, and the rows of one of them."""

    label: str
    rows: tuple[CellRow, ...]
    texts: tuple[str, ...]

    @property
    def severity(self) -> list[int]:
        """How bad its rows are, the worst first; no result is worse than any verdict."""
        return sorted((_severity(row) for row in self.rows), reverse=True)


def standing(report: Report, *, by_case: bool) -> Standing:
    """Return cells × cases; with ``by_case`` false, cells × how many cases say what.

    Settings of one environment that say the same share a line. If that leaves too many lines, sizes are left
    out and all lines that say the same are merged; then the best lines are counted instead of shown.
    """
    to_baseline = rows_to(report, report.baseline)
    lines = _lines(report, lambda rows: tuple(_text(row, to_baseline, sized=by_case) for row in rows))
    if by_case and len(lines) > MOST_LINES:
        lines = _lines(report, lambda rows: tuple(_text(row, to_baseline, sized=False) for row in rows))
    columns = _COUNTED if any(row.weak for row in report.cells) else _COUNTED_WITHOUT_WEAK
    if not by_case:
        lines = [_Line(line.label, line.rows, _counts(line.rows, columns)) for line in lines]
    lines = _merged(lines) if len(lines) > MOST_LINES else lines
    hidden = len(lines) - MOST_LINES
    lines = _worst(report, lines) if hidden > 0 else lines
    cases = [case.name for case in report.cases]
    header = ["cell", *(cases if by_case else (*columns, "cases that differ or have no result"))]
    notes = [] if by_case else [f"the numbers count the {count(len(cases), 'case')}"]
    if any("/*" in line.label for line in lines):
        notes.append(f"/*: {listed([setting.name for setting in report.settings], _MOST_NAMED)}")
    said = " ".join(text for line in lines for text in line.texts)
    notes += [note for sign, note in _NOTES.items() if sign in said]
    if hidden > 0:
        notes.append(f"{hidden} more lines, none of them worse, are in report.md")
    table = [[line.label, *line.texts] for line in lines]
    return Standing(header, [*table, *(_powers(report) if by_case else [])], notes)


def _powers(report: Report) -> list[list[str]]:
    """Return the line that says in how many weights each case's inputs notice a change."""
    rows = [case.power for case in report.cases]
    if not any(row is not None and row.levels for row in rows):
        return []
    said = [
        f"{row.levels[0].noticed} of {row.levels[0].tried} weights" if row and row.levels else ""
        for row in rows
    ]
    return [[_POWER, *said]]


def _lines(report: Report, say: Callable[[Sequence[CellRow]], tuple[str, ...]]) -> list[_Line]:
    """Return a line per environment and setting; settings that say the same share one."""
    environments: dict[str, dict[str, list[CellRow]]] = {}
    for row in shown_rows(report):
        environments.setdefault(row.environment, {}).setdefault(row.setting, []).append(row)
    lines = []
    for environment, settings in environments.items():
        grouped: dict[tuple[str, ...], list[str]] = {}
        for setting, rows in settings.items():
            grouped.setdefault(say(rows), []).append(setting)
        for texts, names in grouped.items():
            line = _Line(_label(report, environment, names), tuple(settings[names[0]]), texts)
            is_baseline = any(f"{environment}/{name}" == report.baseline for name in names)
            lines.append(_as_baseline(line) if is_baseline else line)
    return lines


def _label(report: Report, environment: str, names: Sequence[str]) -> str:
    every = len(report.settings)
    if every == 1:
        return environment
    return f"{environment}/{'*' if len(names) == every else ', '.join(names)}"


def _as_baseline(line: _Line) -> _Line:
    """Return the baseline's line, which says "baseline" instead of "identical"."""
    texts = tuple(
        _BASELINE + text.removeprefix(_SAME) if text.startswith(_SAME) else text for text in line.texts
    )
    return _Line(line.label, line.rows, texts)


def _merged(lines: Sequence[_Line]) -> list[_Line]:
    """Return the lines with those that say the same merged into one."""
    grouped: dict[tuple[str, ...], list[_Line]] = {}
    for line in lines:
        grouped.setdefault(line.texts, []).append(line)
    return [
        _Line(listed([each.label for each in same], 1), same[0].rows, texts)
        for texts, same in grouped.items()
    ]


def _worst(report: Report, lines: Sequence[_Line]) -> list[_Line]:
    """Return the baseline's line and the worst ones, as many as fit, in their order."""

    def rank(line: _Line) -> tuple[bool, list[int]]:
        return any(row.cell == report.baseline for row in line.rows), line.severity

    kept = sorted(lines, key=rank, reverse=True)[:MOST_LINES]
    return [line for line in lines if line in kept]


def _text(row: CellRow, to_baseline: dict[tuple[str, str], list[DivergenceRow]], *, sized: bool) -> str:
    """Return a cell's verdict in a word or two, with the size of the difference where that is asked for."""
    if row.outcome is not Outcome.RECORDED:
        return outcome_text(row)
    extra = ", skewed" if _is_beyond(row.skew) else ""
    if row.not_compared:
        extra += f", {len(row.not_compared)} not compared"
    if row.expected:
        extra += " (expected)"
    if row.verdict is None:
        return f"no baseline{extra}"
    outputs = (
        to_baseline.get((row.case, row.class_ or ""), []) if row.verdict is not Verdict.IDENTICAL else []
    )
    marks = f"{decision_mark(outputs)}{tolerance_mark(outputs)}{random_mark(row)}"
    weak = f", {_WEAK}" if row.weak else ""
    return f"{_WORDS[row.verdict]}{marks}{_size(outputs) if sized else ''}{weak}{extra}"


def _size(outputs: Iterable[DivergenceRow]) -> str:
    """Return the largest difference: in multiples of the noise if that is known."""
    outputs = list(outputs)
    ratios = [ratio for output in outputs if (ratio := noise_ratio(output))]
    if ratios:
        return f" {float(f'{max(ratios):.2g}'):,.10g}×"
    largest = max((output.max_abs or 0.0 for output in outputs), default=0.0)
    return f" {largest:.1e}" if largest else ""


def _counts(rows: Sequence[CellRow], counted: Sequence[str]) -> tuple[str, ...]:
    """Return the number of cases per result, and the names of those that differ or have none."""
    columns = dict.fromkeys(counted, 0)
    named: dict[str, list[str]] = {}
    for row in rows:
        column, word = _kind(row)
        columns[column] += 1
        if column in ("differ", "no result"):
            named.setdefault(word, []).append(row.case)
    which = "; ".join(f"{word}: {listed(cases, _MOST_NAMED)}" for word, cases in named.items())
    return (*(str(number or "") for number in columns.values()), which)


def _kind(row: CellRow) -> tuple[str, str]:
    """Return the column that counts a row, and what it says."""
    if row.outcome is not Outcome.RECORDED:
        return "no result", outcome_text(row)
    if row.verdict is None:
        return "no result", "no baseline"
    if _is_beyond(row.verdict):
        return "differ", f"{row.verdict}{' (expected)' if row.expected else ''}"
    if _is_beyond(row.skew):
        return "differ", "skewed"
    return _WEAK if row.weak else _WORDS[row.verdict], ""


def _is_beyond(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.severity > Verdict.FLOAT_NOISE.severity


def _severity(row: CellRow) -> int:
    if row.outcome is not Outcome.RECORDED:
        return len(Verdict)
    return max((each.severity for each in (row.verdict, row.skew) if each is not None), default=len(Verdict))
