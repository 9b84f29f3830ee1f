from __future__ import annotations

import numpy as np
import pytest
from built_models import node, v1_model
from flow_models import calling, const, function
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import meta_graphs_in
from savedmodel_matrix.models.savedmodel.flow import Flow, tensor_of
from savedmodel_matrix.models.savedmodel.wire import Walk


def flow_of(model, *outputs):
    walk = Walk()
    (view,) = meta_graphs_in(walk, memoryview(model.SerializeToString()))
    return Flow(walk, view, outputs)


def ops_after(flow, name):
    return [(use.op, position) for _, use, position in flow.uses(flow.graph, tensor_of(name))]


@pytest.mark.parametrize(
    ("name", "tensor"), [("n", ("n", 0)), ("n:1", ("n", 1)), ("a/n:output:2", ("a/n", 2)), ("n:z", ("n", 0))]
)
def test_names_of_tensors(name, tensor):
    assert tensor_of(name) == tensor


def test_uses_that_lead_to_an_output():
    model = v1_model(
        node("Placeholder", "x"),
        pb.NodeDef(name="y", op="Sqrt", input=["x"]),
        pb.NodeDef(name="loss", op="Square", input=["x"]),
        pb.NodeDef(name="waits", op="NoOp", input=["^x"]),
    )
    assert ops_after(flow_of(model, "y:0"), "x:0") == [("Sqrt", 0)]
    assert ops_after(flow_of(model, "y:0", "loss:0"), "x:0") == [("Sqrt", 0), ("Square", 0)]


def test_calls_are_gone_into_and_come_back_from():
    inner = function("inner", ["a", "b"], [pb.NodeDef(name="r", op="Sqrt", input=["b"])], {"o": "r:y:0"})
    model = calling(inner, ["c", "x"], pb.NodeDef(name="y", op="Square", input=["call:0"]))
    flow = flow_of(model, "y:0")
    ((scope, use, _),) = flow.uses(flow.graph, ("x", 0))
    assert use.op == "Sqrt"
    assert [each.op for _, each, _ in flow.uses(scope, ("r", 0))] == ["Square"]


def test_a_function_that_calls_itself_ends():
    endless = function(
        "inner",
        ["a"],
        [pb.NodeDef(name="r", op="PartitionedCall", input=["a"], attr={"f": {"func": {"name": "inner"}}})],
        {"o": "r:output:0"},
    )
    flow = flow_of(calling(endless, ["x"]), "call:0")
    assert [use.op for _, use, _ in flow.uses(flow.graph, ("x", 0))] == ["PartitionedCall"]


def test_values_through_calls_and_arithmetic():
    body = [
        pb.NodeDef(name="e", op="Const", attr={"value": {"tensor": const(1e-7)}}),
        pb.NodeDef(name="root", op="Sqrt", input=["variance"]),
        pb.NodeDef(name="r", op="Maximum", input=["root:y:0", "e:output:0"]),
        pb.NodeDef(name="used", op="RealDiv", input=["v", "r:z:0"]),
    ]
    inner = function("inner", ["v", "variance"], body, {"o": "used:z:0"})
    model = calling(inner, ["x", "c"])
    flow = flow_of(model, "call:0")
    ((scope, use, _),) = flow.uses(flow.graph, ("x", 0))
    assert flow.value(scope, use.input[1]).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (const([1.5, 2.5]), [1.5, 2.5]),
        (pb.TensorProto(dtype=pb.DT_FLOAT, tensor_shape={"dim": [{"size": 3}]}, float_val=[1, 2]), [1, 2, 2]),
        (pb.TensorProto(dtype=pb.DT_INT32, tensor_shape={"dim": [{"size": 2}]}), [0, 0]),
        (pb.TensorProto(dtype=pb.DT_STRING, string_val=[b"a"]), b"a"),
        (
            pb.TensorProto(dtype=pb.DT_FLOAT, tensor_shape={"dim": [{"size": 3}]}, tensor_content=b"1234"),
            None,
        ),
        (pb.TensorProto(dtype=pb.DT_FLOAT, tensor_shape={"dim": [{"size": 1 << 40}]}, float_val=[1]), None),
        (pb.TensorProto(dtype=pb.DT_FLOAT, tensor_shape={"dim": [{"size": -1}]}, float_val=[1]), None),
        (pb.TensorProto(dtype=pb.DT_FLOAT, tensor_shape={"dim": [{"size": 1}]}, float_val=[1, 2]), None),
        (pb.TensorProto(dtype=pb.DT_RESOURCE), None),
    ],
)
def test_constants(tensor, expected):
    constant = pb.NodeDef(name="c", op="Const", attr={"value": {"tensor": tensor}})
    value = flow_of(v1_model(constant), "c:0")
    found = value.value(value.graph, "c:0")
    assert found is None if expected is None else np.array_equal(found, expected)


def test_a_variable_is_no_constant():
    model = v1_model(node("VarHandleOp", "v"), pb.NodeDef(name="r", op="ReadVariableOp", input=["v"]))
    flow = flow_of(model, "r:0")
    assert flow.value(flow.graph, "r:0") is None


def test_arithmetic_on_shapes_that_do_not_fit_is_unknown():
    model = v1_model(
        pb.NodeDef(name="a", op="Const", attr={"value": {"tensor": const([1.0, 2.0])}}),
        pb.NodeDef(name="b", op="Const", attr={"value": {"tensor": const([1.0, 2.0, 3.0])}}),
        pb.NodeDef(name="s", op="AddV2", input=["a", "b"]),
    )
    flow = flow_of(model, "s:0")
    assert flow.value(flow.graph, "s:0") is None
