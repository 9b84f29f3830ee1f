from __future__ import annotations

import pytest
from designs import ALIASED, COMPILED, SWITCH, VERSIONS, cells, following, groups, since_2_9
from savedmodel_matrix.verdicts.attribute.explain import explain
from savedmodel_matrix.verdicts.attribute.sentence import sentence

SWITCHED = cells(TensorFlow=VERSIONS, oneDNN=SWITCH)
#: NumPy depends on TensorFlow and does not tell it: the same in the first two releases, or the last two.
EARLY = following(SWITCHED, "NumPy", "TensorFlow", dict(zip(VERSIONS, "1123", strict=True)))
LATE = following(SWITCHED, "NumPy", "TensorFlow", dict(zip(VERSIONS, "1233", strict=True)))


def said(factors, label, **options):
    return sentence(explain(factors, groups(factors, label)), **options)


def by_version(*labels):
    """Label cells by their release alone."""
    label = dict(zip(VERSIONS, labels, strict=True))
    return lambda values: label[values["TensorFlow"]]


def test_one_group():
    assert said(SWITCHED, lambda v: 0) == "the outputs are identical in every cell"
    assert said(SWITCHED, lambda v: 0, what="the decisions") == "the decisions are identical in every cell"
    assert sentence(explain({"a": {}}, {"a": 1})) == (
        "only one cell was recorded, so there is nothing to compare"
    )


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (lambda v: v["oneDNN"], "oneDNN only (on and off differ); nothing else matters"),
        (by_version(1, 1, 2, 2), "TensorFlow only (between 2.7.4 and 2.9.3); nothing else matters"),
        (
            by_version(1, 2, 2, 3),
            "TensorFlow only (between 2.4.4 and 2.7.4 and between 2.9.3 and 2.12.1); nothing else matters",
        ),
        (
            by_version(1, 2, 3, 4),
            "TensorFlow only (in 3 steps from 2.4.4 to 2.12.1); nothing else matters",
        ),
        (
            by_version(1, 2, 1, 1),
            "TensorFlow only (2.4.4, 2.9.3 and 2.12.1 versus 2.7.4); nothing else matters",
        ),
    ],
)
def test_one_cause(label, text):
    assert said(SWITCHED, label) == f"the outputs change with {text}"


def test_values_in_quotes_where_a_list_would_not_be_clear():
    factors = cells(XLA=("off", "devices", "devices and CPU"), Python=("3.8", "3.9"))
    assert said(factors, lambda v: v["XLA"]) == (
        "the outputs change with XLA only (devices, 'devices and CPU' and off differ); nothing else matters"
    )


def test_many_values_are_counted():
    factors = cells(CPU="abcdefg", Python=("3.8", "3.9"))
    assert said(factors, lambda v: v["CPU"] > "c") == (
        "the outputs change with CPU only (its 7 values give 2 different results); nothing else matters"
    )


def test_not_alone_while_something_only_moves_with_it():
    assert said(EARLY, by_version(1, 2, 2, 2)) == (
        "the outputs change with TensorFlow (between 2.4.4 and 2.7.4)"
    )


def test_nothing_else_is_not_said_where_nothing_else_varied_or_a_larger_set_would_do():
    assert said({cell: {"oneDNN": cell[:-1]} for cell in ("on1", "on2", "off1")}, lambda v: v["oneDNN"]) == (
        "the outputs change with oneDNN only (on and off differ)"
    )
    # Two releases of each h5py and on each CPU, which together tell the release; threads move by themselves.
    factors = cells(TensorFlow=VERSIONS, threads="12")
    factors = following(factors, "h5py", "TensorFlow", dict(zip(VERSIONS, "aabb", strict=True)))
    factors = following(factors, "CPU", "TensorFlow", dict(zip(VERSIONS, "xyxy", strict=True)))
    assert said(factors, by_version(1, 2, 3, 4)) == (
        "the outputs change with TensorFlow (in 3 steps from 2.4.4 to 2.12.1)"
    )


