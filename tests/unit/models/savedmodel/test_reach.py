from __future__ import annotations

from built_models import node
from savedmodel_matrix.models.savedmodel.reach import Reach, node_of


def wired(op, name, *inputs, **attributes):
    made = node(op, name, **attributes)
    made.input.extend(inputs)
    return made


def test_what_a_node_takes_its_inputs_from_is_reached():
    reach = Reach()
    for each in (
        wired("Add", "y", "a:0", "^c"),
        wired("Mul", "a", "x"),
        wired("NoOp", "c"),
        wired("Placeholder", "x"),
        wired("Train", "t", "y"),
    ):
        reach.add_node(each)
    assert reach.ops_from(["y"]) == {"Add", "Mul", "NoOp", "Placeholder"}
    assert reach.ops_from(["gone"]) == set()
    assert reach.inputs("y") == ["a", "c"]


def test_functions_are_entered_by_attributes_and_by_name():
    reach = Reach()
    branches = {"list": {"func": [{"name": "one"}, {"name": "two"}]}}
    reach.add_node(wired("PartitionedCall", "y", f={"func": {"name": "f"}}))
    reach.add_node(wired("old_function", "z"))
    reach.add_to_function("f", wired("Case", "n", branches=branches))
    reach.add_to_function("one", wired("Sin", "n"))
    reach.add_to_function("two", wired("inner", "n"))
    reach.add_to_function("inner", wired("Cos", "n"))
    reach.add_to_function("training", wired("Tan", "n"))
    reach.add_to_function("old_function", wired("Exp", "n"))
    assert reach.ops_from(["y"]) == {"PartitionedCall", "Case", "Sin", "inner", "Cos"}
    assert reach.ops_from(["z"]) == {"old_function", "Exp"}


def test_functions_and_nodes_that_go_in_circles():
    reach = Reach()
    reach.add_node(wired("Merge", "a", "b"))
    reach.add_node(wired("PartitionedCall", "b", "a", f={"func": {"name": "f"}}))
    reach.add_to_function("f", wired("PartitionedCall", "n", f={"func": {"name": "f"}}))
    assert reach.ops_from(["a"]) == {"Merge", "PartitionedCall"}


def test_names_of_nodes():
    assert [node_of(name) for name in ("a", "a:1", "^a")] == ["a", "a", "a"]
