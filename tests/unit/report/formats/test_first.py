"""What every format says first: the models that are not self-contained."""

from __future__ import annotations

import json

import pytest
from savedmodel_matrix.report.document import OutsideRow
from savedmodel_matrix.report.formats import markdown, terminal


@pytest.fixture
def report(make):
    names = [f"case{number}" for number in range(5)]
    found = make({name: {"e1": "A", "e2": "A"} for name in names})
    found.not_self_contained = [
        OutsideRow(
            case=name, says=f"{name} is not self-contained.", paths=["/a"], missing=[], tried_in="e1/default",
            hidden=None, hidden_reason=None, fix=None, verdict=None,
        )
        for name in names
    ]  # fmt: skip
    return found


def test_on_one_screen_two_have_a_paragraph_and_the_others_are_named(report):
    assert terminal.render(report).split("\n\n")[:4] == [
        "case0 is not self-contained.",
        "case1 is not self-contained.",
        "Not self-contained either: case2, case3, case4.",
        "Everything matches the baseline bit for bit.",
    ]


def test_in_full_each_has_a_paragraph(report):
    said = [f"case{number} is not self-contained." for number in range(5)]
    assert terminal.render(report, verbose=True).split("\n\n")[:5] == said
    assert markdown.render(report).split("\n\n")[1:6] == said


def test_in_json_it_is_the_first_list(report):
    found = json.loads(report.model_dump_json())
    assert list(found)[:3] == ["format", "matrix", "not_self_contained"]
    assert [row["case"] for row in found["not_self_contained"]] == [f"case{number}" for number in range(5)]