def test_aliases():
    assert said(ALIASED, since_2_9) == (
        "the outputs change with TensorFlow or Python, which always change together here "
        "(between 2.7.4 and 2.9.3)"
    )
    switch = {cell: {**found, "sampler": found["oneDNN"]} for cell, found in SWITCHED.items()}
    assert said(switch, lambda v: v["sampler"]) == (
        "the outputs change with oneDNN or sampler, which always change together here "
        "(oneDNN on and off differ)"
    )


def test_many_aliases_are_counted():
    factors = ALIASED
    for name in ("NumPy", "protobuf", "Keras"):
        factors = following(factors, name, "TensorFlow", {version: version for version in VERSIONS})
    assert said(factors, since_2_9).startswith(
        "the outputs change with TensorFlow, Python, Keras, NumPy or protobuf, which"
    )
    factors = following(factors, "h5py", "TensorFlow", {version: version for version in VERSIONS})
    assert said(factors, since_2_9) == (
        "the outputs change with TensorFlow, Python, Keras, NumPy or one of 2 other packages, "
        "which always change together here (between 2.7.4 and 2.9.3)"
    )


def test_rivals():
    assert said(LATE, since_2_9) == (
        "the outputs change with TensorFlow or NumPy (this matrix cannot tell which); "
        "if it is TensorFlow, between 2.7.4 and 2.9.3"
    )
    assert said(LATE, lambda v: (v["oneDNN"], since_2_9(v))) == (
        "the outputs change with oneDNN and with TensorFlow or NumPy (this matrix cannot tell which)"
    )


def test_rivals_of_one_factor_of_a_set_are_told_with_their_aliases():
    factors = LATE
    for number, split in enumerate(["1123", "abbc", "2234"]):
        values = dict(zip(VERSIONS, split, strict=True))
        factors = following(factors, f"factor {number}", "TensorFlow", values)
    assert said(factors, lambda v: (v["oneDNN"], since_2_9(v))) == (
        "the outputs change with oneDNN and with TensorFlow, NumPy, factor 0 or factor 2 "
        "(this matrix cannot tell which)"
    )


def test_a_condition_of_the_first_of_several_sets():
    factors = {cell: {**v, "NumPy": v["TensorFlow"][:3] + cell[-1]} for cell, v in COMPILED.items()}
    assert said(factors, lambda v: v["XLA"] == "on" and v["TensorFlow"]) == (
        "the outputs change with XLA and with TensorFlow or NumPy (this matrix cannot tell which); "
        "if it is TensorFlow and XLA, TensorFlow matters only where XLA is on, between 2.15.1 and 2.21.0"
    )


def test_many_sets_without_a_common_factor_are_counted():
    factors = {
        "a": {"TensorFlow": "1", "NumPy": "1", "CPU": "x", "seed": "1"},
        "b": {"TensorFlow": "1", "NumPy": "2", "CPU": "y", "seed": "1"},
        "c": {"TensorFlow": "2", "NumPy": "1", "CPU": "y", "seed": "1"},
        "d": {"TensorFlow": "2", "NumPy": "2", "CPU": "z", "seed": "2"},
    }
    assert said(factors, lambda v: tuple(v.values())) == (
        "the outputs change with TensorFlow and NumPy, or with TensorFlow and CPU, "
        "or with NumPy and CPU (this matrix cannot tell which); no two cells have the same value of any of "
        "these, so this is not confirmed"
    )


def test_several_causes():
    again = {f"{cell}{number}": {**v, "loader": number} for cell, v in SWITCHED.items() for number in "12"}
    assert said(again, lambda v: (v["oneDNN"], since_2_9(v))) == (
        "the outputs change with TensorFlow and with oneDNN; nothing else matters"
    )
    aliased = {f"{cell}{number}": {**v, "loader": number} for cell, v in ALIASED.items() for number in "12"}
    assert said(aliased, lambda v: (v["oneDNN"], since_2_9(v))) == (
        "the outputs change with TensorFlow or Python (which always change together here) and with oneDNN; "
        "nothing else matters"
    )


