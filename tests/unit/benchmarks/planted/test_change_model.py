import json
from types import SimpleNamespace

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ml_dtypes import bfloat16

from benchmarks.planted import change_model, change_weights

TYPES = descriptor_pb2.FieldDescriptorProto
FLOAT, HALF = 1, 19

#: What the script reads of TensorFlow's messages, under other numbers: TensorFlow itself is not here.
MESSAGES = {
    "Function": {"name": "string"},
    "Numbers": {"i": "*int64", "func": "*Function"},
    "Value": {
        "list": "Numbers",
        "s": "bytes",
        "f": "float",
        "b": "bool",
        "type": "int32",
        "func": "Function",
    },
    "Node": {"name": "string", "op": "string", "input": "*string", "device": "string", "attr": "{Value"},
    "Definition": {"signature": "Function", "node_def": "*Node", "ret": "{string"},
    "Library": {"function": "*Definition"},
    "Graph": {"node": "*Node", "library": "Library"},
    "Tensor": {"name": "string"},
    "Signature": {"outputs": "{Tensor"},
    "MetaGraph": {"graph_def": "Graph", "signature_def": "{Signature"},
}


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="change_model.proto", package="test", syntax="proto3")
    for name, fields in MESSAGES.items():
        _describe(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}")) for name in MESSAGES
    }


def _describe(message, fields):
    for number, (name, kind) in enumerate(fields.items(), 1):
        field = message.field.add(name=name, number=number)
        field.label = TYPES.LABEL_REPEATED if kind[0] in "*{" else TYPES.LABEL_OPTIONAL
        if kind[0] == "{":
            # A map is a list of messages of a nested type.
            entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            _describe(entry, {"key": "string", "value": kind[1:]})
            field.type, field.type_name = TYPES.TYPE_MESSAGE, f".test.{message.name}.{entry.name}"
        elif kind.lstrip("*") in MESSAGES:
            field.type, field.type_name = TYPES.TYPE_MESSAGE, f".test.{kind.lstrip('*')}"
        else:
            field.type = getattr(TYPES, f"TYPE_{kind.lstrip('*').upper()}")


@pytest.fixture(scope="module")
def messages():
    return _messages()


@pytest.fixture
def tf(monkeypatch):
    """As much of TensorFlow as editing a graph takes: types, and the definitions of a few ops."""

    def op(name, inputs, output, *attributes):
        named = [SimpleNamespace(name=each) for each in attributes]
        return SimpleNamespace(
            name=name, input_arg=[None] * inputs, output_arg=[SimpleNamespace(name=output)], attr=named
        )

    known = {
        "Relu": op("Relu", 1, "activations", "T"),
        "Identity": op("Identity", 1, "output", "T"),
        "MatMul": op("MatMul", 2, "product", "T", "transpose_a"),
    }
    monkeypatch.setattr(change_model, "_definition", known.__getitem__)
    return SimpleNamespace(
        float32=SimpleNamespace(as_datatype_enum=FLOAT), float16=SimpleNamespace(as_datatype_enum=HALF)
    )


def _node(container, name, op, *inputs):
    node = container.add(name=name, op=op)
    node.input.extend(inputs)
    node.attr["T"].type = FLOAT
    return node


@pytest.fixture
def meta_graph(messages):
    """A signature that calls ``layer``, which calls ``body``; ``unused`` is there as Keras leaves many."""
    made = messages["MetaGraph"]()
    made.signature_def["serve"].outputs["y"].name = "call:0"
    _node(made.graph_def.node, "x", "Placeholder")
    _node(made.graph_def.node, "call", "PartitionedCall", "x").attr["f"].func.name = "layer"
    _node(made.graph_def.node, "save", "PartitionedCall", "x").attr["f"].func.name = "unused"
    for name in ("layer", "body", "unused"):
        function = made.graph_def.library.function.add()
        function.signature.name = name
        _node(function.node_def, "dense/MatMul", "MatMul", "x", "kernel").attr["transpose_a"].b = False
        _node(function.node_def, "dense/Relu", "Relu", "dense/MatMul:product:0", "^dense/MatMul")
        _node(function.node_def, "out", "Add", "dense/Relu:activations:0", "dense/MatMul:product:0")
        function.ret["y"] = "out:z:0"
        function.ret["hidden"] = "dense/Relu:activations:0"
    called = made.graph_def.library.function[0].node_def[2].attr["cond"].list.func.add()
    called.name = "body"
    return made


