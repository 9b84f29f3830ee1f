from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as hnp
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.rest import read_rest
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec

FLOAT = Signature("predict", {"x": TensorSpec("float32", (None, 2))}, {})
MIXED = Signature(
    "predict",
    {
        "tag": TensorSpec("string", (None,)),
        "signal": TensorSpec("int64", (None, 5)),
        "sensor": TensorSpec("float64", (None, 2, 2)),
    },
    {},
)


def only(dtype: str) -> Signature:
    return Signature("predict", {"x": TensorSpec(dtype, None)}, {})


@pytest.fixture
def read(tmp_path):
    def read(body, signature=FLOAT, name="serving_default"):
        text = body if isinstance(body, str) else json.dumps(body)
        (tmp_path / "body.json").write_text(text)
        values = read_rest(tmp_path / "body.json", signature, name)
        return {value.name: (value.dtype, value.array.tolist()) for value in values}

    return read


def test_rows_of_a_single_input(read):
    assert read({"instances": [[1, 2.5], [3, 4]]}) == {"x": ("float32", [[1, 2.5], [3, 4]])}


def test_rows_and_columns_of_the_documentation_are_the_same(read):
    rows = [
        {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
        {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]},
    ]
    columns = {
        "tag": ["foo", "bar"],
        "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
        "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]],
    }
    expected = {
        "tag": ("string", [b"foo", b"bar"]),
        "signal": ("int64", columns["signal"]),
        "sensor": ("float64", columns["sensor"]),
    }
    assert read({"instances": rows}, MIXED) == expected
    assert read({"inputs": columns}, MIXED) == expected


def test_column_of_a_single_input_needs_no_name(read):
    assert read({"inputs": [[1, 2]]}) == read({"inputs": {"x": [[1, 2]]}}) == {"x": ("float32", [[1, 2]])}


def test_scalar(read):
    assert read({"inputs": {"x": 7}}) == {"x": ("float32", 7)}


def test_binary_strings(read):
    encoded = {"b64": base64.b64encode(b"\xff\0").decode()}
    assert read({"instances": [encoded, "é"]}, only("string")) == {"x": ("string", [b"\xff\0", "é".encode()])}
    assert read({"instances": [{"x": encoded}]}, only("string")) == {"x": ("string", [b"\xff\0"])}
    assert read({"inputs": encoded}, only("string")) == {"x": ("string", b"\xff\0")}


def test_words_json_does_not_have(read):
    ((_, values),) = read('{"instances": [NaN, Infinity, -Infinity]}', only("float32")).values()
    assert np.array_equal(values, [np.nan, np.inf, -np.inf], equal_nan=True)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int64", 2**63 - 1),
        ("uint64", 2**64 - 1),
        ("int8", -128),
        ("int32", 3.0),
        ("bool", True),
        ("float16", 0.5),
    ],
)
def test_values_that_fit(read, dtype, value):
    assert read({"instances": [value]}, only(dtype)) == {"x": (dtype, [value])}


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2", "int4"])
def test_types_numpy_lacks(read, dtype):
    assert read({"instances": [2, 3]}, only(dtype)) == {"x": (dtype, [2, 3])}


@pytest.mark.parametrize(
    ("dtype", "value", "text"),
    [
        ("int8", 128, "128 is outside -128 .. 127"),
        ("int4", 8, "8 is outside -8 .. 7"),
        ("uint8", -1, "-1 is outside"),
        ("int32", 1.5, "1.5 is not a whole number"),
        ("int32", float("nan"), "nan is not a whole number"),
        ("int32", True, "true is not such a value"),
        ("float32", True, "true is not such a value"),
        ("float32", "1", '"1" is not such a value'),
        ("float32", None, "null is not such a value"),
        ("float32", 10**400, "too large"),
        ("bool", 1, "1 is not such a value"),
        ("string", 1, "1 is not a string"),
        ("string", "\ud800", "surrogates"),
        ("string", {"b64": "!"}, "base64|padding"),
        ("resource", 1, "resource are not supported"),
    ],
)
def test_values_that_do_not_fit(read, dtype, value, text):
    with pytest.raises(InputsError, match=rf"body\.json: (?s:.*)({text})"):
        read({"inputs": {"x": [value]}}, only(dtype))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ([], 'either "instances" or "inputs"'),
        ({}, 'either "instances" or "inputs"'),
        ({"instances": [1], "inputs": [1]}, 'either "instances" or "inputs"'),
        (
            {"instances": [[1, 2]], "signature_nam": "a"},
            r"'signature_nam' \(did you mean 'signature_name'\?\)",
        ),
        ({"instances": []}, "at least one instance"),
        ({"instances": 3}, "at least one instance"),
        ({"instances": [[1], [1, 2]]}, "different lengths"),
        ({"instances": [[1, [2]]]}, "different depths"),
        ({"instances": [1, [2]]}, "different depths"),
        ({"instances": [{"x": 1}, {"y": 1}]}, "instance 1 does not have exactly the inputs 'x'"),
        ({"instances": [{"x": 1}, 2]}, "instance 1 does not"),
        ({"instances": [{"X": 1}]}, "no input 'X'.* the signature has 'x'"),
    ],
)
def test_bodies_that_are_none(read, body, text):
    with pytest.raises(InputsError, match=text):
        read(body)


def test_unnamed_values_for_several_inputs(read):
    with pytest.raises(InputsError, match=r"has 3 inputs .*give each instance as"):
        read({"instances": [1]}, MIXED)


def test_another_signature(read):
    body = {"signature_name": "other", "instances": [[1, 2]]}
    with pytest.raises(InputsError, match="for signature 'other', but the case runs 'serving_default'"):
        read(body)
    assert read(body, name="other")


def test_no_signature_no_types(read):
    with pytest.raises(InputsError, match=r"use \.npz"):
        read({"inputs": {"x": 1}}, None)


def test_sparse(read):
    signature = Signature("predict", {"x": TensorSpec("int64", (None,), Kind.SPARSE)}, {})
    with pytest.raises(InputsError, match="is sparse, which a REST body cannot hold"):
        read({"inputs": {"x": [1]}}, signature)


def test_missing_file(tmp_path):
    with pytest.raises(InputsError, match="No such file"):
        read_rest(tmp_path / "gone.json", FLOAT, "serving_default")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=hnp.arrays("float32", hnp.array_shapes(min_dims=0, min_side=1)))
def test_round_trip(tmp_path, array):
    (tmp_path / "body.json").write_text(json.dumps({"inputs": {"x": array.tolist()}}))
    (value,) = read_rest(tmp_path / "body.json", only("float32"), "serving_default")
    np.testing.assert_array_equal(value.array, array)
    assert (value.array.dtype, value.array.shape) == (array.dtype, array.shape)
