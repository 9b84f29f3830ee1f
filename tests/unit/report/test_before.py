"""The sentence on outputs that a saturated head keeps equal."""

from __future__ import annotations

from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.before import hidden
from savedmodel_matrix.report.document import BeforeRow, ClassRow, DivergenceRow
from savedmodel_matrix.report.tables import noise_ratio

CLASSES = [
    ClassRow(case="c", name="A", cells=["base", "twin"]),
    ClassRow(case="c", name="B", cells=["other"]),
]


def row(output, ratio, *, own=None, verdict=Verdict.DIVERGED, b="base"):
    before = BeforeRow(output=f"{output} before softmax", verdict=verdict, max_abs=1.0, noise_ratio=ratio)
    reason = f"equal only because its softmax hides it: {ratio}"
    fields = dict.fromkeys(DivergenceRow.model_fields)
    said = {"case": "c", "output": output, "a": "other", "b": b, "reason": reason, "before": before}
    return DivergenceRow.model_construct(**{**fields, **said, "noise_ratio": own})


def test_the_worst_output_is_said_first_and_the_others_are_named():
    rows = [row("one", 12.0), row("two", 40.0), row("one", 13.0)]
    assert hidden("c", rows, CLASSES, "twin") == [
        "output 'two' (also 'one') is equal only because its softmax hides it: 40.0"
    ]


def test_noise_and_what_shows_by_itself_are_not_hidden():
    rows = [
        row("one", 1.0, verdict=Verdict.FLOAT_NOISE),
        row("two", 12.0, own=50.0),
        row("x", 9.0, b="other"),
    ]
    assert hidden("c", rows, CLASSES, "base") == []
    assert hidden("d", [row("one", 12.0)], CLASSES, "base") == []


def test_the_larger_of_both_ratios_is_shown():
    assert noise_ratio(row("one", 12.0, own=1.5)) == 12.0
    assert noise_ratio(row("one", 0.5, own=1.5)) == 1.5
