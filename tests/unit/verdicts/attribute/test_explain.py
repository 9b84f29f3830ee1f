from __future__ import annotations

import random
from itertools import combinations

import pytest
from designs import ALIASED, COMPILED, SWITCH, VERSIONS, cells, following, groups, since_2_9
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.verdicts.attribute.explain import (
    LARGEST_SET,
    MOST_FACTORS,
    MOST_RIVALS,
    MOST_SETS,
    explain,
)
from savedmodel_matrix.verdicts.attribute.explanation import Bundle, ChangePoint, CounterExample, Kind, Rule
from savedmodel_matrix.verdicts.attribute.names import is_set, value_in


def sets(explanation):
    return [found.factors for found in explanation.sets]


def test_python_alone():
    factors = cells(TensorFlow=VERSIONS, Python=("3.8", "3.9"))
    found = explain(factors, groups(factors, lambda values: values["Python"]))
    assert found.kind is Kind.EXPLAINED
    assert sets(found) == [("Python",)]
    assert found.sets[0].changes == (ChangePoint("Python", "3.8", "3.9"),)
    assert found.sets[0].followers == ()
    assert found.counter_examples == (
        CounterExample(("TensorFlow",), ("2.12.1",), "2.12.1/3.8", "2.12.1/3.9"),
    )


def test_onednn_alone():
    factors = cells(TensorFlow=VERSIONS, oneDNN=SWITCH)
    found = explain(factors, groups(factors, lambda values: values["oneDNN"]))
    (only,) = found.sets
    assert only.factors == ("oneDNN",)
    assert only.alike == (("on",), ("off",))
    assert not only.changes
    assert not only.vacuous
    assert only.combinations == 2


def test_version_alone_with_its_change_point():
    factors = cells(TensorFlow=VERSIONS, oneDNN=SWITCH)
    (only,) = explain(factors, groups(factors, since_2_9)).sets
    assert only.factors == ("TensorFlow",)
    assert only.changes == (ChangePoint("TensorFlow", "2.7.4", "2.9.3"),)  # 2.12 is after 2.9


def test_groups_that_come_back_have_no_change_points():
    factors = cells(TensorFlow=VERSIONS, oneDNN=SWITCH)
    (only,) = explain(factors, groups(factors, lambda values: values["TensorFlow"] == "2.7.4")).sets
    assert only.changes == ()
    assert only.alike == (("2.4.4", "2.9.3", "2.12.1"), ("2.7.4",))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("intra-op threads", ("default", "2", "10")),
        ("CPU flags", ("2", "10", "11")),
        ("NumPy", ("1", "unknown")),
    ],
)
def test_values_without_an_order_have_no_change_points(name, values):
    factors = {value: {name: value} for value in values}
    assert explain(factors, {value: value for value in values}).sets[0].changes == ()


def test_keras_versions_have_an_order_among_themselves():
    def steps(*values):
        return explain({value: {"Keras": value} for value in values}, {v: v for v in values}).sets[0].changes

    assert steps("keras 2.11.0", "keras 2.9.0") == (ChangePoint("Keras", "keras 2.9.0", "keras 2.11.0"),)
    assert steps("keras 3.1", "tf-keras 2.16.0") == ()


def test_version_matters_only_with_xla():
    found = explain(COMPILED, groups(COMPILED, lambda values: values["XLA"] == "on" and values["TensorFlow"]))
    (only,) = found.sets
    assert only.factors == ("TensorFlow", "XLA")
    assert [example.factors for example in found.counter_examples] == [
        *(("TensorFlow",), ("intra-op threads",), ("XLA",)),
    ]
    assert only.rules == (Rule("TensorFlow", "XLA", matters=("on",), idle=("off",), untested=()),)
    assert only.changes == (ChangePoint("TensorFlow", "2.15.1", "2.21.0", where=("XLA", "on")),)
    assert not only.vacuous


