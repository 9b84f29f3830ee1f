"""Narrowing finds every change that shows, with few measurements, whatever the order of the answers."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.questions.narrow import Boundary, boundaries, next_points


def search(answers, predicted=None):
    """Measure until nothing is left; return the measured positions and the number of rounds."""
    known: dict[int, object] = {}
    rounds = 0
    while chosen := next_points(len(answers), known, lambda a, b: answers[a] == answers[b], predicted):
        assert known.keys().isdisjoint(chosen)
        known |= {at: answers[at] for at in chosen}
        rounds += 1
    return known, rounds


def found(answers, known):
    return boundaries(known, lambda a, b: answers[a] == answers[b])


def test_the_ends_come_first():
    assert next_points(15, {}, lambda a, b: True) == [0, 14]
    assert next_points(15, {0: "agrees"}, lambda a, b: True) == [14]


def test_equal_ends_need_nothing_more():
    known, rounds = search(["agrees"] * 15)
    assert (sorted(known), rounds) == ([0, 14], 1)


@given(st.integers(2, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))))
def test_one_change_is_found_by_halving(case):
    points, change = case
    answers = ["agrees"] * change + ["fails"] * (points - change)
    known, _ = search(answers)
    assert found(answers, known) == [Boundary(change - 1, change)]
    assert len(known) <= 2 + ceil(log2(points))


def test_a_right_prediction_takes_two_rounds():
    answers = ["agrees"] * 9 + ["fails"] * 6
    known, rounds = search(answers, ["loads"] * 9 + ["fails"] * 6)
    assert (sorted(known), rounds) == ([0, 8, 9, 14], 2)


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=20), st.data())
def test_a_wrong_prediction_hides_no_change_between_unequal_ends(answers, data):
    predicted = data.draw(st.lists(st.sampled_from("xy"), min_size=len(answers), max_size=len(answers)))
    known, _ = search(answers, predicted)
    assert all(each.is_exact for each in found(answers, known))
    assert answers[0] == answers[-1] or found(answers, known)


def test_a_dip_that_preflight_predicts_is_measured():
    answers = ["agrees"] * 5 + ["fails"] + ["agrees"] * 5
    known, _ = search(answers, ["loads"] * 5 + ["fails"] + ["loads"] * 5)
    assert [(each.before, each.after) for each in found(answers, known)] == [(4, 5), (5, 6)]


@pytest.mark.parametrize(("apart", "left"), [(1, 0), (2, 1), (3, 2), (8, 3)])
def test_runs_left_to_an_exact_boundary(apart, left):
    assert Boundary(3, 3 + apart).runs_left == left
