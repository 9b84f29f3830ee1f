from __future__ import annotations

from dataclasses import replace

from designs import ALIASED, COMPILED, SWITCH, VERSIONS, cells, following, groups, since_2_9
from savedmodel_matrix.verdicts.attribute.evidence import evidence
from savedmodel_matrix.verdicts.attribute.explain import explain


def lines(factors, label):
    return evidence(explain(factors, groups(factors, label)))


def test_aliases_change_points_and_counter_examples():
    assert lines(ALIASED, since_2_9) == [
        "8 cells in 2 groups; factors that vary: TensorFlow with Python (4 values), oneDNN (2 values)",
        "TensorFlow determines the group of every cell (4 values)",
        "along TensorFlow, the group changes between 2.7.4 and 2.9.3",
        "TensorFlow and Python always change together here, so this matrix cannot tell them apart",
        "oneDNN alone does not explain it: 2.12.1/off and 2.4.4/off both have oneDNN off but differ",
    ]


def test_an_alias_that_does_not_matter_is_told_only_where_it_varied():
    assert lines(ALIASED, lambda v: v["oneDNN"])[1:] == [
        "oneDNN determines the group of every cell (2 values)",
        (
            "TensorFlow with Python alone does not explain it: 2.12.1/off and 2.12.1/on both have TensorFlow "
            "2.12.1 but differ"
        ),
    ]


def test_conditions():
    assert lines(COMPILED, lambda v: v["XLA"] == "on" and v["TensorFlow"])[1:4] == [
        "TensorFlow and XLA determine the group of every cell (4 combinations)",
        "TensorFlow matters where XLA is on, not where it is off",
        "along TensorFlow, the group changes between 2.15.1 and 2.21.0, where XLA is on",
    ]
    factors = cells(TensorFlow=VERSIONS[:2], XLA=("off", "devices"), loader="12")
    factors["lone"] = {"TensorFlow": "2.4.4", "XLA": "devices and CPU", "loader": "1"}
    assert (
        "TensorFlow matters where XLA is devices, not where it is off; not tested where it is devices and CPU"
        in (lines(factors, lambda v: (v["XLA"], v["XLA"] != "off" and v["TensorFlow"])))
    )


def test_rivals_and_larger_sets():
    late = following(ALIASED, "NumPy", "TensorFlow", dict(zip(VERSIONS, "1233", strict=True)))
    found = lines(late, since_2_9)
    assert "TensorFlow could determine the group of every cell (4 values)" in found
    assert "NumPy could determine the group of every cell (3 values)" in found
    assert not [line for line in found if "never changes" in line]  # it is a rival already
    parts = following(late, "h5py", "TensorFlow", dict(zip(VERSIONS, "abab", strict=True)))
    assert "NumPy and h5py could also determine the group of every cell (4 combinations)" in (
        lines(parts, lambda v: v["TensorFlow"])
    )


def test_what_only_moves_with_the_cause():
    factors = following(ALIASED, "NumPy", "TensorFlow", dict(zip(VERSIONS, "1123", strict=True)))
    assert (
        "NumPy never changes while TensorFlow stays the same, so part of the effect may come from there"
        in (lines(factors, lambda v: v["TensorFlow"]))
    )


def test_vacuous():
    assert "no two cells have the same TensorFlow, so it would explain any grouping" in (
        lines(cells(TensorFlow=VERSIONS), since_2_9)
    )


def test_unexplained_says_what_is_not_known():
    factors = {"a": {"NumPy": "1"}, "b": {"NumPy": "1"}, "c": {}, "d": {}}
    assert evidence(explain(factors, {"a": 1, "b": 2, "c": 3, "d": 3}))[1:] == [
        "no set of factors explains it: a and b agree in every factor but differ",
    ]
    assert evidence(explain(factors, {"a": 1, "b": 1, "c": 2, "d": 3}))[1:] == [
        "no set of factors explains it: c and d agree in every factor but differ",
        "NumPy is unknown for these two cells and may differ",
    ]


def test_nothing_varied():
    assert lines({"a": {"oneDNN": "on"}}, lambda v: 0) == ["1 cell in 1 group; factors that vary: none"]


def test_a_value_that_names_its_factor_is_not_named_twice():
    factors = cells(Keras=("keras 3.1", "keras 3.2"), oneDNN=SWITCH)
    assert (
        "Keras alone does not explain it: keras 3.1/off and keras 3.1/on both have keras 3.1 but differ"
        in (lines(factors, lambda v: v["oneDNN"]))
    )


def test_an_unfinished_search_says_so():
    found = replace(explain(ALIASED, groups(ALIASED, since_2_9)), exhausted=True)
    line = "the search stopped at its limits; other sets of factors may determine it too"
    assert line in evidence(found)
    assert line not in evidence(replace(found, exhausted=False))


def test_packages_that_are_ruled_out_are_counted():
    names = [f"package {number:02}" for number in range(15)]
    factors = {one: {name: str(name == one) for name in names} for one in ["none", *names]}
    factors = {cell: {"seed": str(cell in names), "CPU": cell, **v} for cell, v in factors.items()}
    found = lines(factors, lambda v: v["seed"])
    assert found[-5].startswith("package 00 alone does not explain it: ")
    assert found[-2].startswith("package 03 alone does not explain it: ")
    assert found[-1] == "11 more packages alone do not explain it"


def test_what_only_some_cells_report_is_named():
    found = explain(ALIASED, groups(ALIASED, since_2_9), unseen=["CPU"])
    assert "CPU is not known in every cell and may matter too" in evidence(found)
    found = replace(found, unseen=("CPU", "XLA"))
    assert "XLA and CPU are not known in every cell and may matter too" in evidence(found)


def test_many_sets_are_counted():
    factors = cells(TensorFlow=VERSIONS, oneDNN=SWITCH)
    for number, split in enumerate(["aabb", "abbb", "aaab", "abba", "abab", "aaba"]):
        values = dict(zip(VERSIONS, split, strict=True))
        factors = following(factors, f"variable {number}", "TensorFlow", values)
    found = explain(factors, groups(factors, lambda v: v["TensorFlow"]))
    (line,) = [line for line in evidence(found) if "more sets" in line]
    assert line == f"{len(found.sets) - 6} more sets of factors could also determine it"
    six = evidence(replace(found, sets=found.sets[:6]))
    assert not [line for line in six if "more sets" in line]
