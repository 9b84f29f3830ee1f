from __future__ import annotations

import re

import pytest
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.formats.markdown import render

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "`code`",
    "**bold**",
    "[text](javascript:x)",
    "&lt;b&gt;",
    "a\\|b",
    "~~x~~",
]


def unescaped(text):
    return re.sub(r"\\([\\`*_{}\[\]<>#|~&])", r"\1", text)


def cells_of(line):
    """Split a table's row where Markdown does: at pipes that no backslash precedes."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("name", [*HOSTILE, "two\nlines", "two\r\u2028lines"])
def test_names_of_outputs_are_data(make, differs, name):
    report = make(
        {"cnn": {"e1": "A", "e2": "B"}},
        [differs("cnn", "e2/default", "e1/default", Verdict.DIVERGED, output=name, reason=name)],
    )
    text = render(report)
    _, _, table = text.partition("## Differences from the baseline, in numbers\n\n")
    header, _, row = table.partition("\n\n")[0].rstrip("\n").split("\n")
    assert len(cells_of(row)) == len(cells_of(header)) == 16
    shown = cells_of(row)[2]
    assert not re.search(r"(?<!\\)[`*_<>|&~\[]", shown.replace("\\\\", ""))
    assert unescaped(shown) == " ".join(name.splitlines())
    assert shown == cells_of(row)[-1]


@pytest.mark.parametrize("reason", HOSTILE)
def test_reasons_are_data(make, reason):
    report = make({"cnn": {"e1": "crashed"}}, remarks=[reason], faults=[f"Traceback\n  {reason}"])
    report.cells[0].reason = reason
    text = render(report)
    for title in ("Did not run", "Remarks", "Faults of the harness"):
        section = text.partition(f"## {title}\n\n")[2].partition("\n\n")[0]
        assert len(section.splitlines()) == 1
        assert reason in unescaped(section)
        assert "<script" not in section.replace("\\<", "")


@pytest.mark.parametrize("signature", ["a`b", "``", "<script>", "`"])
def test_what_stands_as_code_stays_code(make, signature):
    report = make({"cnn": {"e1": "A"}})
    report.cases[0].signature = signature
    (line,) = [line for line in render(report).splitlines() if line.startswith("Model ")]
    fence, content = re.search(r"signature (`+)(.*?[^`])\1(?!`)", line).groups()
    assert content.strip() == signature
    assert fence not in re.findall("`+", signature)


def test_the_parts_of_a_report(make, differs):
    report = make(
        {"cnn": {"e1": "A", "e2": "B"}, "rnn": {"e1": "A", "e2": "load-failed"}},
        [differs("cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE, max_abs=1.23456e-7)],
        remarks=["exclude.0: matches nothing"],
        exit_status=4,
    )
    text = render(report)
    assert re.findall("^#+ .*", text, re.MULTILINE) == [
        "# Divergence matrix: m",
        "## Results",
        "## Against the baseline",
        "## All cases",
        "## Case cnn",
        "## Case rnn",
        "## Differences from the baseline, in numbers",
        "## Did not run",
        "## Remarks",
    ]
    assert "Exit status 4: some required cells, checks or comparisons did not run" in text
    assert "1.23e-07" in text
    assert "- load-failed: e2/default, rnn: why load-failed" in text


def test_without_differences_there_are_no_numbers(make):
    text = render(make({"cnn": {"e1": "A", "e2": "A"}}))
    assert "in numbers" not in text
    assert "Did not run" not in text


def test_a_case_may_have_the_name_of_a_column(make):
    text = render(make({"cell": {"e1": "A"}}))
    assert "| e1/default | A baseline |" in re.sub(" +", " ", text)