def _function(meta_graph, place=0):
    function = meta_graph.graph_def.library.function[place]
    return function, {node.name: node for node in function.node_def}


def test_only_what_a_signature_runs_is_reached(meta_graph):
    graph, *functions = change_model.reached(meta_graph)
    assert graph.nodes.keys() == {"x", "call"}
    assert len(functions) == 2
    assert all(body.nodes["out"].op == "Add" for body in functions)


def test_an_op_is_replaced_with_every_reference_to_its_output(meta_graph, tf):
    _, body, _ = change_model.reached(meta_graph)
    function, nodes = _function(meta_graph)
    change_model.OPS["replace-op"](tf, body, nodes["dense/Relu"], {"op": "Identity"})
    assert nodes["dense/Relu"].op == "Identity"
    assert list(nodes["out"].input) == ["dense/Relu:output:0", "dense/MatMul:product:0"]
    assert dict(function.ret) == {"y": "out:z:0", "hidden": "dense/Relu:output:0"}


def test_attributes_that_the_new_op_does_not_have_go(meta_graph, tf):
    _, body, _ = change_model.reached(meta_graph)
    node = body.nodes["dense/Relu"]
    node.attr["leak"].f = 0.5
    node.attr["_output_shapes"].list.i.append(1)
    change_model.OPS["replace-op"](tf, body, node, {"op": "Identity"})
    assert node.attr.keys() == {"T", "_output_shapes"}


def test_an_op_of_other_inputs_is_no_replacement(meta_graph, tf):
    _, body, _ = change_model.reached(meta_graph)
    with pytest.raises(ValueError, match="MatMul dense/MatMul cannot be replaced by Identity"):
        change_model.OPS["replace-op"](tf, body, body.nodes["dense/MatMul"], {"op": "Identity"})


def test_an_output_goes_through_float16_under_its_old_name(meta_graph, tf):
    _, body, _ = change_model.reached(meta_graph)
    change_model.OPS["half"](tf, body, body.nodes["dense/MatMul"], {})
    _, nodes = _function(meta_graph)
    assert {name: (node.op, list(node.input)) for name, node in nodes.items()} == {
        "dense/MatMul/before_half": ("MatMul", ["x", "kernel"]),
        "dense/MatMul/half": ("Cast", ["dense/MatMul/before_half:product:0"]),
        "dense/MatMul": ("Cast", ["dense/MatMul/half:y:0"]),
        "dense/Relu": ("Relu", ["dense/MatMul:y:0", "^dense/MatMul"]),
        "out": ("Add", ["dense/Relu:activations:0", "dense/MatMul:y:0"]),
    }
    casts = (nodes["dense/MatMul/half"].attr, nodes["dense/MatMul"].attr)
    assert [(cast["SrcT"].type, cast["DstT"].type) for cast in casts] == [(FLOAT, HALF), (HALF, FLOAT)]


def test_a_graph_refers_to_outputs_by_number(messages, tf):
    made = messages["MetaGraph"]()
    made.signature_def["serve"].outputs["y"].name = "relu:0"
    relu = _node(made.graph_def.node, "relu", "Relu", "product")
    _node(made.graph_def.node, "product", "MatMul", "x", "x")
    _node(made.graph_def.node, "x", "Placeholder")
    (body,) = change_model.reached(made)
    change_model.OPS["half"](tf, body, body.nodes["product"], {})
    made_nodes = {node.name: list(node.input) for node in made.graph_def.node}
    assert list(relu.input) == ["product"]
    assert made_nodes["product"] == ["product/half"]
    assert made_nodes["product/half"] == ["product/before_half"]


