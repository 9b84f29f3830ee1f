from __future__ import annotations

import pytest
from savedmodel_matrix.domain.wording import count, first_lines, joined, listed, shortened


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (["a", "b", "c"], "a, b and 1 more"),
        ("abcd", "a, b and 2 more"),
    ],
)
def test_listed(names, text):
    assert listed(names, 2) == text


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_joined(names, text):
    assert joined(names, "or") == text


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "cell", None, "0 cells"),
        (1, "cell", None, "1 cell"),
        (2, "cell", None, "2 cells"),
        (1, "batch", "batches", "1 batch"),
        (2, "batch", "batches", "2 batches"),
    ],
)
def test_count(number, noun, plural, text):
    assert count(number, noun, plural) == text


def test_items_with_commas_have_another_separator():
    assert listed(["a, b", "c", "d"], 2, "; ") == "a, b; c and 1 more"


@pytest.mark.parametrize(
    ("lines", "shown"), [("", []), ("ab", ["a", "b"]), ("abcd", ["a", "b", "and 2 more"])]
)
def test_first_lines(lines, shown):
    assert first_lines(list(lines), 2) == shown


def test_shortened():
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc… (4 characters)"
