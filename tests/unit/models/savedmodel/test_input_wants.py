from __future__ import annotations

from built_models import v1_model, write
from flow_models import constant, image_model, op, string
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.input_wants import wants_of
from savedmodel_matrix.models.savedmodel.wants import Form, Layout, Want


def want(tmp_path, *nodes, dtype=pb.DT_INT64):
    model = image_model(*nodes, shape=(-1,), dtype=dtype)
    return wants_of(write(tmp_path, model), "serving_default").get("x", Want())


def weight(name, *shape):
    dims = {"dim": [{"size": size} for size in shape]}
    return op(name, "VarHandleOp", shape={"shape": dims})


def test_an_index_is_below_the_size_of_the_weight(tmp_path):
    found = want(
        tmp_path,
        weight("w", 20, 4),
        op("cast", "Cast", "x"),
        op("y", "ResourceGather", "w", "cast"),
    )
    assert found.below == 20


def test_what_is_added_to_an_index_counts(tmp_path):
    nodes = (weight("w", 20, 4), constant("c", 3), op("plus", "AddV2", "x", "c"))
    found = want(tmp_path, *nodes, op("y", "ResourceGather", "w", "plus"))
    assert (found.below, found.lowest) == (17, -3)


def test_words_of_a_table(tmp_path):
    keys = string("keys", "a", "b")
    keys.attr["value"].tensor.tensor_shape.dim.add(size=2)
    found = want(
        tmp_path,
        op("table", "HashTableV2"),
        keys,
        op("fill", "LookupTableImportV2", "table", "keys", "keys"),
        op("y", "LookupTableFindV2", "table", "x", "keys"),
        dtype=pb.DT_STRING,
    )
    assert found.words == (b"a", b"b")


def test_regular_expressions(tmp_path):
    static = op("y", "StaticRegexFullMatch", "x", pattern={"s": rb"\d+"})
    assert want(tmp_path / "static", static, dtype=pb.DT_STRING).pattern == rb"\d+"
    nodes = (string("p", "[ab]+"), op("y", "RegexFullMatch", "x", "p"))
    assert want(tmp_path / "constant", *nodes, dtype=pb.DT_STRING).pattern == b"[ab]+"


def test_a_picture_in_base64(tmp_path):
    nodes = (op("d", "DecodeBase64", "x"), op("y", "DecodePng", "d", channels={"i": 1}))
    found = want(tmp_path, *nodes, dtype=pb.DT_STRING)
    assert (found.form, found.base64, found.channels) == (Form.PNG, True, 1)


def test_features_of_an_example(tmp_path):
    none = pb.NodeDef(name="none", op="Const")
    none.attr["value"].tensor.dtype = pb.DT_FLOAT
    none.attr["value"].tensor.tensor_shape.dim.add(size=0)
    parse = op("parse", "ParseExample", "x", "names", "s", "d", "none", Nsparse={"i": 1}, Ndense={"i": 1})
    parse.attr["sparse_types"].list.type.append(pb.DT_INT64)
    parse.attr["Tdense"].list.type.append(pb.DT_FLOAT)
    parse.attr["dense_shapes"].list.shape.add().dim.add(size=2)
    nodes = (string("s", "ids"), string("d", "f"), none, weight("w", 9, 2), parse)
    result = op("y", "Pack", "g", "parse:3")
    found = want(tmp_path, *nodes, op("g", "ResourceGather", "w", "parse:1"), result, dtype=pb.DT_STRING)
    ids, f = found.features
    assert found.form is Form.EXAMPLE
    assert (ids.key, ids.dtype, ids.layout, ids.want.below) == (b"ids", "int64", Layout.VARIABLE, 9)
    assert (f.key, f.shape, f.optional) == (b"f", (2,), False)


def test_another_signature_wants_nothing(tmp_path):
    assert wants_of(write(tmp_path, v1_model()), "none") == {}