def test_each_matters_only_with_the_other():
    found = explain(
        COMPILED, groups(COMPILED, lambda values: (values["XLA"], values["TensorFlow"]) == ("on", "2.21.0"))
    )
    assert found.sets[0].rules == (
        Rule("TensorFlow", "XLA", ("on",), ("off",), ()),
        Rule("XLA", "TensorFlow", ("2.21.0",), ("2.15.1",), ()),
    )


def test_a_value_with_one_cell_is_untested_not_idle():
    factors = cells(TensorFlow=VERSIONS[:2], XLA=("off", "devices"))
    factors["lone"] = {"TensorFlow": "2.4.4", "XLA": "devices and CPU"}
    found = explain(factors, groups(factors, lambda v: (v["XLA"], v["XLA"] != "off" and v["TensorFlow"])))
    assert found.sets[0].rules == (Rule("TensorFlow", "XLA", ("devices",), ("off",), ("devices and CPU",)),)
    del factors["2.7.4/off"]
    found = explain(factors, groups(factors, lambda v: (v["XLA"], v["TensorFlow"])))
    assert found.sets[0].rules == ()


def test_rules_within_a_set_of_three():
    factors = cells(TensorFlow=("1", "2"), XLA=SWITCH, build=("cpu", "gpu"), TF32=SWITCH)
    label = {"cpu": lambda v: v["XLA"], "gpu": lambda v: (v["XLA"], v["TensorFlow"])}
    found = explain(factors, groups(factors, lambda v: (v["build"], label[v["build"]](v))))
    assert sets(found) == [("TensorFlow", "build", "XLA")]
    assert found.sets[0].rules == (Rule("TensorFlow", "build", ("gpu",), ("cpu",), ()),)
    assert [example.factors for example in found.counter_examples] == [
        *(("TensorFlow",), ("build",), ("XLA",), ("TF32",)),
        *(("TensorFlow", "build"), ("TensorFlow", "XLA"), ("build", "XLA")),
    ]


def test_change_points_under_a_second_factor_only_while_few():
    factors = cells(TensorFlow=[f"2.{minor}" for minor in range(4, 10)], XLA=SWITCH, build=("cpu", "gpu"))
    few = explain(factors, groups(factors, lambda v: (v["XLA"], v["TensorFlow"] > "2.6")))
    assert few.sets[0].changes == tuple(
        ChangePoint("TensorFlow", "2.6", "2.7", ("XLA", value)) for value in SWITCH
    )
    many = explain(factors, groups(factors, lambda v: (v["XLA"], v["TensorFlow"])))
    assert many.sets[0].changes == ()
    back = explain(factors, groups(factors, lambda v: (v["XLA"], v["TensorFlow"] == "2.6")))
    assert back.sets[0].changes == ()


def test_python_that_moves_with_tensorflow_is_an_alias():
    found = explain(ALIASED, groups(ALIASED, since_2_9))
    assert found.kind is Kind.EXPLAINED
    assert found.bundles == (Bundle(("TensorFlow", "Python"), 4), Bundle(("oneDNN",), 2))
    assert sets(found) == [("TensorFlow",)]


def test_rivals_of_the_same_size_are_ambiguous():
    coarser = following(
        ALIASED, "NumPy", "TensorFlow", dict(zip(VERSIONS, ("1", "1", "2", "3"), strict=True))
    )
    found = explain(coarser, groups(coarser, since_2_9))
    assert found.kind is Kind.AMBIGUOUS
    assert sets(found) == [("TensorFlow",), ("NumPy",)]
    assert found.sets[0].followers == ("NumPy",)


