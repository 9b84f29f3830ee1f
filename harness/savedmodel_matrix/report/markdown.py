"""A report as Markdown: what the terminal shows, and the numbers behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabulate import tabulate

from savedmodel_matrix.report import checks, tables
from savedmodel_matrix.report.pipelines.tables import diagnosis_table, pipeline_lines, stage_table
from savedmodel_matrix.report.terminal import meaning

if TYPE_CHECKING:
    import pandas as pd

    from savedmodel_matrix.report.document import CaseRow, Report


def render(report: Report) -> str:
    """Return the whole report. Texts that came out of models are escaped: they are data, not markup."""
    parts = [
        f"# Divergence matrix: {_text(report.matrix)}",
        (
            f"Run `{report.run}` against the baseline `{report.baseline}`. "
            f"Exit status {report.exit_status}: {meaning(report.exit_status)}."
        ),
        "## What came out",
        "\n".join(f"- {_code(case.name)}: {_text(case.says)}" for case in report.cases),
        "## Against the baseline",
        _table(tables.overview(report)),
        _text(" ".join(tables.LEGEND)),
        "## All cases",
        _table(tables.overall_matrix(report)),
    ]
    for case in report.cases:
        parts += [f"## Case {_text(case.name)}", _origin(case), _table(tables.case_matrix(report, case.name))]
    numbers = tables.divergences(report)
    if not numbers.empty:
        parts += ["## What differs from the baseline, in numbers", _table(numbers)]
    parts += _pipelines(report)
    if report.checks:
        parts += ["## Sessions", _table(checks.check_table(report)), _text(checks.LEGEND)]
        parts += _list("### What the checks found", checks.check_findings(report))
        stacks = [row for row in report.checks if row.details]
        parts += [
            f"#### {_text(f'{row.case}, {row.check}, {row.cell}')}\n\n{_block(row.details or '')}"
            for row in stacks
        ]
    parts += _list("## Predicted and seen", tables.predictions(report))
    parts += _list("## Why, and what mends it", tables.mending(report))
    for row in report.explanations:
        parts += _list(f"### {_text(row.case)}: what the {row.about} depend on", row.evidence)
    parts += _list("## Cells that would tell more", tables.proposals(report))
    if report.outputs:
        parts += [
            "## Outputs of the baseline, and their noise",
            _noise_text(report),
            _table(tables.noise(report)),
        ]
    parts += _list("## Not recorded", tables.failures(report))
    parts += _list("## Remarks", report.remarks)
    parts += _list("## Faults of the harness", report.faults)
    return "\n\n".join(parts) + "\n"


def _pipelines(report: Report) -> list[str]:
    if not report.stages:
        return []
    parts = _list("## Pipelines: where differences enter", pipeline_lines(report))
    found = diagnosis_table(report)
    if not found.empty:
        parts += ["### Training against serving, diagnosed", _table(found)]
    unexplained = [f"{row.case}: {text}" for row in report.skews for text in row.unexplained]
    parts += _list("### Training against serving, not explained", unexplained)
    return [*parts, "### What each pipeline made, and with what", _table(stage_table(report))]


def _noise_text(report: Report) -> str:
    if report.replicates is None:
        return "The matrix asks for no noise floor: verdicts are by tolerances alone."
    return (
        f"Measured by {report.replicates} replicates in the baseline, with every float of inputs and weights "
        "moved by -1, 0 or +1 unit in the last place. A difference is noise up to 3 times what two such runs "
        "differ by, and real beyond 10 times."
    )


def _origin(case: CaseRow) -> str:
    source = f"{_code(case.package)}, {_code(case.path)}" if case.package else _code(case.path)
    kind, name = ("function", case.function) if case.function else ("signature", str(case.signature))
    digest = f", SHA-256 `{case.model[:12]}`" if case.model else ""
    return f"Model {source}{digest}; {kind} {_code(name)}; {case.batches or 0} batch(es) of inputs."


def _table(frame: pd.DataFrame) -> str:
    cells = frame.astype(object).where(frame.notna(), "").to_numpy()
    rows = [
        [_text(f"{value:.3g}" if isinstance(value, float) else str(value)) for value in row] for row in cells
    ]
    return tabulate(rows, [_text(name) for name in frame.columns], tablefmt="pipe", disable_numparse=True)


def _list(title: str, lines: list[str]) -> list[str]:
    items = (f"{line[: len(line) - len(line.lstrip())]}- {_text(line.lstrip())}" for line in lines)
    return [title, "\n".join(items)] if lines else []


def _text(text: str) -> str:
    """Escape what Markdown, and the HTML that may stand in it, would take for markup."""
    # In one line: whatever counts as a line break would end a list's item or a table's row.
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", " ".join(text.splitlines()))


def _block(text: str) -> str:
    """Return text of several lines as code, indented: no fence that could be closed inside it."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _code(text: str) -> str:
    """Return text as code, in a fence longer than any backticks in it."""
    line = " ".join(text.splitlines())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
