"""``report.md``: everything a report has, with every matrix and the numbers behind it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from tabulate import tabulate

from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.thresholds import NOISE, REAL
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.report import checks, lines, tables
from savedmodel_matrix.report.answer import answer
from savedmodel_matrix.report.pipelines.tables import diagnosis_table, pipeline_lines, stage_table
from savedmodel_matrix.report.power import power_lines
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from savedmodel_matrix.report.document import CaseRow, Report

_POWER_TEXT = (
    "Each weight in turn changes by 1 % and by 0.1 % of its root mean square in the baseline, every element "
    "up or down at random. A change is noticed if some output then differs by more than noise. Agreement on "
    "inputs that notice too little is weak."
)
_RANDOM_TEXT = (
    "Outputs that differ between runs are compared over many runs in each cell. They agree if no test shows "
    "another distribution. The size of a difference that would have shown says what that proves. A shift is "
    "in standard deviations (SD) of one element over runs."
)


class Markdown:
    """The whole report as Markdown."""

    name = "markdown"
    files = ("report.md",)

    def write(self, report: Report, folder: Path) -> None:
        """Write ``report.md``."""
        write_text(folder / "report.md", render(report))


MARKDOWN = Markdown()


def render(report: Report) -> str:
    """Return the whole report. Texts from models are escaped: they are data, not markup."""
    parts = [
        f"# Divergence matrix: {_text(report.matrix)}",
        *map(_text, lines.outside_lines(report)),
        _text(" ".join(answer(report))),
        (
            f"Run {_code(report.run)}, baseline {_code(report.baseline)}. "
            f"Exit status {report.exit_status}: {ExitStatus(report.exit_status).meaning}."
        ),
        "## Results",
        "\n".join(f"- {_code(case.name)}: {_text(case.says)}" for case in report.cases),
        "## Against the baseline",
        _table(tables.overview(report)),
        _text(" ".join(tables.LEGEND)),
    ]
    parts += _list("## Causes and verified fixes", lines.cause_lines(report, most=sys.maxsize))
    parts += ["## All cases", _table(tables.overall_matrix(report))]
    for case, matrix in zip(report.cases, tables.case_matrices(report), strict=True):
        parts += [f"## Case {_text(case.name)}", _origin(case), _table(matrix)]
    numbers = tables.divergences(report)
    if not numbers.empty:
        parts += ["## Differences from the baseline, in numbers", _table(numbers)]
    if report.distributions:
        parts += ["## Random outputs, as distributions", _RANDOM_TEXT, _table(tables.distributions(report))]
    parts += _pipelines(report)
    parts += _checks(report)
    parts += _list("## Preflight", lines.predictions(report))
    for row in report.explanations:
        title = f"{row.case}: evidence for what the {row.about} depend on"
        parts += _list(f"### {_text(title)}", row.evidence)
    parts += _list("## Suggested additional cells", lines.suggestions(report))
    if (powers := tables.power(report)).size:
        parts += ["## Power: what these inputs notice", _POWER_TEXT, _table(powers)]
        parts += _list("### What the inputs of each case notice", power_lines(report))
    if report.outputs:
        parts += [
            "## Outputs of the baseline, and their noise",
            _noise_text(report),
            _table(tables.noise(report)),
        ]
    parts += _list("## Did not run", lines.failures(report))
    parts += _list("## Remarks", report.remarks)
    parts += _list("## Faults of the harness", report.faults)
    return "\n\n".join(part for part in parts if part) + "\n"


def _pipelines(report: Report) -> list[str]:
    if not report.stages:
        return []
    parts = _list("## Pipelines: where differences come from", pipeline_lines(report))
    found = diagnosis_table(report)
    if not found.empty:
        parts += ["### Training versus serving: diagnoses", _table(found)]
    unexplained = [f"{row.case}: {text}" for row in report.skews for text in row.unexplained]
    parts += _list("### Training versus serving: differences without a diagnosis", unexplained)
    return [*parts, "### Results and libraries of each pipeline", _table(stage_table(report))]


def _checks(report: Report) -> list[str]:
    if not report.checks:
        return []
    parts = ["## Session checks", _table(checks.check_table(report)), _text(checks.LEGEND)]
    parts += _list("### Checks that failed or did not run", checks.check_findings(report))
    for row in report.checks:
        if row.details:
            parts.append(f"#### {_text(f'{row.case}, {row.check}, {row.cell}')}\n\n{_block(row.details)}")
    return parts


def _noise_text(report: Report) -> str:
    if report.replicates is None:
        return "The matrix does not measure noise floors: verdicts follow tolerances only."
    return (
        f"Measured with {report.replicates} replicates in the baseline, where every float of the inputs "
        "and weights changes by -1, 0 or +1 unit in the last place. A difference is noise up to "
        f"{NOISE:g} times the difference between two such runs, and real above {REAL:g} times."
    )


def _origin(case: CaseRow) -> str:
    source = f"{_code(case.package)}, {_code(case.path)}" if case.package else _code(case.path)
    kind, name = ("function", case.function) if case.function else ("signature", str(case.signature))
    digest = f", SHA-256 {_code(case.model[:12])}" if case.model else ""
    inputs = count(case.batches or 0, "batch", "batches")
    return f"Model {source}{digest}; {kind} {_code(name)}; {inputs} of inputs."


def _table(frame: pd.DataFrame) -> str:
    cells = frame.astype(object).where(frame.notna(), "").to_numpy()
    rows = [
        [_text(f"{value:.3g}" if isinstance(value, float) else str(value)) for value in row] for row in cells
    ]
    return tabulate(rows, [_text(name) for name in frame.columns], tablefmt="pipe", disable_numparse=True)


def _list(title: str, said: list[str]) -> list[str]:
    items = (f"{line[: len(line) - len(line.lstrip())]}- {_text(line.lstrip())}" for line in said)
    return [title, "\n".join(items)] if said else []


def _text(text: str) -> str:
    """Escape what Markdown, and the HTML that may stand in it, would take for markup."""
    # In one line: anything that counts as a line break would end a list's item or a table's row.
    line = visible(" ".join(text.splitlines()))
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", line)


def _block(text: str) -> str:
    """Return text of several lines as code, indented: no fence that could be closed inside it."""
    return "\n".join(f"    {visible(line)}" for line in text.splitlines())


def _code(text: str) -> str:
    """Return text as code, in a fence longer than any backticks in it."""
    line = visible(" ".join(text.splitlines()))
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
