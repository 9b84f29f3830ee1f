"""Tensors in TensorFlow's ``TensorProto`` messages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.values import element_type, fits, string_array
from savedmodel_matrix.models.savedmodel.reader import dtype_name, shape_of
from savedmodel_matrix.probe.arrays import STRING, stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

#: A few bytes can claim any size, because the last value repeats; no request is larger than one message.
_LARGEST = 1 << 31

_SMALL_INTEGERS = "int8 uint8 int16 uint16 int32 qint8 quint8 qint16 quint16 qint32 int4 uint4 int2 uint2"
#: The repeated field that holds the values of a type (tensorflow/core/framework/tensor.proto).
_FIELDS = {
    **dict.fromkeys(_SMALL_INTEGERS.split(), "int_val"),
    "float16": "half_val",
    "bfloat16": "half_val",
    "float32": "float_val",
    "float64": "double_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
}


def decode_tensor(message: pb.TensorProto) -> tuple[str, NDArray[Any]]:
    """Return TensorFlow's name of the element type, and the tensor in ``element_type``'s type for it.

    Values come from ``tensor_content`` or the repeated field of the type. In the field, the last value
    repeats to fill the shape, and no values mean zeros (TensorProto's contract, and what
    ``Tensor::FromProto`` does). Strings are ``bytes`` objects. Raises ``InputsError`` if content, shape and
    type do not match.
    """
    dtype = dtype_name(message.dtype)
    shape = _shape(message)
    if dtype == STRING:
        items = list(message.string_val) or _string_list(message.tensor_content, math.prod(shape))
        return dtype, string_array(_filled(items, math.prod(shape), b""), shape)
    target = element_type(dtype)
    size = math.prod(shape)
    if size * target.itemsize > _LARGEST:
        raise InputsError(f"claims shape {list(shape)} of {dtype}, more than {_LARGEST} bytes")
    content = message.tensor_content or message.float8_val
    if content:
        if len(content) != size * target.itemsize:
            raise InputsError(f"{len(content)} bytes do not make {dtype} of shape {list(shape)}")
        return dtype, np.frombuffer(content, stored_dtype(dtype)).view(target).reshape(shape)
    return dtype, _repeated(message, dtype, size).reshape(shape)


def _shape(message: pb.TensorProto) -> tuple[int, ...]:
    shape = shape_of(message.tensor_shape)
    if shape is None or None in shape:
        raise InputsError("does not state its whole shape")
    known = tuple(size for size in shape if size is not None)
    if not fits(known, _LARGEST):
        raise InputsError(f"claims shape {list(known)}, more than {_LARGEST} elements")
    return known


def _repeated(message: pb.TensorProto, dtype: str, size: int) -> NDArray[Any]:
    field = _FIELDS.get(dtype)
    target = element_type(dtype)
    if field is None:  # the float8 family, which has no repeated field
        return np.zeros(size, stored_dtype(dtype)).view(target)
    values = getattr(message, field)
    if field == "half_val":
        given = np.array(values, dtype=np.int32).astype("<u2").view(target)
    elif field in ("scomplex_val", "dcomplex_val"):
        if len(values) % 2:
            raise InputsError(f"{len(values)} parts do not make whole {dtype} numbers")
        given = np.array(values, dtype="<f4" if dtype == "complex64" else "<f8").view(target)
    else:
        # Each type's field is at least as wide as the type; TensorFlow casts without a check, like astype.
        given = np.array(values, dtype=np.int32 if field == "int_val" else target).astype(target)
    if len(given) > size:
        raise InputsError(f"{len(given)} values for {size} elements")
    filled = np.zeros(size, dtype=target)
    if len(given):
        filled[: len(given)] = given
        filled[len(given) :] = given[-1]
    return filled


def _filled(items: list[bytes], size: int, empty: bytes) -> list[bytes]:
    if len(items) > size:
        raise InputsError(f"{len(items)} strings for {size} elements")
    # A list costs 8 bytes per reference: the same bound as for numbers.
    if size * 8 > _LARGEST:
        raise InputsError(f"claims {size} strings, more than {_LARGEST // 8}")
    return items + [items[-1] if items else empty] * (size - len(items))


def _string_list(content: bytes, size: int) -> list[bytes]:
    """Undo ``port::EncodeStringList``: the length of every string as a varint, then all bytes."""
    if not content:
        return []
    lengths, position = [], 0
    for _ in range(size):
        length, shift = 0, 0
        while True:
            if position >= len(content) or shift > 28:
                raise InputsError("its strings are truncated")
            byte = content[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise InputsError("its strings are truncated")
    items = []
    for length in lengths:
        items.append(content[position : position + length])
        position += length
    return items
