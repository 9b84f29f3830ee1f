from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.tensors import decode_tensor
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb


def tensor(dtype: int, *sizes: int, **fields: object) -> pb.TensorProto:
    return pb.TensorProto(dtype=dtype, tensor_shape={"dim": [{"size": size} for size in sizes]}, **fields)


NUMERIC = [
    (pb.DT_BOOL, "bool", "bool_val"),
    (pb.DT_INT8, "int8", "int_val"),
    (pb.DT_UINT8, "uint8", "int_val"),
    (pb.DT_INT16, "int16", "int_val"),
    (pb.DT_UINT16, "uint16", "int_val"),
    (pb.DT_INT32, "int32", "int_val"),
    (pb.DT_UINT32, "uint32", "uint32_val"),
    (pb.DT_INT64, "int64", "int64_val"),
    (pb.DT_UINT64, "uint64", "uint64_val"),
    (pb.DT_FLOAT, "float32", "float_val"),
    (pb.DT_DOUBLE, "float64", "double_val"),
]


@settings(deadline=None)
@given(data=st.data(), case=st.sampled_from(NUMERIC))
def test_round_trip(data, case):
    number, name, field = case
    array = data.draw(hnp.arrays(name, hnp.array_shapes(min_dims=0, min_side=0, max_dims=3)))
    for message in (
        tensor(number, *array.shape, tensor_content=array.tobytes()),
        tensor(number, *array.shape, **{field: array.reshape(-1).tolist()}),
    ):
        dtype, decoded = decode_tensor(message)
        assert (dtype, decoded.dtype.name, decoded.shape) == (name, name, array.shape)
        np.testing.assert_array_equal(decoded, array)


def test_last_value_repeats():
    _, decoded = decode_tensor(tensor(pb.DT_FLOAT, 2, 3, float_val=[1.5, 2.5]))
    assert decoded.tolist() == [[1.5, 2.5, 2.5], [2.5, 2.5, 2.5]]


def test_no_value_means_zeros():
    _, decoded = decode_tensor(tensor(pb.DT_INT64, 2))
    assert decoded.tolist() == [0, 0]


def test_scalar():
    _, decoded = decode_tensor(tensor(pb.DT_INT32, int_val=[7]))
    assert (decoded.shape, decoded.tolist()) == ((), 7)


@pytest.mark.parametrize(
    ("number", "bits", "values"),
    [(pb.DT_HALF, [0x3C00, 0xC000], [1, -2]), (pb.DT_BFLOAT16, [0x3F80, 0xC000], [1, -2])],
)
def test_half_val_holds_bits(number, bits, values):
    _, decoded = decode_tensor(tensor(number, 3, half_val=bits))
    assert decoded.astype(np.float32).tolist() == [*values, values[-1]]


def test_bfloat16_content():
    array = np.array([0.5, 3], dtype=ml_dtypes.bfloat16)
    dtype, decoded = decode_tensor(tensor(pb.DT_BFLOAT16, 2, tensor_content=array.tobytes()))
    assert (dtype, decoded.tolist()) == ("bfloat16", [0.5, 3])


def test_float8():
    array = np.array([0.5, 3], dtype=ml_dtypes.float8_e5m2)
    _, decoded = decode_tensor(tensor(pb.DT_FLOAT8_E5M2, 2, float8_val=array.tobytes()))
    assert decoded.tolist() == [0.5, 3]
    assert decode_tensor(tensor(pb.DT_FLOAT8_E5M2, 2))[1].tolist() == [0, 0]


def test_complex():
    _, decoded = decode_tensor(tensor(pb.DT_COMPLEX64, 3, scomplex_val=[1, 2, 3, 4]))
    assert decoded.tolist() == [1 + 2j, 3 + 4j, 3 + 4j]
    with pytest.raises(InputsError, match="3 parts"):
        decode_tensor(tensor(pb.DT_COMPLEX128, 3, dcomplex_val=[1, 2, 3]))


def test_strings_keep_zero_bytes_and_repeat():
    dtype, decoded = decode_tensor(tensor(pb.DT_STRING, 3, string_val=[b"a\0", b""]))
    assert (dtype, decoded.tolist()) == ("string", [b"a\0", b"", b""])


def test_strings_as_content():
    content = bytes([2, 0]) + b"\xc8\x01" + b"x\0" + b"y" * 200
    assert decode_tensor(tensor(pb.DT_STRING, 3, tensor_content=content))[1].tolist() == [
        b"x\0",
        b"",
        b"y" * 200,
    ]


@pytest.mark.parametrize("content", [b"\x05ab", b"\x80", b"\x01abc", b"\xff" * 9])
def test_truncated_strings(content):
    with pytest.raises(InputsError, match="truncated"):
        decode_tensor(tensor(pb.DT_STRING, 1, tensor_content=content))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (tensor(pb.DT_FLOAT, 2, tensor_content=b"abc"), "3 bytes do not make float32"),
        (tensor(pb.DT_FLOAT, 1, float_val=[1, 2]), "2 values for 1 elements"),
        (tensor(pb.DT_STRING, 1, string_val=[b"a", b"b"]), "2 strings for 1"),
        (tensor(pb.DT_FLOAT, -1, float_val=[1]), "whole shape"),
        (pb.TensorProto(dtype=pb.DT_FLOAT, tensor_shape={"unknown_rank": True}), "whole shape"),
        (tensor(pb.DT_FLOAT, 1 << 40, float_val=[1]), "more than"),
        (tensor(pb.DT_STRING, 1 << 30, string_val=[b"a"]), "more than"),
        (tensor(pb.DT_RESOURCE), "resource are not supported"),
        (tensor(pb.DT_INVALID), "invalid are not supported"),
    ],
)
def test_refused(message, text):
    with pytest.raises(InputsError, match=text):
        decode_tensor(message)


@settings(deadline=None)
@given(
    number=st.integers(0, 140),
    sizes=st.lists(st.integers(-1, 3) | st.sampled_from([1 << 31, 1 << 62]), max_size=3),
    field=st.sampled_from(sorted(pb.TensorProto.DESCRIPTOR.fields_by_name)),
    content=st.binary(max_size=24),
)
def test_any_message_decodes_or_is_refused(number, sizes, field, content):
    message = tensor(number, *sizes)
    if field in ("tensor_content", "float8_val"):
        setattr(message, field, content)
    elif field == "string_val":
        message.string_val.append(content)
    elif field.endswith("_val"):
        getattr(message, field).extend([True] if field == "bool_val" else content)
    try:
        shape = decode_tensor(message)[1].shape
    except InputsError:
        shape = tuple(sizes)
    assert shape == tuple(sizes)
