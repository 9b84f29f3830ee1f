from __future__ import annotations

from savedmodel_matrix.commands.printed import Table, text_of


def test_lines_and_tables():
    rows = [["a", ["one", "two"]], ["b", "three"]]
    assert text_of(["title", Table(rows, ("name", "lines"))]).splitlines() == [
        "title",
        "name    lines",
        "------  -------",
        "a       one",
        "        two",
        "b       three",
    ]
    assert text_of([Table([["a", "b"]])]) == "a  b"


def test_values_stay_in_their_line():
    table = Table([["a\nb", ["c\rd", "e\u202ef"]]], ("x", "y"))
    assert text_of(["g\nh", table]).splitlines()[0] == "g\\nh"
    assert text_of([table]).splitlines()[2:] == ["a\\nb  c\\rd", "      e\\u202ef"]


def test_what_is_long_is_cut_with_its_length():
    assert text_of(["x" * 3000]) == f"{'x' * 2000}… (3000 characters)"
    assert text_of([Table([["y" * 400]])]) == f"{'y' * 300}… (400 characters)"
    assert text_of([Table([["y" * 400]], longest=500)]) == "y" * 400
