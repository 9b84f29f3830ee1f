from __future__ import annotations

import pytest
from built_models import write
from flow_models import constant, function, image_model, op
from savedmodel_matrix.domain.expected_inputs import StepKind
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.expected_inputs import expectations_of


def steps(folder, *nodes, **how):
    expected = expectations_of(write(folder, image_model(*nodes, **how)), "serving_default").inputs["x"]
    return expected.steps, expected.leads_to


def said(folder, *nodes, **how):
    return [step.said for step in steps(folder, *nodes, **how)[0]]


def test_nothing_before_a_convolution(tmp_path):
    assert steps(tmp_path, op("y", "Conv2D", "x", "w")) == ((), ("Conv2D",))


@pytest.mark.parametrize(
    ("arithmetic", "expected"),
    [
        ([("Mul", 1 / 255)], "x / 255"),
        ([("RealDiv", 127.5), ("Sub", 1.0)], "x / 127.5 - 1"),
        ([("Sub", 127.5), ("Mul", 1 / 127.5)], "x / 127.5 - 1"),
        ([("Sub", [1.0, 2.0, 3.0])], "x - [1, 2, 3]"),
        ([("Sub", [1.0, 2.0, 3.0]), ("RealDiv", [4.0, 5.0, 8.0])], "(x - [1, 2, 3]) / [4, 5, 8]"),
        ([("BiasAdd", [1.0, 1.0, 1.0]), ("Mul", 2.0)], "x * 2 + 2"),
        ([("Sub", 0.0), ("RealDiv", 1.0)], None),
    ],
)
def test_arithmetic_becomes_one_step(tmp_path, arithmetic, expected):
    nodes, last = [], "x"
    for at, (kind, values) in enumerate(arithmetic):
        nodes += [constant(f"c{at}", values), op(f"layer/n{at}", kind, last, f"c{at}")]
        last = f"layer/n{at}"
    found, _ = steps(tmp_path, *nodes, op("y", "Conv2D", last, "w"))
    assert [step.said for step in found] == ([expected] if expected else [])
    assert all(step.layer == "layer" for step in found)


def test_the_constant_may_come_first_unless_it_is_divided(tmp_path):
    one = constant("one", 1.0)
    minus = op("s", "Sub", "one", "x")
    assert said(tmp_path / "a", one, minus, op("y", "Conv2D", "s", "w")) == ["x * -1 + 1"]
    inverse = op("s", "RealDiv", "one", "x")
    assert steps(tmp_path / "b", one, inverse, op("y", "Conv2D", "s", "w")) == ((), ("RealDiv",))


def test_a_constant_by_pixel_is_not_a_constant_by_channel(tmp_path):
    picture = constant("picture", [[[1.0], [2.0]], [[3.0], [4.0]]])
    assert steps(tmp_path, picture, op("y", "Sub", "x", "picture"))[0] == ()


def test_learned_values_end_it(tmp_path):
    nodes = op("v", "VarHandleOp"), op("r", "ReadVariableOp", "v"), op("y", "Mul", "x", "r")
    assert steps(tmp_path, *nodes) == ((), ("Mul",))


def test_only_what_all_branches_do(tmp_path):
    nodes = [constant("c", 255.0), op("s", "RealDiv", "x", "c"), constant("two", 2.0)]
    nodes += [op("a", "Mul", "s", "two"), op("b", "Conv2D", "s", "w"), op("y", "AddN", "a", "b")]
    assert said(tmp_path, *nodes) == ["x / 255"]


def test_what_only_reads_the_shape_is_no_branch(tmp_path):
    nodes = [constant("c", 255.0), op("s", "RealDiv", "x", "c"), op("size", "Shape", "x")]
    assert said(tmp_path, *nodes, op("y", "Reshape", "s", "size")) == ["x / 255"]


def test_resizing_with_its_size_and_method(tmp_path):
    resize = op("resizing/r", "ResizeBicubic", "x", "size")
    (step,), _ = steps(
        tmp_path / "a", constant("size", [24, 32]), resize, op("y", "Conv2D", "resizing/r", "w")
    )
    assert (step.kind, step.size, step.method, step.layer) == (
        StepKind.RESIZE,
        (24, 32),
        "bicubic",
        "resizing",
    )
    smooth = op("r", "ScaleAndTranslate", "x", "size", kernel_type={"s": b"lanczos3"}, antialias={"b": True})
    nodes = constant("size", [24, 32]), smooth, op("y", "Conv2D", "r", "w")
    assert said(tmp_path / "b", *nodes) == ["resizes to 24 x 32, lanczos3, antialiased"]


