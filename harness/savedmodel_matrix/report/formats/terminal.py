"""``report.txt``: the report on one screen of a terminal, or with every table and list in full."""

from __future__ import annotations

import re
import sys
import textwrap
from typing import TYPE_CHECKING

import pandas as pd
from tabulate import tabulate

from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.report import checks, lines, tables
from savedmodel_matrix.report.answer import answer
from savedmodel_matrix.report.distributions import distribution_lines
from savedmodel_matrix.report.pipelines.tables import pipeline_lines, skew_lines
from savedmodel_matrix.report.power import power_lines
from savedmodel_matrix.report.standing import MOST_CASES, standing
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.report.document import Report
    from savedmodel_matrix.report.standing import Standing

WIDTH = 118  # columns; fits a terminal of 120 with a scroll bar
_MOST_LABEL = 42  # columns of a cell's name in the short report; longer ones are wrapped
_MOST_COLUMN = 60  # characters of any other cell of a table; longer ones are cut
#: How many entries a section of the short report has, and how long each may get; other sections have _FEW.
_MOST = {
    "Cases": (6, 3 * WIDTH),
    "Causes and verified fixes": (21, 4 * WIDTH),  # seven causes of three entries
    "Did not run": (10, 4 * WIDTH),
    "Checks": (6, 2 * WIDTH),
    "Random outputs": (4, 3 * WIDTH),
    "Power": (4, 3 * WIDTH),
}
_FEW = (4, WIDTH - 2)
#: Models that are not self-contained, in the short report.
_MOST_OUTSIDE = 2
_IN_FULL = "report.md"


class Terminal:
    """The short report as plain text."""

    name = "terminal"
    files = ("report.txt",)

    def write(self, report: Report, folder: Path) -> None:
        """Write ``report.txt``."""
        write_text(folder / "report.txt", render(report, folder) + "\n")


TERMINAL = Terminal()


def render(report: Report, folder: Path | None = None, *, verbose: bool = False) -> str:
    """Return the text for a terminal; with ``verbose`` every matrix, remark and suggestion in full.

    ``folder`` is the folder of the reports; the text names its last two parts.
    """
    first = lines.outside_lines(report, *([] if verbose else [_MOST_OUTSIDE]))
    parts = [*map(_wrapped, first), _wrapped(" ".join(answer(report))), _standing(report)]
    parts += _full(report) if verbose else []
    parts += _sections(report, verbose=verbose)
    if folder is not None:
        where = f"{folder.parent.name}/{folder.name}"
        parts.append(_wrapped(f"Reports: {where}/{_IN_FULL} (everything in full), report.json, report.txt"))
    parts.append(f"Exit status {report.exit_status}: {ExitStatus(report.exit_status).meaning}")
    return "\n\n".join(part for part in parts if part)


def _standing(report: Report) -> str:
    """Return the one table of the short report, its cases side by side if they fit."""
    text = _standing_text(standing(report, by_case=True)) if len(report.cases) <= MOST_CASES else ""
    if not text or max(map(len, text.splitlines())) > WIDTH:
        text = _standing_text(standing(report, by_case=False))
    return f"{_wrapped(f'Baseline: {report.baseline}')}\n\n{text}"


def _standing_text(found: Standing) -> str:
    rows = [[_label(line[0]), *map(_cell, line[1:])] for line in found.lines]
    table = _tabulated(rows, list(map(_cell, found.header)))
    notes = _wrapped("   ".join(found.notes)) if found.notes else ""
    return "\n".join(filter(None, [table, notes]))


def _label(name: str) -> str:
    """Return a cell's name, wrapped behind the signs that join its parts."""
    wrapped = [""]
    for part in re.findall(r"[^-+/]*[-+/]?", visible(name)):
        if wrapped[-1] and len(wrapped[-1]) + len(part) > _MOST_LABEL:
            wrapped.append("  ")
        wrapped[-1] += textwrap.shorten(part, _MOST_LABEL, placeholder="…")
    return "\n".join(wrapped)


