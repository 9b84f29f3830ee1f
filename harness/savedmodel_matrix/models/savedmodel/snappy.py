"""Unpacks Snappy, which some builds of TensorFlow compress an index of variables with.

The format is described in google/snappy, format_description.txt. An index is small; a package for it would be
a dependency for one kind of file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.wire import DamagedError, varint

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel.wire import Walk


def unpack(walk: Walk, packed: memoryview, largest: int) -> memoryview:
    """Return the content. Raises DamagedError if it is not Snappy's, or has more than ``largest`` bytes."""
    size, at = varint(packed, 0)
    if size > largest:
        raise DamagedError(f"one of its blocks claims {size} bytes")
    out = bytearray()
    while at < len(packed):
        walk.spend(1)
        tag = packed[at]
        length = (tag >> 2) + 1
        if tag & 3 == 0:  # bytes as they are; a large length follows in one to four bytes
            more = max(length - 60, 0)
            length = int.from_bytes(packed[at + 1 : at + 1 + more], "little") + 1 if more else length
            at += 1 + more
            out += packed[at : at + length]
            at += length
        else:  # bytes that were there before; they may overlap with what they make
            wide = (0, 1, 2, 4)[tag & 3]
            offset = int.from_bytes(packed[at + 1 : at + 1 + wide], "little")
            if tag & 3 == 1:
                length, offset = (tag >> 2 & 7) + 4, offset | tag >> 5 << 8
            at += 1 + wide
            if not 0 < offset <= len(out):
                raise DamagedError("one of its blocks is not Snappy's")
            piece = out[len(out) - offset :][:length]
            out += (piece * (length // len(piece) + 1))[:length]
        if len(out) > size:
            break
    if len(out) != size:
        raise DamagedError("one of its blocks is not Snappy's")
    return memoryview(bytes(out))
