from __future__ import annotations

import re

import pytest
from savedmodel_matrix.models.inputs.patterns import matching
from savedmodel_matrix.models.inputs.stream import Stream
from savedmodel_matrix.models.inputs.wanted import wanted_strings
from savedmodel_matrix.models.savedmodel.wants import Want


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{4}-\d{2}-\d{2}",
        r"[a-z0-9._-]+@[a-z]+\.(com|org)",
        r"^(?:[A-F]{2}|x)*?$",
        r"[^\d\s]{3,}",
        r".+\t\w?",
        r"[]a]b",
        "plain",
        "",
    ],
)
def test_a_text_that_matches(pattern):
    made = [matching(pattern.encode(), Stream(1, number)) for number in range(20)]
    assert all(each is not None and re.fullmatch(pattern, each.decode()) for each in made)


@pytest.mark.parametrize("pattern", [r"(?i)a", r"(?P<n>a)", r"\pN", r"\bx", "(a", "[a", "a)", "é", "a{9999}"])
def test_what_is_not_known_is_not_made(pattern):
    assert matching(pattern.encode(), Stream(1)) is None


def test_texts_differ():
    want = Want(pattern=rb"[a-z]{5}-\d+")
    made = list(wanted_strings(want, (1, "x"), 50))
    assert len(set(made)) > 45
    assert all(re.fullmatch(want.pattern, each) for each in made)


def test_words_are_made_where_the_pattern_is_not_known():
    (made,) = wanted_strings(Want(pattern=rb"(?i)x"), (1, "x"), 1)
    assert made.isalpha()