def _sections(report: Report, *, verbose: bool) -> list[str]:
    """Return the lists that follow the tables; the short report has the first few lines of each."""
    predicted = lines.predictions(report)
    suggested = lines.suggestions(report)
    name = "matrix" if report.matrix == "default" else f"matrix-{report.matrix}"
    run = f"run them with nox -s {name} -- --separate"
    sections = {
        "Cases": lines.case_lines(report),
        "Causes and verified fixes": [
            *lines.cause_lines(report, short=not verbose),
            *skew_lines(report),
        ],
        "Did not run": lines.failures(report, explained=verbose),
        "Checks": checks.check_findings(report),
        "Random outputs": distribution_lines(report),
        "Power": power_lines(report),
        "Remarks": report.remarks,
    }
    if verbose:
        sections |= {
            "Pipelines": pipeline_lines(report),
            "Preflight": predicted,
            f"Suggested additional cells ({run})": suggested,
        }
    texts = [_section(title, said, short=not verbose) for title, said in sections.items()]
    if not verbose:
        last = [f"Preflight: {line}" for line in predicted[:1]]
        last += [f"Suggested additional cells: {len(suggested)} ({run})"] if suggested else []
        texts.append("\n".join(map(_wrapped, last)))
    faults = [line for fault in report.faults for line in fault.splitlines()]
    return [*texts, _section("Faults of the harness (please report them)", faults, short=False)]


def _full(report: Report) -> list[str]:
    """Return the tables that only the full report has."""
    many = len(report.cases) > MOST_CASES
    details = tables.overview_by_case(report) if many else tables.overview(report)
    parts = [
        _titled("Every cell (class, verdict, largest absolute difference, × noise)", details),
        *(
            _titled(f"Divergence matrix: {case.name}", _narrow(matrix))
            for case, matrix in zip(report.cases, tables.case_matrices(report), strict=True)
        ),
    ]
    if len(report.cases) > 1:
        parts.append(_titled("Divergence matrix: all cases", _narrow(tables.overall_matrix(report))))
    parts.append("\n".join(tables.LEGEND))
    if report.checks:
        parts += [_titled("Checks, per cell", checks.check_table(report)), checks.LEGEND]
    return parts


def _titled(title: str, frame: pd.DataFrame) -> str:
    rows = [[_cell(str(value)) for value in row] for row in frame.to_numpy()]
    return f"{_wrapped(title)}\n\n{_tabulated(rows, list(map(_cell, frame.columns)))}"


def _narrow(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix with its columns of signs joined into one, so that many fit on a screen."""
    numbers = [name for name in frame.columns if name.isdecimal()]
    if not numbers:
        return frame
    width = 1 + max(len(text) for text in [*numbers, *frame[numbers].to_numpy().ravel()])
    joined = frame[numbers].apply(lambda row: "".join(text.rjust(width) for text in row), axis=1)
    signs = "".join(number.rjust(width) for number in numbers)
    narrow = pd.DataFrame({"": frame[""], "cell": frame["cell"], signs: joined})
    if frame["did not run"].any():
        narrow["did not run"] = frame["did not run"]
    return narrow


def _tabulated(rows: list[list[str]], header: list[str]) -> str:
    return tabulate(rows, header, tablefmt="simple", disable_numparse=True, preserve_whitespace=True)


def _cell(text: str) -> str:
    """Return the text of one cell of a table; the columns of signs in a matrix may be as wide as it takes."""
    text = visible(text)
    return text if len(text) <= _MOST_COLUMN or " " in text else f"{text[: _MOST_COLUMN - 1]}…"


def _section(title: str, said: Sequence[str], *, short: bool) -> str:
    """Return a titled list of lines, which may be indented; "" if there are none."""
    if not said:
        return ""
    most, length = _MOST.get(title, _FEW) if short else (sys.maxsize, sys.maxsize)
    # One line too many takes no more room than the line that would say so.
    shown = said if len(said) <= most + 1 else said[:most]
    items = [_item(line, length) for line in shown]
    if len(said) > len(shown):
        items.append(f"  … and {count(len(said) - len(shown), 'more line')} in {_IN_FULL}")
    return "\n".join([_wrapped(title), *items])


def _item(line: str, length: int) -> str:
    """Return a line of a list, cut to ``length``, indented, and wrapped below its own indent."""
    text = visible(line.lstrip(" "))
    indent = "  " + " " * (len(line) - len(line.lstrip(" ")))
    text = f"{text[: length - 1]}…" if len(text) > length else text
    return _wrapped(text, indent)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    " if indent else "",
        break_on_hyphens=False,
    )
