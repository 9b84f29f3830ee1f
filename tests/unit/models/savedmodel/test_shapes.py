from __future__ import annotations

import pytest
from built_models import node, v1_model, write
from flow_models import calling, constant, function, image_model, op
from savedmodel_matrix.models.inputs.suggest import suggest_inputs
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import read_model
from savedmodel_matrix.models.savedmodel.signature_graph import FittingShapes


def weight(name, *shape):
    return op(name, "VariableV2", shape={"shape": {"dim": [{"size": size} for size in shape]}})


def ints(*values):
    return {"list": {"i": values}}


CONV = op("conv", "Conv2D", "x", "k", strides=ints(1, 2, 2, 1), padding={"s": b"VALID"})
#: A convolution of 3 x 3, and a dense layer on its flattened output of 4 x 4 x 8.
FLATTENED = (
    weight("k", 3, 3, 1, 8),
    CONV,
    op("shape", "Shape", "conv"),
    constant("zero", [0]),
    constant("one", [1]),
    op("rows", "StridedSlice", "shape", "zero", "one", "one", shrink_axis_mask={"i": 1}),
    constant("rest", -1),
    op("flat_shape", "Pack", "rows", "rest"),
    op("flat", "Reshape", "conv", "flat_shape"),
    weight("w", 128, 10),
    op("y", "MatMul", "flat", "w"),
)


def fitting(tmp_path, *nodes, shape, inputs=("x",)):
    return FittingShapes(write(tmp_path, image_model(*nodes, shape=shape, inputs=inputs)), "serving_default")


def misfit(tmp_path, *nodes, x, shape=(-1, -1, -1, 1)):
    return fitting(tmp_path, *nodes, shape=shape).misfit({"x": x})


def test_a_length_that_strides_lead_to_the_weight(tmp_path):
    assert misfit(tmp_path, *FLATTENED, x=(2, 9, 10, 1)) is None
    said = misfit(tmp_path, *FLATTENED, x=(2, 16, 16, 1))
    assert said == "op MatMul (y) does not fit [2,392] and [128,10]"


def test_what_is_unknown_fits(tmp_path):
    assert misfit(tmp_path, *FLATTENED, x=(None, None, None, 1)) is None
    assert misfit(tmp_path, *FLATTENED, x=None) is None
    assert (
        misfit(
            tmp_path,
            op("strange", "Strange", "x"),
            weight("w", 3, 3),
            op("y", "MatMul", "strange", "w"),
            x=(1, 1, 1, 1),
        )
        is None
    )


def test_a_window_larger_than_the_input(tmp_path):
    nodes = (
        weight("k", 5, 5, 1, 8),
        op("y", "Conv2D", "x", "k", strides=ints(1, 1, 1, 1), padding={"s": b"VALID"}),
    )
    assert misfit(tmp_path, *nodes, x=(1, 3, 9, 1)) == "op Conv2D (y) does not fit [1,3,9,1] and [5,5,1,8]"
    # TensorFlow makes an empty output of it, which is of no use.
    one_short = fitting(tmp_path, *nodes, shape=(-1, -1, -1, 1))
    assert one_short.misfit({"x": (1, 4, 9, 1)}) is None
    assert one_short.misfit({"x": (1, 4, 9, 1)}, useful=True) == "op Conv2D (y) makes nothing of [1,4,9,1]"


@pytest.mark.parametrize(
    ("shape", "fits"), [((2, 3), True), ((1, 3), True), ((2, 1), True), ((4, 3), False), ((2, 2), False)]
)
def test_broadcasting(tmp_path, shape, fits):
    nodes = (weight("w", 2, 3), op("y", "AddV2", "x", "w"))
    assert (misfit(tmp_path, *nodes, x=shape, shape=(-1, -1)) is None) is fits


@pytest.mark.parametrize(("size", "fits"), [(6, True), (12, True), (7, False)])
def test_a_fixed_part_of_a_reshape(tmp_path, size, fits):
    nodes = (constant("to", [-1, 6]), op("y", "Reshape", "x", "to"))
    assert (misfit(tmp_path, *nodes, x=(size,), shape=(-1,)) is None) is fits


