from __future__ import annotations

from designs import ALIASED, SWITCH, VERSIONS, cells, following, groups, since_2_9
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.verdicts.attribute.explain import explain
from savedmodel_matrix.verdicts.attribute.separate import SETTABLE, Proposal, proposals


def proposed(factors, label, **options):
    return proposals(explain(factors, groups(factors, label)), factors, **options)


def test_an_aliased_python_is_separated_next_to_the_step():
    assert proposed(ALIASED, since_2_9, most=2) == [
        Proposal("2.7.4/off", {"Python": "3.10"}, ("TensorFlow", "Python")),
        Proposal("2.9.3/off", {"Python": "3.9"}, ("TensorFlow", "Python")),
    ]


def test_a_proposal_separates_truths_that_the_matrix_could_not():
    base, change = "2.7.4/off", {"Python": "3.10"}
    assert proposed(ALIASED, since_2_9)[0] == Proposal(base, change, ("TensorFlow", "Python"))
    extended = {**ALIASED, "new": {**ALIASED[base], **change}}
    for truth, name in [(since_2_9, "TensorFlow"), (lambda v: v["Python"] in ("3.10", "3.11"), "Python")]:
        assert explain(ALIASED, groups(ALIASED, truth)).bundles[0].factors == ("TensorFlow", "Python")
        found = explain(extended, groups(extended, truth))
        assert [each.factors for each in found.sets] == [(name,)]


def test_at_most_so_many_for_each_pair():
    factors = following(ALIASED, "NumPy", "TensorFlow", {version: version for version in VERSIONS})
    found = proposed(factors, since_2_9)
    assert [proposal.separates[1] for proposal in found] == ["Python"] * 3 + ["NumPy"] * 3


def test_an_alias_that_explains_nothing_is_not_worth_a_cell():
    assert proposed(ALIASED, lambda values: values["oneDNN"]) == []
    assert proposed(ALIASED, lambda values: 0) == []


def test_rival_sets_are_separated():
    effective = {"2.4.4": "off", "2.7.4": "off", "2.9.3": "on", "2.12.1": "on"}
    factors = following(cells(TensorFlow=VERSIONS), "oneDNN", "TensorFlow", effective)
    found = proposed(factors, since_2_9)
    assert found[0] == Proposal("2.12.1", {"oneDNN": "off"}, ("TensorFlow", "oneDNN"))
    assert {proposal.separates for proposal in found} == {("TensorFlow", "oneDNN")}


def test_within_a_set_of_two_the_other_factor_stays():
    found = proposed(ALIASED, lambda v: v["oneDNN"] == "on" and v["TensorFlow"])
    assert found
    for proposal in found:
        assert ALIASED[proposal.base]["oneDNN"] == "on"
        assert list(proposal.change) == ["Python"]


def test_rival_sets_of_two_are_named_whole():
    coarser = dict(zip(VERSIONS, ("1", "1", "2", "3"), strict=True))
    factors = following(cells(TensorFlow=VERSIONS, oneDNN=SWITCH), "NumPy", "TensorFlow", coarser)
    found = proposed(factors, lambda v: (v["oneDNN"], since_2_9(v)), most=1)
    assert [proposal.separates for proposal in found] == [("TensorFlow and oneDNN", "oneDNN and NumPy")]


def test_what_cannot_be_set_is_not_proposed():
    def keras(versions):
        factors = following(cells(TensorFlow=VERSIONS[:2]), "Keras", "TensorFlow", versions)
        return proposed(factors, lambda v: v["TensorFlow"])

    assert keras({"2.4.4": "keras 2.4.3", "2.7.4": "keras 2.7.0"})
    assert not keras({"2.4.4": "tensorflow 2.4.4", "2.7.4": "keras 2.7.0"})
    assert not keras({"2.4.4": "unknown", "2.7.4": "keras 2.7.0"})
    machine = following(
        cells(TensorFlow=VERSIONS), "CPU", "TensorFlow", dict(zip(VERSIONS, "abcd", strict=True))
    )
    assert not proposed(machine, since_2_9)


@given(
    st.lists(
        st.tuples(*(st.sampled_from(["1", "2", "3"]) for _ in range(4)), st.integers(0, 2)),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_proposals_are_new_settable_and_the_same_in_any_order(rows, source):
    names = ("TensorFlow", "Python", "NumPy", "XLA")
    factors = {f"cell {number}": dict(zip(names, row, strict=False)) for number, row in enumerate(rows)}
    labels = {f"cell {number}": row[4] for number, row in enumerate(rows)}
    found = proposals(explain(factors, labels), factors)
    for proposal in found:
        assert set(proposal.change) <= set(SETTABLE)
        assert {**factors[proposal.base], **proposal.change} not in factors.values()
    order = list(labels)
    source.shuffle(order)
    again = {cell: factors[cell] for cell in order}
    assert proposals(explain(again, {cell: labels[cell] for cell in order}), again) == found