def test_larger_rivals_are_kept_but_not_ambiguous():
    names = {"2.4.4": "a", "2.7.4": "b", "2.9.3": "a", "2.12.1": "b"}
    factors = following(ALIASED, "h5py", "TensorFlow", names)
    factors = following(
        factors, "CPU", "TensorFlow", {"2.4.4": "a", "2.7.4": "a", "2.9.3": "b", "2.12.1": "b"}
    )
    found = explain(factors, groups(factors, lambda v: v["TensorFlow"]))
    factors = following(factors, "machine", "TensorFlow", dict(zip(VERSIONS, "xyyx", strict=True)))
    more = explain(factors, groups(factors, lambda v: v["TensorFlow"]))
    assert found.kind is more.kind is Kind.EXPLAINED
    assert sets(found) == [("TensorFlow",), ("h5py", "CPU")]
    assert sets(more) == [("TensorFlow",), ("h5py", "CPU"), ("h5py", "machine"), ("CPU", "machine")]
    assert more.smallest == more.sets[:1]
    assert [example.factors for example in more.counter_examples] == [
        *(("oneDNN",), ("h5py",), ("CPU",), ("machine",)),
    ]


def test_the_same_factors_in_different_groups_are_unexplained():
    factors = {**ALIASED, "again": ALIASED["2.4.4/on"]}
    found = explain(factors, {**groups(factors, since_2_9), "again": "other"})
    assert found.kind is Kind.UNEXPLAINED
    assert found.sets == ()
    assert found.counter_examples == (
        CounterExample(("TensorFlow", "oneDNN"), ("2.4.4", "on"), "2.4.4/on", "again"),
    )


def test_constant_factors_explain_nothing():
    found = explain({"a": {"TensorFlow": "2.9.3"}, "b": {"TensorFlow": "2.9.3"}}, {"a": 1, "b": 2})
    assert found.kind is Kind.UNEXPLAINED
    assert found.bundles == ()
    assert found.counter_examples == (CounterExample((), (), "a", "b"),)


@pytest.mark.parametrize("labels", [{"a": 1}, {"a": 1, "b": 1}])
def test_one_group(labels):
    found = explain({"a": {"oneDNN": "on"}, "b": {"oneDNN": "off"}}, labels)
    assert found.kind is Kind.ONE_GROUP
    assert found.groups == (tuple(labels),)
    assert found.sets == ()
    assert not found.vacuous


def test_a_key_of_all_cells_is_vacuous():
    factors = cells(TensorFlow=VERSIONS)
    found = explain(factors, groups(factors, since_2_9))
    assert found.vacuous
    assert found.sets[0].vacuous
    assert not explain(ALIASED, groups(ALIASED, since_2_9)).vacuous


def test_a_missing_value_is_a_value_of_its_own():
    factors = {"a": {"NumPy": "1"}, "b": {"NumPy": "1"}, "c": {}, "d": {}}
    found = explain(factors, {"a": 1, "b": 1, "c": 2, "d": 2})
    assert found.sets[0].alike == (("1",), ("unknown",))
    assert explain(factors, {"a": 1, "b": 1, "c": 2, "d": 3}).kind is Kind.UNEXPLAINED


def test_a_variable_that_is_not_named_is_unset():
    found = explain(
        {"a": {"variable A": "1"}, "b": {"variable A": "unset"}, "c": {}}, {"a": 1, "b": 2, "c": 2}
    )
    assert found.sets[0].alike == (("1",), ("unset",))


def test_without_cells_or_factors():
    with pytest.raises(ValueError, match="nothing to explain"):
        explain({}, {})
    with pytest.raises(ValueError, match=r"no factors are known for b, c"):
        explain({"a": {}}, {"a": 1, "c": 1, "b": 1})


def one_at_a_time(count, name="factor"):
    """A cell without anything, and one for each of many factors that are set alone."""
    names = [f"{name} {number:02}" for number in range(count)]
    return names, {one: {name: str(name == one) for name in names} for one in ["none", *names]}


def test_a_set_that_every_other_one_would_contain_is_the_only_one_however_many_factors_there_are():
    names, factors = one_at_a_time(MOST_RIVALS * 3)
    factors["pair"] = {name: str(name in names[-2:]) for name in names}
    found = explain(factors, groups(factors, lambda v: (v[names[0]], v[names[-1]])))
    assert sets(found) == [(names[0], names[-1])]
    assert not found.exhausted


