"""Serialized ``tf.Example`` and ``tf.SequenceExample`` messages.

Sources: tensorflow/core/example/{example,feature}.proto. A map's entries are written in the order of their
keys, so that the bytes are the same everywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

#: The field of tf.Feature for each kind of list.
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
#: Types of features that tf.io.parse_example knows, and their lists.
LISTS = {"string": _BYTES_LIST, "float32": _FLOAT_LIST, "int64": _INT64_LIST}


#: For each key, TensorFlow's element type and the values; those of each step where they are in lists.
Features = Mapping[bytes, tuple[str, NDArray[Any]]]


def encode_example(features: Features) -> bytes:
    """Return the message with these features."""
    return _field(1, _features(features))


def encode_sequence(context: Features, lists: Features) -> bytes:
    """Return the message with these features of a sequence as a whole, and of its steps."""
    entries = [
        _field(1, key) + _field(2, b"".join(_field(1, _feature(dtype, step)) for step in values))
        for key, (dtype, values) in sorted(lists.items())
    ]
    return _field(1, _features(context)) + _field(2, b"".join(_field(1, each) for each in entries))


def _features(features: Features) -> bytes:
    return b"".join(
        _field(1, _field(1, key) + _field(2, _feature(dtype, values)))
        for key, (dtype, values) in sorted(features.items())
    )


def _feature(dtype: str, array: NDArray[Any]) -> bytes:
    kind, values = LISTS[dtype], array.ravel().tolist()
    if kind == _BYTES_LIST:
        content = b"".join(_field(1, each) for each in values)
    elif kind == _FLOAT_LIST:
        content = _field(1, struct.pack(f"<{len(values)}f", *values))
    else:
        content = _field(1, b"".join(_varint(each & 0xFFFFFFFFFFFFFFFF) for each in values))
    return _field(kind, content)


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field (protobuf.dev/programming-guides/encoding)."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