def test_a_fixed_batch(tmp_path):
    found = fitting(tmp_path, constant("to", [1, 6]), op("y", "Reshape", "x", "to"), shape=(-1, 6))
    assert found.misfit({"x": (8, 6)}, useful=True) == "op Reshape (y) does not fit [8,6] and [2]"
    assert found.misfit({"x": (1, 6)}, useful=True) is None
    # Grappler may remove the Reshape: TensorFlow then runs any batch.
    assert found.misfit({"x": (8, 6)}) is None


def test_shapes_go_through_functions(tmp_path):
    inner = function(
        "f", ["a"], [weight("w", 4, 2), op("out", "MatMul", "a", "w:ref:0")], {"r": "out:product:0"}
    )
    model = calling(inner, ["x"], op("y", "Identity", "call"))
    model.meta_graphs[0].signature_def["serving_default"].inputs["x"].name = "x:0"
    found = FittingShapes(write(tmp_path, model), "serving_default")
    assert found.misfit({"x": (3, 4)}) is None
    assert found.misfit({"x": (3, 5)}) == "op MatMul (out) does not fit [3,5] and [4,2]"


def test_a_placeholder_knows_better_than_the_signature(tmp_path):
    model = image_model(op("y", "Identity", "x"), shape=())
    for size in (-1, 1):
        model.meta_graphs[0].graph_def.node[0].attr["shape"].shape.dim.add(size=size)
    found = FittingShapes(write(tmp_path, model), "serving_default")
    assert found.declared("x") == (None, 1)
    assert found.misfit({"x": ()}) == "the graph takes [?,1] as x, not []"


def suggested(folder):
    signature = read_model(folder).meta_graphs[0].signatures["serving_default"]
    return suggest_inputs(signature, FittingShapes(folder, "serving_default")).generate


def test_lengths_are_suggested_that_fit(tmp_path):
    folder = write(tmp_path, image_model(*FLATTENED, shape=(-1, -1, -1, 1)))
    assert suggested(folder).shapes == {"x": [8, 9, 9, 1]}


def test_a_batch_is_suggested_that_fits(tmp_path):
    folder = write(
        tmp_path, image_model(constant("to", [1, 6]), op("y", "Reshape", "x", "to"), shape=(-1, 6))
    )
    assert suggested(folder).shapes == {"x": [1, 6]}


def test_inputs_that_must_fit_each_other(tmp_path):
    nodes = (
        weight("w", 7, 3),
        op("m", "MatMul", "b", "w"),
        op("both", "AddV2", "x", "b"),
        op("y", "AddN", "both", "m"),
    )
    model = image_model(*nodes, shape=(-1, -1), inputs=("x", "b"))
    model.meta_graphs[0].signature_def["serving_default"].inputs["x"].tensor_shape.dim[1].size = -1
    folder = write(tmp_path, model)
    assert suggested(folder).shapes == {"x": [8, 7], "b": [8, 7]}


def test_what_fits_is_left_as_it_is(tmp_path):
    folder = write(tmp_path, v1_model(node("Placeholder", "x"), op("y", "Identity", "x")))
    assert suggested(folder).shapes == {}


def test_what_is_added_to_a_variable_has_its_shape(tmp_path):
    model = image_model(weight("v"), op("y", "AssignAdd", "v", "x"), shape=())
    model.meta_graphs[0].signature_def["serving_default"].inputs["x"].ClearField("tensor_shape")
    assert suggested(write(tmp_path, model)).shapes == {"x": []}


def test_examples_are_a_vector_even_if_the_signature_says_a_scalar(tmp_path):
    model = image_model(op("y", "ParseExample", "x", "x", Ndense={"i": 0}), shape=(), dtype=pb.DT_STRING)
    assert suggested(write(tmp_path, model)).shapes == {"x": [8]}