@pytest.mark.parametrize(
    ("count", "name", "exhausted"),
    [(MOST_RIVALS - 1, "variable", False), (MOST_RIVALS, "variable", True), (2, "package", True)],
)
def test_larger_rivals_are_made_of_the_first_factors_and_not_of_packages(count, name, exhausted):
    names, factors = one_at_a_time(count, name)
    factors = following(factors, "TensorFlow", names[0], {"True": "2", "False": "1"})
    factors["again"] = {**factors["none"], "TensorFlow": "3"}
    found = explain(factors, groups(factors, lambda v: v[names[0]]))
    assert sets(found)[:2] == [("TensorFlow",), (names[0],)]
    assert found.exhausted is exhausted


def test_sets_of_what_the_user_set_come_first():
    factors = cells(requirements="ab", seed="12", machine="xy")
    factors = following(factors, "NumPy", "requirements", {"a": "1", "b": "2"})
    factors["one"] = {"requirements": "c", "seed": "1", "machine": "x", "NumPy": "1"}
    found = explain(factors, groups(factors, lambda v: (v["requirements"] == "b", v["seed"])))
    assert sets(found) == [("requirements", "seed"), ("seed", "NumPy")]


def test_a_set_of_three_is_found_wherever_its_factors_stand():
    names = [f"factor {number:02}" for number in range(MOST_FACTORS[4] + 3)]
    source = random.Random(1)
    factors = {f"{row}": {name: source.choice("abc") for name in names} for row in range(200)}
    found = explain(factors, groups(factors, lambda v: tuple(v[name] for name in names[-3:])))
    assert found.exhausted
    assert sets(found)[0] == tuple(names[-3:])


def test_more_factors_than_a_set_may_have_if_each_is_needed():
    names = [f"factor {number}" for number in range(LARGEST_SET + 2)]
    factors = cells(**{name.replace(" ", "_"): ("0", "1") for name in names})
    found = explain(factors, groups(factors, lambda v: tuple(v[name] for name in names[:-1])))
    assert found.kind is Kind.EXPLAINED
    assert not found.exhausted
    assert sets(found) == [tuple(names[:-1])]


def test_what_takes_more_factors_than_a_set_may_have_is_reduced_to_what_it_takes():
    names = [f"factor {number}" for number in range(LARGEST_SET + 1)]
    factors = cells(**{name.replace(" ", "_"): ("0", "1") for name in names})
    factors = following(factors, "machine", names[0], {"0": "x", "1": "y"})
    factors["last"] = {**dict.fromkeys(names, "0"), "machine": "z"}
    found = explain(factors, groups(factors, lambda v: tuple(v[name] for name in names)))
    assert found.exhausted
    assert sets(found) == [tuple(names)]


def test_more_sets_of_one_size_than_anybody_reads():
    size = MOST_SETS + 1
    factors = {
        f"{row:03}": {f"factor {n:03}": str(row == n or row > size) for n in range(size)}
        for row in range(size + 2)
    }
    found = explain(factors, {cell: cell == f"{size + 1:03}" for cell in factors})
    assert found.exhausted
    assert len([each for each in sets(found) if len(each) == 2]) == MOST_SETS


def test_an_option_is_left_to_the_fact_that_tells_its_effect():
    variable = "variable TF_ENABLE_ONEDNN_OPTS"
    factors = following(
        cells(TensorFlow=("2.4.4", "2.9.3", "2.12.1"), setting=("on", "off")),
        variable,
        "setting",
        {"on": "unset", "off": "0"},
    )
    for cell, found in factors.items():
        found.pop("setting")
        found["oneDNN"] = "on" if "2.4" not in cell and found[variable] == "unset" else "off"
    found = explain(factors, groups(factors, lambda v: v["oneDNN"]))
    assert (found.kind, sets(found)) == (Kind.EXPLAINED, [("oneDNN",)])
    assert not [each for each in found.counter_examples if variable in each.factors]
    # Where the fact says nothing, the variable is a factor like others.
    found = explain(factors, groups(factors, lambda v: v[variable]))
    assert sets(found)[0] == (variable,)


