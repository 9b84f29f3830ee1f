from __future__ import annotations

import numpy as np
from built_models import write
from flow_models import constant, image_model, op
from savedmodel_matrix.domain.input_sources import GenerateSpec
from savedmodel_matrix.models.inputs.generate import generate
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Kind, read_model
from savedmodel_matrix.models.savedmodel.signature_graph import same_tensors, together_of


def model(tmp_path, *nodes, **shapes):
    built = image_model(*nodes, inputs=tuple(shapes))
    inputs = built.meta_graphs[0].signature_def["serving_default"].inputs
    for placeholder, (name, (dtype, *sizes)) in zip(
        built.meta_graphs[0].graph_def.node, shapes.items(), strict=False
    ):
        dims = pb.TensorShapeProto(dim=[{"size": size} for size in sizes])
        placeholder.attr["shape"].shape.CopyFrom(dims)
        inputs[name].CopyFrom(pb.TensorInfo(name=f"{name}:0", dtype=dtype, tensor_shape=dims))
    return write(tmp_path, built)


def made(folder):
    signature = read_model(folder).meta_graphs[0].signatures["serving_default"]
    (values,) = generate(signature, GenerateSpec(seed=1, batch=4), {}, together_of(folder, "serving_default"))
    assert {each.name for each in values} == signature.inputs.keys()
    assert all(each.dtype == signature.inputs[each.name].dtype for each in values)
    return {each.name: each.array for each in values}


def test_a_sparse_triple_fits_the_weight(tmp_path):
    weight = op("w", "VariableV2", shape={"shape": {"dim": [{"size": 30}, {"size": 2}]}})
    y = op("y", "SparseTensorDenseMatMul", "i", "v", "s", "w")
    folder = model(tmp_path, weight, y, i=(pb.DT_INT64, -1, 2), v=(pb.DT_FLOAT, -1), s=(pb.DT_INT64, 2))
    (found,) = together_of(folder, "serving_default")
    assert (found.kind, found.shape) == (Kind.SPARSE, (None, 30))
    arrays = made(folder)
    assert arrays["s"].tolist() == [4, 30]
    assert len(arrays["i"]) == len(arrays["v"]) > 4
    assert (arrays["i"] < arrays["s"]).all()
    assert np.array_equal(np.unique(arrays["i"], axis=0), arrays["i"])


def test_the_order_of_sparse_to_dense(tmp_path):
    y = op("y", "SparseToDense", "i", "s", "v", "zero")
    folder = model(
        tmp_path, constant("zero", 0.0), y, i=(pb.DT_INT32, -1, 3), v=(pb.DT_FLOAT, -1), s=(pb.DT_INT32, 3)
    )
    arrays = made(folder)
    assert arrays["i"].dtype == np.int32
    assert arrays["s"].tolist() == [4, 16, 16]


def test_ragged_row_splits(tmp_path):
    types = {"list": {"s": [b"ROW_SPLITS"]}}
    y = op("y", "RaggedTensorToTensor", "shape", "v", "zero", "r", row_partition_types=types)
    nodes = (constant("shape", [-1, -1]), constant("zero", 0.0), y)
    arrays = made(model(tmp_path, *nodes, v=(pb.DT_FLOAT, -1), r=(pb.DT_INT64, -1)))
    assert arrays["r"][0] == 0
    assert (np.diff(arrays["r"]) >= 0).all()
    assert (len(arrays["r"]), arrays["r"][-1]) == (5, len(arrays["v"]))


def test_inputs_that_are_no_triple(tmp_path):
    y = op("y", "SparseTensorDenseMatMul", "i", "v", "c", "v")
    folder = model(tmp_path, constant("c", [4, 4]), y, i=(pb.DT_INT64, -1, 2), v=(pb.DT_FLOAT, -1))
    assert together_of(folder, "serving_default") == []


def test_inputs_that_are_one_tensor_have_the_same_values(tmp_path):
    built = image_model(op("y", "Identity", "x"), shape=(-1, 2))
    inputs = built.meta_graphs[0].signature_def["serving_default"].inputs
    inputs["again"].CopyFrom(inputs["x"])
    folder = write(tmp_path, built)
    same = same_tensors(folder, "serving_default")
    assert same == {"x": "again"}
    signature = read_model(folder).meta_graphs[0].signatures["serving_default"]
    ((one, other),) = generate(signature, GenerateSpec(batch=4), same=same)
    assert np.array_equal(one.array, other.array)
