from __future__ import annotations

import pytest
from built_models import EXAMPLES, keras_metadata, user_object, v2_model, write
from flow_models import image_model, op
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.domain.expected_inputs import PreprocessingLayer
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.expected_inputs import expectations_of


def test_an_example_model():
    expected = expectations_of(EXAMPLES / "cnn", "serving_default")
    image = expected.inputs["image"]
    assert (image.dtype, image.shape, image.layout) == ("float32", (None, 8, 8, 1), "NHWC")
    assert [(step.said, step.layer) for step in image.steps] == [("x / 16", "rescaling")]
    assert image.leads_to == ("Conv2D",)
    assert expected.layers == (
        PreprocessingLayer("Rescaling", "rescaling", {"scale": 0.0625, "offset": 0.0}),
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "layout"),
    [
        ((-1, 8, 8, 3), pb.DT_FLOAT, "NHWC"),
        ((-1, 3, -1, -1), pb.DT_FLOAT, "NCHW"),
        ((-1, 3, 8, 3), pb.DT_FLOAT, ""),
        ((-1, 8, 8, 4), pb.DT_FLOAT, ""),
        ((-1, 8, 3), pb.DT_FLOAT, ""),
        ((-1, 8, 8, 3), pb.DT_STRING, ""),
    ],
)
def test_layouts(tmp_path, shape, dtype, layout):
    model = image_model(op("y", "Conv2D", "x", "w"), shape=shape, dtype=dtype)
    assert expectations_of(write(tmp_path, model), "serving_default").inputs["x"].layout == layout


def test_layers_by_keras_and_with_a_package(tmp_path):
    folder = write(tmp_path, v2_model(objects=[user_object("_tf_keras_sequential")]))
    resizing = {"name": "r", "class_name": "Mine>Resizing", "config": {"height": 8, "width": 9, "dtype": "x"}}
    dense = {"name": "d", "class_name": "Dense", "config": {"units": 3}}
    long = {"name": "n", "class_name": "Normalization", "config": {"mean": [0.5] * 1000, "axis": [-1]}}
    metadata = keras_metadata(*(("_tf_keras_layer", each) for each in (resizing, dense, long)))
    (folder / "keras_metadata.pb").write_bytes(metadata)
    assert expectations_of(folder, "serving_default").layers == (
        PreprocessingLayer("Mine>Resizing", "r", {"height": 8, "width": 9}),
        PreprocessingLayer("Normalization", "n", {"axis": [-1]}),
    )


def test_features_of_a_transform_graph(tmp_path):
    model = image_model(op("y", "Sqrt", "x"))
    assert expectations_of(write(tmp_path / "serve", model), "serving_default").transformed == ()
    model.meta_graphs[0].meta_info_def.tags[:] = ["transform"]
    model.meta_graphs[0].signature_def["serving_default"].outputs["age_xf"].name = "y:0"
    assert expectations_of(write(tmp_path / "t", model), "serving_default").transformed == ("age_xf", "y")


def test_sparse_inputs_are_named_and_not_followed(tmp_path):
    model = image_model(op("y", "Sqrt", "x"))
    sparse = {"values_tensor_name": "x:0", "indices_tensor_name": "i:0", "dense_shape_tensor_name": "s:0"}
    info = pb.TensorInfo(coo_sparse=sparse, dtype=pb.DT_FLOAT)
    model.meta_graphs[0].signature_def["serving_default"].inputs["x"].CopyFrom(info)
    expected = expectations_of(write(tmp_path, model), "serving_default").inputs["x"]
    assert (expected.dense, expected.leads_to) == (False, ())


def test_the_signature_of_another_graph_is_followed_there(tmp_path):
    model = image_model(op("y", "Conv2D", "x", "w"))
    other = model.meta_graphs.add()
    other.CopyFrom(image_model(op("y", "MatMul", "x", "w")).meta_graphs[0])
    other.meta_info_def.tags[:] = ["eval"]
    other.signature_def["score"].CopyFrom(other.signature_def["serving_default"])
    folder = write(tmp_path, model)
    assert expectations_of(folder, "score").inputs["x"].leads_to == ("MatMul",)
    assert expectations_of(folder, "serving_default").inputs["x"].leads_to == ("Conv2D",)


def test_no_such_signature():
    with pytest.raises(UnreadableModelError, match="has no signature 'classify'"):
        expectations_of(EXAMPLES / "cnn", "classify")
