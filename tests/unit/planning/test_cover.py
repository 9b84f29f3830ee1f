from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.planning.cover import choose, pairwise

ONE = frozenset({"cnn"})


def product(*sizes):
    return [tuple(map(str, row)) for row in itertools.product(*map(range, sizes))]


def pairs(rows):
    return {(i, row[i], j, row[j]) for row in rows for i, j in itertools.combinations(range(len(row)), 2)}


@st.composite
def sparse(draw):
    """Distinct rows out of a product with holes, the cases each runs, and some that are always kept."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    rows = draw(st.lists(st.sampled_from(product(*sizes)), min_size=1, max_size=60, unique=True))
    cases = st.frozensets(st.sampled_from("abc"), min_size=1)
    running = draw(st.lists(cases, min_size=len(rows), max_size=len(rows)) | st.just([ONE] * len(rows)))
    return rows, running, draw(st.sets(st.integers(0, len(rows) - 1), max_size=3))


@given(sparse())
def test_every_pair_that_occurs_is_kept_for_every_case(given):
    rows, running, always = given
    kept = choose(rows, running, always)
    assert kept == sorted(set(kept))
    assert set(kept) >= always
    for case in frozenset().union(*running):
        assert pairs(rows[index] for index in kept if case in running[index]) == pairs(
            row for row, cases in zip(rows, running, strict=True) if case in cases
        )


@given(sparse())
def test_no_row_is_kept_in_vain(given):
    rows, running, always = given
    kept = choose(rows, running, always)
    for one in set(kept) - always:
        others = [index for index in kept if index != one]
        assert any(
            pairs([rows[one]]) - pairs(rows[index] for index in others if case in running[index])
            for case in running[one]
        )


@pytest.mark.parametrize(
    ("sizes", "most"),
    [
        ((15, 6, 2, 2, 2, 2, 2), 90),  # the fewest: each of 15 has to meet each of 6
        ((4, 4, 4, 4, 4), 16),  # likewise
        ((3, 3, 3, 3), 9),  # likewise
        # covertable 3.2.0
        ((5, 5, 5, 5, 5), 34),
        ((6, 6, 6, 4), 41),
        ((6, 5, 4, 3, 2, 2), 32),
        ((2, 2, 2, 2, 2, 2), 6),
    ],
)
def test_few_are_kept(sizes, most):
    rows = product(*sizes)
    assert len(choose(rows, [ONE] * len(rows))) <= most


def test_an_environment_is_used_for_several_settings():
    # Without this preference the 90 rows come from more than 45 environments, most of them for one row.
    rows = product(15, 3, 2, 2, 2, 6)
    kept = choose(rows, [ONE] * len(rows))
    assert len(kept) == 90
    assert len({rows[index][:-1] for index in kept}) == 45


@pytest.mark.parametrize("sizes", [(4,), (4, 3), (1, 4, 3, 1), (1, 1)])
def test_with_two_axes_every_cell_is_needed(sizes):
    rows = product(*sizes)
    assert choose(rows, [ONE] * len(rows)) == list(range(len(rows)))


def test_every_machine_chooses_the_same():
    # The fewest there could be are 4, so every order is tried.
    rows = product(2, 2, 2, 2, 2, 2)
    running = [frozenset("ab") if index % 3 else frozenset("a") for index in range(len(rows))]
    assert choose(rows, running, {40}) == [14, 16, 23, 37, 40, 59]


def environment(tensorflow, python="3.10", build=Build.CPU, requirements=()):
    return Environment(tensorflow, python, build, requirements=requirements)


def cells(environments, *names):
    return {CellId(each.id, name): ONE for each in environments for name in names}


def covered(ran, *missing, always=(), settings=("default", "xla", "one-thread")):
    """Cover the cells of some environments; ``missing`` are others, each with the reason."""
    reasons = {cell: reason for each, reason in missing for cell in cells([each], *settings)}
    known = {each.id: each for each in [*ran, *(each for each, _ in missing)]}
    return pairwise(cells(ran, *settings), known, always, reasons)


def test_the_cells_that_are_kept_and_what_they_leave_open():
    ran = [
        environment(version, python)
        for version in ("2.9.3", "2.10.1", "2.11.1")
        for python in ("3.9", "3.10")
    ]
    found = covered(ran)
    # 3 × 3 is the least, and each of the 9 holds one of the 18 triples.
    assert len(found.kept) == 9
    (remark,) = found.remarks
    assert remark == (
        "cover: 9 of the 18 cells that can run are kept; every pair of values of two axes runs together at "
        "least once; 9 of 18 combinations of three axes do not run"
    )


def test_what_is_always_kept_is():
    ran = [
        environment(version, python)
        for version in ("2.9.3", "2.10.1", "2.11.1")
        for python in ("3.9", "3.10")
    ]
    for cell in cells(ran, "default", "xla", "one-thread"):
        assert cell in covered(ran, always={cell}).kept
    elsewhere = CellId("tf1.15.0-py3.7-cpu", "default")
    assert covered(ran, always={elsewhere}) == covered(ran)


def test_where_nothing_can_be_left_out_that_is_said():
    ran = [environment("2.9.3"), environment("2.10.1")]
    found = covered(ran)
    assert found.kept == set(cells(ran, "default", "xla", "one-thread"))
    assert found.remarks == ("cover: all 6 cells that can run are needed to cover every pair",)
    assert covered([]).kept == frozenset()


def test_values_that_never_meet_are_named_with_the_reason():
    ran = [
        environment("2.4.4", "3.8"),
        environment("2.9.3", "3.8"),
        environment("2.9.3", "3.10"),
        environment("2.9.3", "3.10", requirements=("numpy<2", "pandas")),
    ]
    missing = environment("2.4.4", "3.10"), "TensorFlow 2.4.4 has wheels for Python 3.6 to 3.8 only"
    too_old = environment("2.4.4", "3.8", requirements=("numpy<2", "pandas")), "excluded: too old"
    (_, remark) = covered(ran, missing, too_old).remarks
    assert remark == (
        "cover: python 3.10 never runs with tensorflow 2.4.4: "
        "TensorFlow 2.4.4 has wheels for Python 3.6 to 3.8 "
        "only; requirements numpy<2 + pandas never runs with tensorflow 2.4.4: excluded: too old; "
        "requirements numpy<2 + pandas never runs with python 3.8: excluded: too old"
    )


def test_of_many_values_that_never_meet_few_are_named():
    # As with python = "auto": what is asked for in vain is more telling, and comes first.
    pythons = {"2.4.4": "3.8", "2.9.3": "3.10", "2.15.1": "3.11", "2.21.0": "3.13"}
    ran = [
        environment(version, python, build)
        for version, python in pythons.items()
        for build in (Build.CPU, Build.GPU)
        if (version, build) != ("2.21.0", Build.GPU)
    ]
    (_, remark) = covered(ran, (environment("2.21.0", "3.13", Build.GPU), "no GPU wheels")).remarks
    assert remark == (
        "cover: build gpu never runs with tensorflow 2.21.0: no GPU wheels; "
        "build gpu never runs with python 3.13: "
        "no GPU wheels; python 3.10 never runs with tensorflow 2.4.4: the definition does not combine them "
        "and 11 more"
    )