def test_of_what_splits_the_cells_in_the_same_way_a_fact_has_the_name_alone():
    factors = cells(oneDNN=SWITCH)
    factors = following(factors, "variable TF_ENABLE_ONEDNN_OPTS", "oneDNN", {"on": "1", "off": "0"})
    factors = following(factors, "seed", "oneDNN", {"on": "1", "off": "2"})
    assert explain(factors, groups(factors, lambda v: v["oneDNN"])).bundles == (
        Bundle(("seed", "oneDNN"), 2),
    )


@st.composite
def drawn_designs(draw):
    names = draw(st.lists(st.sampled_from(["TensorFlow", "oneDNN", "Python", "NumPy", "x"]), unique=True))
    factors = st.fixed_dictionaries({}, optional={name: st.sampled_from("abc") for name in names})
    rows = draw(st.lists(st.tuples(factors, st.integers(0, 2)), min_size=1, max_size=8))
    named = {f"cell {number}": row for number, row in enumerate(rows)}
    return {cell: row[0] for cell, row in named.items()}, {cell: row[1] for cell, row in named.items()}


def is_dependency(factors, labels, names):
    return all(
        labels[a] == labels[b]
        for a, b in combinations(labels, 2)
        if all(value_in(factors[a], name) == value_in(factors[b], name) for name in names)
    )


@given(drawn_designs())
def test_what_is_returned_is_minimal_and_complete(design):
    factors, labels = design
    found = explain(factors, labels)
    primaries = [bundle.primary for bundle in found.bundles]
    minimal = [
        names
        for size in range(1, len(primaries) + 1)
        for names in combinations(primaries, size)
        if is_dependency(factors, labels, names)
        and not any(is_dependency(factors, labels, part) for part in combinations(names, size - 1))
    ]
    everything = {name for values in factors.values() for name in values}
    if len(set(labels.values())) == 1:
        assert found.kind is Kind.ONE_GROUP
    elif not is_dependency(factors, labels, everything):
        assert found.kind is Kind.UNEXPLAINED
    else:
        smallest = [names for names in minimal if len(names) == len(minimal[0])]
        assert found.kind is (Kind.EXPLAINED if len(smallest) == 1 else Kind.AMBIGUOUS)
        if not found.exhausted:
            unset = {names: sum(not is_set(name) for name in names) for names in minimal}
            assert sets(found) == sorted(minimal, key=lambda names: (len(names), unset[names]))
    for example in found.counter_examples:
        a, b = factors[example.a], factors[example.b]
        assert labels[example.a] != labels[example.b]
        for name, value in zip(example.factors, example.values, strict=True):
            assert value_in(a, name) == value_in(b, name) == value


@given(drawn_designs(), st.randoms(use_true_random=False))
def test_the_order_of_cells_does_not_matter(design, source):
    factors, labels = design
    order = list(labels)
    random.Random(source.random()).shuffle(order)
    shuffled = {cell: dict(reversed(factors[cell].items())) for cell in order}
    relabelled = {cell: f"group {labels[cell]}" for cell in order}
    assert explain(shuffled, relabelled) == explain(factors, labels)


@given(drawn_designs())
def test_rules_hold_in_every_pair_of_cells(design):
    factors, labels = design
    for found in explain(factors, labels).sets:
        for rule in found.rules:
            rest = [name for name in found.factors if name != rule.factor]
            for value in rule.matters + rule.idle:
                within = {
                    cell: label
                    for cell, label in labels.items()
                    if value_in(factors[cell], rule.condition) == value
                }
                assert is_dependency(factors, within, rest) is (value in rule.idle)


def test_bundle_of_a_primary():
    found = explain(ALIASED, groups(ALIASED, since_2_9))
    assert found.bundle("TensorFlow").factors == ("TensorFlow", "Python")
    with pytest.raises(KeyError):
        found.bundle("Python")