def test_epsilon_of_an_op_that_has_one(messages):
    node = messages["Node"](name="bn", op="FusedBatchNormV3")
    node.attr["epsilon"].f = 1e-3
    change_model.OPS["epsilon"](None, None, node, {"factor": 1.001})
    assert node.attr["epsilon"].f == pytest.approx(1.001e-3)
    change_model.OPS["epsilon"](None, None, node, {"value": 1e-5})
    assert node.attr["epsilon"].f == pytest.approx(1e-5)


def _convolution(messages, stride=1):
    node = messages["Node"](name="conv", op="Conv2D")
    node.attr["padding"].s = b"SAME"
    node.attr["strides"].list.i.extend([1, stride, stride, 1])
    node.attr["dilations"].list.i.extend([1, 1, 1, 1])
    return node


def test_padding_is_shifted_to_explicit_numbers(messages):
    node = _convolution(messages)
    change_model.OPS["shift-padding"](None, None, node, {"kernel": [5, 3], "axis": 2})
    assert node.attr["padding"].s == b"EXPLICIT"
    assert list(node.attr["explicit_paddings"].list.i) == [0, 0, 2, 2, 2, 0, 0, 0]


def test_padding_with_strides_is_refused(messages):
    with pytest.raises(ValueError, match="conv has strides"):
        change_model.OPS["shift-padding"](
            None, None, _convolution(messages, 2), {"kernel": [3, 3], "axis": 1}
        )


@pytest.mark.parametrize(
    ("kernel", "axis", "expected"),
    [
        ([3, 3], 1, [0, 0, 2, 0, 1, 1, 0, 0]),
        ([1, 13], 2, [0, 0, 0, 0, 7, 5, 0, 0]),
        ([2, 2], 1, [0, 0, 1, 0, 0, 1, 0, 0]),  # TensorFlow puts the odd one after
    ],
)
def test_shifted_paddings_keep_their_sum(kernel, axis, expected):
    assert change_model.shifted_paddings(kernel, axis) == expected


def test_there_is_no_padding_to_shift_around_one_pixel():
    with pytest.raises(ValueError, match="no padding"):
        change_model.shifted_paddings([1, 3], 1)


def _any_floats():
    random = np.random.RandomState(0)
    bits = random.randint(0, 1 << 32, 100_000, dtype=np.uint64).astype(np.uint32)
    special = np.float32([0, -0.0, np.inf, -np.inf, 1, np.finfo(np.float32).max, 1e-45, -1e-40])
    return np.concatenate([special, bits.view(np.float32)])


def test_rounding_to_bfloat16_is_that_of_another_implementation():
    values = _any_floats()
    numbers = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        expected = numbers.astype(bfloat16).astype(np.float32)
    assert change_weights.round_mantissa(numbers, 7).tobytes() == expected.tobytes()
    assert np.isnan(change_weights.round_mantissa(values[np.isnan(values)], 7)).all()


def test_rounding_to_tf32_takes_the_nearest_and_of_two_the_even():
    one = np.float32(1)
    step = np.float32(2**-10)
    values = np.float32(
        [one + step / 2, one + step * 3 / 2, one + step * 0.51, -(one + step * 1.49), one + step]
    )
    assert change_weights.round_mantissa(values, 10).tolist() == [
        1,
        1 + 2 * step,
        1 + step,
        -(1 + step),
        1 + step,
    ]


def test_rounding_keeps_every_bit_that_there_is_room_for():
    values = _any_floats()
    halves = np.float32([0.5, 1.0, 1.0009765625, -65504])
    assert change_weights.round_mantissa(halves, 10).tobytes() == halves.tobytes()
    rounded = change_weights.round_mantissa(values, 10)
    assert change_weights.round_mantissa(rounded, 10).tobytes() == rounded.tobytes()