def test_a_condition():
    assert said(COMPILED, lambda v: v["XLA"] == "on" and v["TensorFlow"]) == (
        "the outputs change with XLA, and TensorFlow matters only where XLA is on, between 2.15.1 and 2.21.0"
    )
    assert said(COMPILED, lambda v: (v["XLA"], v["TensorFlow"]) == ("on", "2.21.0")) == (
        "the outputs change with TensorFlow and XLA: TensorFlow only where XLA is on, "
        "XLA only where TensorFlow is 2.21.0"
    )


def test_a_condition_with_values_that_were_not_tried():
    factors = cells(TensorFlow=VERSIONS[:2], XLA=("off", "devices"), loader="12")
    factors["lone"] = {"TensorFlow": "2.4.4", "XLA": "on", "loader": "1"}
    assert said(factors, lambda v: (v["XLA"], v["XLA"] != "off" and v["TensorFlow"])) == (
        "the outputs change with XLA, and TensorFlow matters where XLA is devices but not where it is off, "
        "between 2.4.4 and 2.7.4"
    )


def test_a_condition_with_several_values():
    factors = cells(TensorFlow=VERSIONS[:2], XLA=("off", "devices", "on"), loader="12")
    assert said(factors, lambda v: v["XLA"] != "off" and (v["XLA"], v["TensorFlow"])) == (
        "the outputs change with XLA, and TensorFlow matters only where XLA is on or devices"
    )


def test_nothing_confirms_what_no_two_cells_share():
    assert said(cells(TensorFlow=VERSIONS), since_2_9) == (
        "the outputs change with TensorFlow only (between 2.7.4 and 2.9.3); "
        "no two cells have the same TensorFlow, so this is not confirmed"
    )
    assert said(SWITCHED, lambda v: tuple(v.values())) == (
        "the outputs change with TensorFlow and with oneDNN; "
        "no two cells have the same TensorFlow and oneDNN, so this is not confirmed"
    )
    assert said(SWITCHED, lambda v: v["oneDNN"] == "on" and v["TensorFlow"]) == (
        "the outputs change with oneDNN, and TensorFlow matters only where oneDNN is on, "
        "in 3 steps from 2.4.4 to 2.12.1; "
        "no two cells have the same TensorFlow and oneDNN, so only the cells where oneDNN is off confirm it"
    )


def test_rivals_that_nothing_confirms():
    factors = {
        "a": {"TensorFlow": "1", "NumPy": "1", "CPU": "x"},
        "b": {"TensorFlow": "1", "NumPy": "2", "CPU": "y"},
        "c": {"TensorFlow": "2", "NumPy": "1", "CPU": "y"},
    }
    assert sentence(explain(factors, {"a": 1, "b": 2, "c": 3})) == (
        "the outputs change with TensorFlow and NumPy, or with TensorFlow and CPU, or with NumPy and CPU "
        "(this matrix cannot tell which); no two cells have the same value of any of these, "
        "so this is not confirmed"
    )


def test_unexplained():
    factors = {**ALIASED, "again": ALIASED["2.4.4/on"]}
    assert sentence(explain(factors, {**groups(factors, since_2_9), "again": 2})) == (
        "no recorded factor explains why the outputs differ: "
        "2.4.4/on and again agree in every factor but differ"
    )


def test_the_verb_agrees_with_what_was_grouped():
    one = {"what": "the outcome"}
    assert said(SWITCHED, lambda v: 0, **one) == "the outcome is identical in every cell"
    assert said(SWITCHED, lambda v: v["oneDNN"], **one).startswith("the outcome changes with oneDNN only")
    factors = {**ALIASED, "again": ALIASED["2.4.4/on"]}
    unexplained = explain(factors, {**groups(factors, since_2_9), "again": 2})
    assert "explains why the outcome differs" in sentence(unexplained, **one)
