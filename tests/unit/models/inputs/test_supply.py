from __future__ import annotations

import pytest
from savedmodel_matrix.models.inputs.supply import supply_lines
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec
from savedmodel_matrix.models.savedmodel.wants import Form, Want


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