def test_axes_and_channels(tmp_path):
    nodes = [constant("axes", [0, 2, 3, 1]), op("t", "Transpose", "x", "axes")]
    nodes += [constant("last", [-1]), op("r", "ReverseV2", "t", "last"), op("y", "Conv2D", "r", "w")]
    assert said(tmp_path, *nodes, shape=(-1, 3, 8, 8)) == [
        "transposes to axes 0, 2, 3, 1",
        "reverses axis -1",
    ]


@pytest.mark.parametrize(
    ("strides", "masks", "shape", "expected"),
    [
        ([-1], {"ellipsis_mask": {"i": 0}}, (-1, 8, 8, 3), ["reverses the last axis"]),
        ([1, 1, 1, 1], {}, (-1, 8, 8, 3), ["crops"]),
        ([1, 1, 1, 1], {}, (-1, 8), []),
        ([1], {"new_axis_mask": {"i": 1}}, (8, 8, 3), []),
    ],
)
def test_slices(tmp_path, strides, masks, shape, expected):
    nodes = [constant(name, [0] * len(strides)) for name in ("begin", "end")] + [constant("by", strides)]
    nodes += [op("s", "StridedSlice", "x", "begin", "end", "by", **masks), op("y", "Conv2D", "s", "w")]
    assert said(tmp_path, *nodes, shape=shape) == expected


def test_files_are_decoded_in_a_loop(tmp_path):
    body = function(
        "body",
        ["i", "list", "made"],
        [
            op("item", "TensorListGetItem", "list", "i"),
            op("image", "DecodeJpeg", "item:item:0"),
            op("set", "TensorListSetItem", "made", "i", "image:image:0"),
        ],
        {"o1": "i", "o2": "list", "o3": "set:output_handle:0"},
    )
    nodes = [
        op("list", "TensorListFromTensor", "x", "s"),
        op("loop", "StatelessWhile", "zero", "list", "made", body={"func": {"name": "body"}}),
        op("all", "TensorListStack", "loop:2"),
        op("f", "Cast", "all", DstT={"type": pb.DT_FLOAT}),
        op("y", "Conv2D", "f", "w"),
    ]
    model = image_model(*nodes, shape=(-1,), dtype=pb.DT_STRING)
    model.meta_graphs[0].graph_def.library.function.append(body)
    expected = expectations_of(write(tmp_path, model), "serving_default").inputs["x"]
    assert [step.said for step in expected.steps] == ["decodes JPEG", "casts to float32"]


def test_examples_with_their_features(tmp_path):
    keys = pb.TensorProto(
        dtype=pb.DT_STRING, tensor_shape={"dim": [{"size": 2}]}, string_val=[b"weight", b"age"]
    )
    empty = pb.TensorProto(dtype=pb.DT_STRING, tensor_shape={"dim": [{"size": 0}]})
    nodes = [op("k", "Const", value={"tensor": keys}), op("e", "Const", value={"tensor": empty})]
    nodes += [op("y", "ParseExampleV2", "x", "e", "e", "k", "e")]
    assert steps(tmp_path, *nodes)[0][0].said == "parses tf.Example: age, weight"
    assert steps(tmp_path, *nodes)[1] == ("ParseExampleV2",)


def test_text_up_to_the_vocabulary(tmp_path):
    nodes = [op("l", "StringLower", "x"), op("y", "LookupTableFindV2", "table", "l", "default")]
    assert said(tmp_path, *nodes, shape=(-1,), dtype=pb.DT_STRING) == [
        "changes text to lower case",
        "looks it up in a vocabulary",
    ]


def test_a_tangle_says_nothing_and_ends(tmp_path):
    doubled = [op(f"n{at + 1}", "AddV2", f"n{at}", f"n{at}") for at in range(64)]
    nodes = [constant("n0", 1.0), *doubled, op("s", "Mul", "x", "n50"), op("y", "Conv2D", "s", "w")]
    assert steps(tmp_path / "a", *nodes) == ((), ())
    row = [op(f"i{at + 1}", "Identity", f"i{at}") for at in range(5000)]
    row[0].input[:] = ["x"]
    assert steps(tmp_path / "b", *row, op("y", "Conv2D", "i5000", "w")) == ((), ("Identity",))


@pytest.mark.parametrize(
    "kind", ["Mul", "ResizeBilinear", "Transpose", "StridedSlice", "ParseExampleV2", "Cast"]
)
def test_a_node_without_its_other_inputs(tmp_path, kind):
    nodes = op("n", kind, "x"), op("y", "Conv2D", "n", "w")
    assert steps(tmp_path, *nodes)[1] in {(kind,), ("Conv2D",)}
