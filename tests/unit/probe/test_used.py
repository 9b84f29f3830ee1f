"""Which variables of a graph its outputs depend on; ``tests/real/test_used.py`` asks TensorFlow itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.probe import used


def node(name, op, *inputs, **functions):
    attributes = {key: {"func": {"name": value}} for key, value in functions.items()}
    return pb.NodeDef(name=name, op=op, input=inputs, attr=attributes)


def function(name, arguments, results, *nodes):
    signature = pb.OpDef(
        name=name,
        input_arg=[{"name": each} for each in arguments],
        output_arg=[{"name": each} for each in results],
    )
    return SimpleNamespace(signature=signature, ret=results, control_ret={}, node_def=nodes)


def graph(*nodes, functions=()):
    """What ``used`` reads of a GraphDef, of which our own messages have no more than they need."""
    return SimpleNamespace(node=nodes, library=SimpleNamespace(function=functions))


@pytest.fixture(autouse=True)
def _states(monkeypatch):
    stateful = {"Assert", "AssignVariableOp", "ReadVariableOp", "StatefulPartitionedCall", "Custom"}
    monkeypatch.setattr(used, "has_state", lambda operation: operation in stateful)


def found(definition, *, is_function=True, outputs=("y:0",), fed=()):
    return used.used(definition, outputs, {"a", "b"}, is_function, fed)


A, B = node("a", "Placeholder"), node("b", "Placeholder")
READ_A, READ_B = node("ra", "ReadVariableOp", "a"), node("rb", "ReadVariableOp", "b")


def test_what_is_only_read_is_unused():
    definition = graph(A, B, READ_A, READ_B, node("y", "Identity", "ra", "^rb"))
    assert found(definition) == {"a"}


@pytest.mark.parametrize("op", ["Assert", "Custom", "CheckNumerics"])
def test_what_may_fail_or_is_unknown_uses_what_it_takes(op):
    definition = graph(A, B, READ_A, READ_B, node("c", op, "rb"), node("y", "Identity", "ra", "^c"))
    assert found(definition) == {"a", "b"}


def test_a_graph_of_tensorflow_1_runs_only_what_leads_to_the_outputs():
    definition = graph(A, B, READ_A, READ_B, node("c", "Assert", "rb"), node("y", "Identity", "ra"))
    assert found(definition, is_function=False) == {"a"}
    assert found(definition) == {"a", "b"}


def test_control_inputs_of_switched_graphs_decide_what_runs():
    switched = (node("s", "Switch", "ra", "rb"), node("one", "Const", "^s"), node("y", "Merge", "one", "ra"))
    definition = graph(A, B, READ_A, READ_B, *switched)
    assert found(definition, is_function=False) == {"a", "b"}


def test_what_is_written_counts_if_the_variable_is_read():
    write = node("w", "AssignVariableOp", "a", "rb")
    counter = graph(A, B, READ_B, write, node("y", "Const", "^w"))
    assert found(counter) == set()
    state = graph(A, B, READ_A, READ_B, write, node("y", "Identity", "ra", "^w"))
    assert found(state) == {"a", "b"}


def test_a_call_uses_what_its_taken_result_depends_on():
    inner = function(
        "f",
        ["p", "q"],
        {"r": "rp:value:0", "s": "rq:value:0"},
        node("rp", "ReadVariableOp", "p"),
        node("rq", "ReadVariableOp", "q"),
    )
    call = node("call", "StatefulPartitionedCall", "a", "b", f="f")
    definition = graph(A, B, call, node("y", "Identity", "call:1"), functions=[inner])
    assert found(definition) == {"b"}


def test_an_unknown_function_may_use_everything():
    call = node("call", "StatefulPartitionedCall", "a", f="missing")
    assert found(graph(A, B, call, node("y", "Identity", "call"))) == {"a", "b"}


def test_shapes_are_no_values_and_what_is_fed_needs_nothing():
    shape = graph(A, B, READ_A, READ_B, node("z", "ZerosLike", "rb"), node("y", "AddV2", "ra", "z"))
    assert found(shape) == {"a"}
    fed = graph(A, B, READ_A, READ_B, node("x", "AddV2", "rb", "rb"), node("y", "AddV2", "ra", "x"))
    assert found(fed, is_function=False, fed=["x:0"]) == {"a"}
