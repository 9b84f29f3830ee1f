from __future__ import annotations

import numpy as np
import pytest
from built_models import write
from flow_models import constant, image_model, op
from savedmodel_matrix.domain.arrays import ArrayEntry, InputPart
from savedmodel_matrix.models.inputs.misfit import misfit_of
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.probe.arrays import read_array, write_array

WEIGHT = op("w", "VarHandleOp", shape={"shape": {"dim": [{"size": 7}, {"size": 2}]}})


def misfit(tmp_path, nodes, *batches, shape=(-1,), dtype=pb.DT_INT64):
    model = write(tmp_path, image_model(*nodes, shape=shape, dtype=dtype))
    objects = str(tmp_path / "objects")
    (tmp_path / "objects").mkdir()
    parts = [
        [InputPart(name="x", component=None, array=ArrayEntry(**write_array(objects, each, each.dtype.name)))]
        for each in batches
    ]
    return misfit_of(model, "serving_default", parts, lambda entry: read_array(objects, entry.to_json()))


@pytest.mark.parametrize(("largest", "fits"), [(6, True), (7, False)])
def test_an_index_beyond_the_table(tmp_path, largest, fits):
    nodes = (WEIGHT, op("whole", "Cast", "x"), op("y", "ResourceGather", "w", "whole"))
    said = misfit(tmp_path, nodes, np.array([0, largest], np.int64))
    assert said == (None if fits else "input x has the index 7, but what it indexes has 7 rows")


def test_the_batch_is_named_if_there_are_several(tmp_path):
    nodes = (WEIGHT, op("y", "ResourceGather", "w", "x"))
    said = misfit(tmp_path, nodes, np.array([1], np.int64), np.array([99], np.int64))
    assert said == "input x has the index 99, but what it indexes has 7 rows (batch 1)"


def test_an_index_that_is_replaced_or_masked_may_be_beyond_the_table(tmp_path):
    nodes = (WEIGHT, constant("zero", [0]), op("kept", "SelectV2", "zero", "x", "zero"))
    assert (
        misfit(tmp_path, (*nodes, op("y", "ResourceGather", "w", "kept")), np.array([99], np.int64)) is None
    )


def test_one_hot_takes_any_index(tmp_path):
    nodes = (constant("depth", 7), op("y", "OneHot", "x", "depth"))
    assert misfit(tmp_path, nodes, np.array([99], np.int64)) is None


def test_a_shape_that_the_weight_does_not_take(tmp_path):
    nodes = (WEIGHT, op("read", "ReadVariableOp", "w"), op("y", "MatMul", "x", "read"))
    given = {"shape": (-1, -1), "dtype": pb.DT_FLOAT}
    assert misfit(tmp_path, nodes, np.zeros((3, 7), np.float32), **given) is None


def test_why_a_shape_does_not_fit(tmp_path):
    nodes = (WEIGHT, op("read", "ReadVariableOp", "w"), op("y", "MatMul", "x", "read"))
    said = misfit(tmp_path, nodes, np.zeros((3, 8), np.float32), shape=(-1, -1), dtype=pb.DT_FLOAT)
    assert said == "op MatMul (y) does not fit [3,8] and [7,2]"


def test_a_model_that_cannot_be_read_says_nothing(tmp_path):
    assert misfit_of(tmp_path, "serving_default", [[]], lambda entry: entry) is None


def test_an_element_type_that_the_signature_states_wrongly(tmp_path):
    model = image_model(op("y", "Identity", "x"), shape=(-1,))
    model.meta_graphs[0].graph_def.node[0].attr["dtype"].type = pb.DT_STRING
    entry = ArrayEntry("float32", (2,), (), 8)
    said = misfit_of(
        write(tmp_path, model),
        "serving_default",
        [[InputPart(name="x", component=None, array=entry)]],
        read_array,
    )
    assert said == "the graph takes string as x, not float32 as its signature says"
