from __future__ import annotations

import pytest
from savedmodel_matrix.models.inputs.supply import file_lines, supply_lines
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec
from savedmodel_matrix.models.savedmodel.sparse_inputs import Together
from savedmodel_matrix.models.savedmodel.wants import Feature, Form, Layout, Want


@pytest.mark.parametrize(
    ("dtype", "want", "says"),
    [
        ("string", Want(), "texts; the graph says no more"),
        ("string", Want(words=(b"a", b"b")), "words of the model's table, such as 'a', 'b'"),
        ("string", Want(form=Form.GIF), "the bytes of GIF files"),
        ("string", Want(form=Form.PROTO, message="my.Message"), "serialized my.Message messages"),
        ("int64", Want(below=20, lowest=0.0), "whole numbers from 0 to 19: they index a table"),
        ("int64", Want(numbers=(3, 5)), "keys of the model's table, such as '3', '5'"),
        ("float32", Want(lowest=0.0, highest=255.0), "numbers from 0 to 255"),
        ("float32", Want(), "numbers as in training; the graph says no more about them"),
    ],
)
def test_the_meaning_of_an_input(dtype, want, says):
    signature = Signature("predict", {"x": TensorSpec(dtype, (None, 2))}, {})
    assert supply_lines(signature, {"x": want}) == [f"x: {dtype}[?,2]; {says}"]


def test_components_and_optional_inputs():
    inputs = {"s": TensorSpec("int64", (None, None), Kind.SPARSE), "o": TensorSpec("bool", ())}
    sparse, optional = supply_lines(Signature("predict", inputs, {}, ("o",)), {})
    assert sparse.startswith("s.indices, s.values, s.dense_shape: int64[?,?] (sparse); ")
    assert optional.startswith("o: bool[], may be left out; ")


def test_no_inputs():
    assert supply_lines(Signature("predict", {}, {}), {}) == ["it takes no inputs"]


def test_a_shape_that_fits_stands_beside_an_open_one():
    inputs = {"x": TensorSpec("float32", None), "s": TensorSpec("int64", (None, None), Kind.SPARSE)}
    shapes = {"x": (8, 1), "s": (8, 3)}
    dense, sparse = supply_lines(Signature("predict", inputs, {}), {}, shapes)
    assert dense.startswith("x: float32[any rank], for example [8,1]; ")
    assert "indices int64[n,2] in ascending order, all different, and the dense shape [8,3]" in sparse


def test_parts_of_one_tensor_and_one_tensor_twice():
    inputs = {"i": TensorSpec("int64", (None, 2)), "n": TensorSpec("int64", (2,))}
    inputs |= {"v": TensorSpec("float32", (None,)), "w": TensorSpec("float32", (None,))}
    together = [Together(Kind.SPARSE, {"indices": "i", "values": "v", "dense_shape": "n"}, (8, 16))]
    lines = dict(
        line.split(":", 1)
        for line in supply_lines(Signature("predict", inputs, {}), {}, {}, together, {"w": "v"})
    )
    assert "the indices of one sparse tensor ('v' its values, 'n' its dense_shape)" in lines["i"]
    assert lines["n"].endswith(
        "the dense_shape of one sparse tensor ('i' its indices, 'v' its values), for example [8,16]"
    )
    assert lines["w"].endswith("the same values as 'v': they are one tensor of the graph")


def test_all_features_of_a_message_are_named():
    features = tuple(Feature(b"f%d" % each, "float32", Layout.FIXED, (1,)) for each in range(40))
    signature = Signature("predict", {"x": TensorSpec("string", (None,))}, {})
    (line,) = supply_lines(signature, {"x": Want(form=Form.EXAMPLE, features=features)})
    assert "f39: float32[1]" in line


def test_how_files_hold_what_numpy_does_not():
    inputs = {"x": TensorSpec("bfloat16", (2,)), "s": TensorSpec("string", (None,))}
    first, second = file_lines(Signature("predict", inputs, {}))
    assert first == "bfloat16 as uint16 of the same bits"
    assert 'as {"b64": "..."}' in second
    assert file_lines(Signature("predict", {"x": TensorSpec("float32", (2,))}, {})) == []