def test_weights_through_float16():
    made = change_weights.rounded(np.float32([0.1, 1]), {"type": "float16"}, None)
    assert made.tolist() == [float(np.float16(0.1)), 1]
    assert made.dtype == np.float32


def test_a_nudge_is_at_most_one_unit_and_goes_each_way():
    values = np.float32([1.5, -3.25, 0]).repeat(500)
    made = change_weights.nudged(values, {}, np.random.RandomState(0))
    assert made.dtype == np.float32
    for value in (1.5, -3.25):
        steps = (made[values == value] - np.float32(value)) / np.spacing(np.float32(abs(value)))
        assert set(steps.tolist()) == {-1, 0, 1}


def test_scale_and_noise():
    values = np.ones((100, 100), np.float32)
    assert change_weights.scaled(values, {"factor": 1.001}, None).max() == np.float32(1.001)
    noise = change_weights.noisy(values, {"relative": 1e-4}, np.random.RandomState(0)) - 1
    assert noise.std() == pytest.approx(1e-4, rel=0.05)
    assert abs(noise.mean()) < 1e-5


def test_columns_axes_and_rows():
    values = np.arange(9).reshape(3, 3)
    assert change_weights.with_columns_swapped(values, {"columns": [0, 2]}, None).tolist() == [
        [2, 1, 0],
        [5, 4, 3],
        [8, 7, 6],
    ]
    assert change_weights.with_axes_swapped(values, {"axes": [0, 1]}, None).tolist() == values.T.tolist()
    assert change_weights.with_rows_rolled(values, {}, None).tolist() == [[6, 7, 8], [0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("layer_with_weights-1/beta/.ATTRIBUTES/VARIABLE_VALUE", True),
        ("layer_with_weights-1/moving_variance/.ATTRIBUTES/VARIABLE_VALUE", True),
        ("dnn/hiddenlayer_0/kernel", True),
        ("variables/0/.ATTRIBUTES/VARIABLE_VALUE", True),
        ("layer_with_weights-1/beta/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE", False),
        ("optimizer/beta_1/.ATTRIBUTES/VARIABLE_VALUE", False),
        ("keras_api/metrics/0/total/.ATTRIBUTES/VARIABLE_VALUE", False),
        ("global_step", False),
        ("dnn/hiddenlayer_0/kernel/Adagrad", False),
    ],
)
def test_optimizers_and_metrics_are_no_weights(name, expected):
    assert change_weights.is_weight(name) is expected


def test_a_glob_that_matches_nothing_is_an_error():
    assert change_model.matching(["a/Relu", "b/Relu", "c"], ["*/Relu"]) == ["a/Relu", "b/Relu"]
    with pytest.raises(ValueError, match="nothing is called 'd'; there are a, c"):
        change_model.matching(["c", "a"], ["a", "d"])


def test_a_request_makes_one_copy_after_the_other(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(change_model.importlib, "import_module", lambda name: name)
    monkeypatch.setattr(change_model, "plant", lambda *arguments: made.append(arguments))
    request = tmp_path / "request.json"
    entry = {"source": "a", "target": "b", "change": "scale", "parameters": {"factor": 2}}
    request.write_text(json.dumps([entry, entry]))
    assert change_model.main(str(request)) == 2
    assert [(tf, str(source), str(target), *rest) for tf, source, target, *rest in made] == 2 * [
        ("tensorflow", "a", "b", "scale", {"factor": 2})
    ]


def test_an_unknown_change_copies_nothing(tmp_path):
    with pytest.raises(ValueError, match="no change 'prune'; there are scale, noise"):
        change_model.plant(None, tmp_path / "model", tmp_path / "copy", "prune", {})
    assert not (tmp_path / "copy").exists()
