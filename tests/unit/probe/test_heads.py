"""Which tensor stands before a head that hides small changes, as the messages of a graph tell."""

from __future__ import annotations

import numpy as np
import pytest
from flow_models import function, op
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.probe import before, heads
from savedmodel_matrix.probe.heads import Place

FLOAT = {"type": pb.DT_FLOAT}


def graph(*nodes, functions=()):
    return heads.Graph(pb.WholeGraphDef(node=nodes, library={"function": functions}))


def call(name, target, *inputs, kind="PartitionedCall"):
    return op(name, kind, *inputs, f={"func": {"name": target}})


def shown(found):
    return found and (found.kind, found.place.calls, found.place.reference)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("Softmax", "softmax"), ("LogSoftmax", "log-softmax"), ("Sigmoid", "sigmoid"), ("Tanh", "tanh")],
)
def test_it_is_found_through_what_only_passes_values_on(kind, said):
    known = graph(
        op("x", "Placeholder"),
        op("head", kind, "x:0", T=FLOAT),
        op("cast", "Cast", "head"),
        op("two", "IdentityN", "x", "cast"),
        op("y", "Reshape", "two:1", "shape"),
    )
    assert shown(known.head("y:0")) == (said, (), "x:0")


@pytest.mark.parametrize("kind", ["Relu", "MatMul", "ConcatV2", "StridedSlice"])
def test_there_is_no_head_behind_what_computes(kind):
    known = graph(op("x", "Placeholder"), op("head", "Softmax", "x", T=FLOAT), op("y", kind, "head", "x"))
    assert known.head("y:0") is None


def test_a_softmax_of_attention_is_no_head():
    known = graph(
        op("x", "Placeholder"),
        op("attention", "Softmax", "x", T=FLOAT),
        op("mixed", "BatchMatMulV2", "attention", "x"),
        op("y", "Sigmoid", "mixed", T=FLOAT),
    )
    assert shown(known.head("y")) == ("sigmoid", (), "mixed")


def test_it_is_found_in_functions_and_out_again_through_their_arguments():
    passes = function("passes", ["a"], [op("i", "Identity", "a")], {"r": "i:output:0"})
    inner = function(
        "inner",
        ["a", "b"],
        [op("s", "Softmax", "b", T=FLOAT), call("c", "passes", "s:softmax:0")],
        {"r": "c:output:0", "other": "a"},
    )
    outer = function(
        "outer",
        ["a"],
        [op("m", "MatMul", "a", "a"), call("c", "inner", "a", "m:product:0")],
        {"r": "c:output:0", "other": "c:output:1"},
    )
    known = graph(
        op("x", "Placeholder"),
        op("t", "Tanh", "x", T=FLOAT),
        call("call", "outer", "t", kind="StatefulPartitionedCall"),
        functions=[passes, inner, outer],
    )
    assert shown(known.head("call:0")) == ("softmax", ("call", "c"), "b")
    assert known.source(Place(("call", "c"), "b")) == (("call",), "m", "product")
    # The other result is an argument all the way: it stands outside, behind a tanh.
    assert shown(known.head("call:1")) == ("tanh", (), "x")


def test_a_call_by_the_name_of_a_function_is_followed():
    old = function("old", ["a"], [op("s", "Sigmoid", "a", T=FLOAT)], {"out": "s:y:0"})
    known = graph(op("x", "Placeholder"), op("call", "old", "x"), functions=[old])
    assert shown(known.head("call")) == ("sigmoid", ("call",), "a")


def test_a_softmax_that_is_written_out_is_one():
    nodes = [
        op("x", "Placeholder"),
        op("most", "Max", "x", "axis"),
        op("moved", "Sub", "x", "most"),
        op("e", "Exp", "moved"),
        op("sum", "Sum", "e", "axis"),
    ]
    known = graph(*nodes, op("y", "RealDiv", "e", "sum", T=FLOAT))
    assert shown(known.head("y")) == ("softmax", (), "x")
    assert graph(*nodes, op("y", "RealDiv", "e", "most", T=FLOAT)).head("y") is None


def test_a_label_leads_to_the_scores_before_its_softmax():
    nodes = [op("x", "Placeholder"), op("s", "Softmax", "x", T=FLOAT), op("a", "ArgMax", "s", "d", T=FLOAT)]
    known = graph(
        *nodes,
        op("top", "TopKV2", "s", "k", T=FLOAT),
        op("names", "GatherV2", "words", "a", "zero"),
        op("tag", "Greater", "s", "half", T=FLOAT),
        op("plain", "ArgMax", "x", "d", T=FLOAT),
    )
    assert shown(known.head("a")) == shown(known.head("names")) == ("argmax", (), "x")
    assert shown(known.head("top:1")) == ("top-k", (), "x")
    assert known.head("top:0") is None
    assert shown(known.head("tag")) == ("threshold", (), "x")
    assert shown(known.head("plain")) == ("argmax", (), "x")


def test_in_a_copy_that_rounds_the_operation_itself_is_found():
    known = graph(
        op("x", "Placeholder"),
        op("s/exact", "Softmax", "x", T=FLOAT),
        op("s", "Mul", "s/exact", "factors"),
        op("y", "Identity", "s"),
    )
    assert shown(known.head("y")) == ("softmax", (), "x")


def test_a_graph_that_goes_round_in_circles_has_no_head():
    assert graph(op("a", "Identity", "b"), op("b", "Identity", "a")).head("a") is None
    assert graph(op("a", "Identity", "nowhere")).head("a") is None


def test_all_of_a_called_function_is_reached_and_what_stands_beside_is_not():
    changing = function("f", ["a"], [op("count", "AssignAddVariableOp", "a"), op("i", "Identity", "a")], {})
    known = graph(op("x", "Placeholder"), call("y", "f", "x"), op("z", "Print", "x"), functions=[changing])
    names = {node.name for node in heads.reached(known.definition, ["y:0"])}
    assert names == {"x", "y", "count", "i"}


@pytest.mark.parametrize("share", [0, 1, 3, 8])
def test_an_output_is_looked_at_if_a_quarter_of_its_rows_is_saturated(share):
    rows = np.full((8, 4), 0.25, "f4")
    rows[:share] = np.float32([0, 1 - 1e-5, 1e-5, 0])
    found = before._wanted([[("y", None, rows, "float32"), ("n", None, np.arange(3), "int64")]])
    assert found == ({"y": True, "n": False} if share > 2 else {"n": False})


def test_the_ends_of_tanh_are_saturated_and_rows_of_zeros_are_not():
    sides = np.float32([[-1, 1, 1], [0, 0, 0], [1, -0.5, 1]])
    assert before._saturated(sides).tolist() == [True, False, False]
    assert before._saturated(np.float32([0, 1, 0.5])).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("part", "head"),
    [
        ("before softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("before log-softmax", lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
        ("before sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("before tanh", np.tanh),
    ],
)
def test_what_does_not_give_the_output_is_not_taken_for_what_stands_before_it(part, head):
    values = np.random.RandomState(0).normal(size=(6, 5)) * 4
    assert before.explains(part, values, head(values).T)
    assert not before.explains(part, values + np.eye(6, 5), head(values))
    assert not before.explains(part, values[:3], head(values))
