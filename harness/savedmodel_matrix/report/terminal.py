"""A report as text for a terminal: the same tables a person would ask for, the matrix first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pandas as pd
from tabulate import tabulate

from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report import checks, tables
from savedmodel_matrix.report.pipelines.tables import pipeline_lines

if TYPE_CHECKING:
    from savedmodel_matrix.report.document import Report

#: With more cases than this, their matrices no longer fit on a screen or two.
MOST_CASES = 6

_WIDTH = 110  # of sentences; tables are as wide as they are


def render(report: Report, places: list[str]) -> str:
    """Return the text of a run's end; ``places`` are where the reports lie."""
    many = len(report.cases) > MOST_CASES
    parts = [
        f"baseline: {report.baseline}",
        _list("What came out", [_wrapped(f"{case.name}: {case.says}") for case in report.cases]),
    ]
    if many:
        title = "Against the baseline (class and verdict; cells are numbered as below)"
        parts.append(_titled(title, tables.overview_by_case(report)))
    else:
        title = "Against the baseline (class, verdict, largest absolute difference, × the noise of two runs)"
        parts.append(_titled(title, tables.overview(report)))
    shown = [case.name for case in report.cases if not many or _is_remarkable(report, case.name)]
    parts += [
        _titled(f"Divergence matrix: {case}", _narrow(tables.case_matrix(report, case))) for case in shown
    ]
    if len(shown) < len(report.cases):
        rest = len(report.cases) - len(shown)
        parts.append(f"({rest} more cases, in which nothing diverges, have their matrix in report.md)")
    if len(report.cases) > 1:
        parts.append(_titled("Divergence matrix: all cases", _narrow(tables.overall_matrix(report))))
    parts.append("\n".join(tables.LEGEND))
    if report.checks:
        parts.append(_titled("Sessions: what the checks came to", checks.check_table(report)))
        parts.append(checks.LEGEND)
        if lines := checks.check_findings(report):
            parts.append(_list("What the checks found", [_wrapped(line) for line in lines]))
    name = "matrix" if report.matrix == "default" else f"matrix-{report.matrix}"
    sections = {
        "Not recorded": [textwrap.shorten(line, 240, placeholder=" …") for line in tables.failures(report)],
        "Why, and what mends it": [_shortened(line) for line in tables.mending(report)],
        "Pipelines: where differences enter": [_indented(line) for line in pipeline_lines(report)],
        "Predicted and seen": [_shortened(line) for line in tables.predictions(report)],
        f"Cells that would tell more (nox -s {name} -- --separate runs them)": tables.proposals(report),
        "Remarks": report.remarks,
        "Faults of the harness (please report them)": report.faults,
    }
    parts += [_list(title, lines) for title, lines in sections.items() if lines]
    parts.append(_list("Reports", places))
    parts.append(f"exit status {report.exit_status}: {meaning(report.exit_status)}")
    return "\n\n".join(parts)


def _is_remarkable(report: Report, case: str) -> bool:
    return any(
        row.case == case and row.verdict.severity > Verdict.FLOAT_NOISE.severity for row in report.divergences
    )


def meaning(status: int) -> str:
    """Return what an exit status of a run says, in words."""
    return {
        0: "every required cell was recorded, and nothing differs from the baseline but by noise",
        1: "something differs from the baseline, or serving from training, beyond noise; or a check fails",
        4: "some required cells could not run, or checks or comparisons; the rest differs by noise at most",
        5: "a fault of the harness itself",
    }[status]


def _titled(title: str, frame: pd.DataFrame) -> str:
    table = tabulate(
        frame.to_numpy(),
        list(frame.columns),
        tablefmt="simple",
        disable_numparse=True,
        preserve_whitespace=True,
    )
    return f"{title}\n\n{table}"


def _narrow(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a matrix with its columns of signs joined into one, so that many fit on a screen."""
    numbers = [name for name in frame.columns if name.isdecimal()]
    width = 1 + max(len(text) for text in [*numbers, *frame[numbers].to_numpy().ravel()])
    joined = frame[numbers].apply(lambda row: "".join(text.rjust(width) for text in row), axis=1)
    signs = "".join(number.rjust(width) for number in numbers)
    narrow = pd.DataFrame({"": frame[""], "cell": frame["cell"], signs: joined})
    if frame["not recorded"].any():
        narrow["not recorded"] = frame["not recorded"]
    return narrow


def _list(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {_visible(line)}" for line in lines)])


def _shortened(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return indent + textwrap.shorten(line, 300, placeholder=" …")


def _indented(line: str) -> str:
    """Return a line wrapped below its own indent."""
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.lstrip(),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False)


def _visible(text: str) -> str:
    """Return text in which a model cannot steer the terminal: control characters are spelled out."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)
