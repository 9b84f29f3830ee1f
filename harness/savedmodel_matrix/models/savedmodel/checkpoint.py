"""The index of a model's variables, checked without TensorFlow: checksums, and how long its shards must be.

The index is a sorted table (tensorflow/core/lib/io/format.cc, table_format.txt): blocks of entries, each with
a checksum, and a footer with a magic number. The first entry has an empty key and the header as its value,
each other entry places one tensor in a shard (tensorflow/core/protobuf/tensor_bundle.proto).
"""

from __future__ import annotations

import stat
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import google_crc32c

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.snappy import unpack
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk, varint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.reader import Shape

#: 150,000 tensors. A larger index is not checked, so that the time is bounded.
_LARGEST = 16 << 20
#: Steps of the walk over the entries: ten for each of those tensors. It takes two seconds.
_MOST_STEPS = 2_000_000
#: More than any checkpoint has; the number is five digits in a file's name.
_MOST_SHARDS = 99_999

_FOOTER = 48
_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_TRAILER = 5  # the kind of compression, and the checksum
_UNCOMPRESSED, _SNAPPY = 0, 1
_MASK_DELTA = 0xA282EAD8  # tensorflow/core/lib/hash/crc32c.h

_NUM_SHARDS = 1  # of BundleHeaderProto
_SHAPE, _SHARD, _OFFSET, _SIZE, _SLICES = 2, 3, 4, 5, 7  # of BundleEntryProto


@dataclass(frozen=True)
class IndexFacts:
    """The number of shards; ``lengths`` are the bytes that each one with values must have at least.

    ``tensors`` counts the tensors of each shape; None if some are stored in slices.
    """

    shards: int
    lengths: Mapping[int, int]
    tensors: Mapping[Shape, int] | None = None


def read_index(file: Path) -> IndexFacts | None:
    """Return the facts in the index; None for one that is too large to be checked.

    Raises:
        DamagedError: TensorFlow could not read it.
        OSError: it cannot be opened.
    """
    facts = file.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise DamagedError("it is not a regular file")
    if facts.st_size > _LARGEST:
        return None
    content = memoryview(file.read_bytes())
    if not content:
        raise DamagedError("it is empty")
    if len(content) < _FOOTER or content[-len(_MAGIC) :] != _MAGIC:
        raise DamagedError("it is truncated, or not an index: its last bytes are not a table's")
    walk = Walk(_MOST_STEPS)
    _, at = _handle(content, len(content) - _FOOTER)
    top, _ = _handle(content, at)
    left = len(content)
    values: list[memoryview] = []
    for _, place in _entries(walk, _block(walk, content, *top)):
        handle, _ = _handle(place, 0)
        left -= handle[1]
        if left < 0:
            raise DamagedError("its blocks overlap")
        for key_size, value in _entries(walk, _block(walk, content, *handle)):
            if (key_size == 0) != (not values):
                raise DamagedError("it has no header, or more than one")
            values.append(value)
    if not values:
        raise DamagedError("it has no header")
    return _facts(walk, values)


def _facts(walk: Walk, values: list[memoryview]) -> IndexFacts:
    shards = _numbers(walk, values[0]).get(_NUM_SHARDS, 0)
    if not 0 < shards <= _MOST_SHARDS:
        raise DamagedError(f"it states {shards} data files")
    lengths: dict[int, int] = {}
    tensors: Counter[Shape] = Counter()
    sliced = False
    for value in values[1:]:
        fields = {number: held for number, held, _ in walk.fields(value)}
        entry = {number: held for number, held in fields.items() if isinstance(held, int)}
        sliced = sliced or _SLICES in fields
        tensors[_shape(walk, fields.get(_SHAPE))] += 1
        shard, size = entry.get(_SHARD, 0), entry.get(_SIZE, 0)
        if shard >= shards:
            raise DamagedError(f"it places values in data file {shard} of {shards}")
        if size:
            lengths[shard] = max(lengths.get(shard, 0), entry.get(_OFFSET, 0) + size)
    return IndexFacts(shards, lengths, None if sliced else dict(tensors))


def _shape(walk: Walk, shape: object) -> Shape:
    if not isinstance(shape, memoryview):
        return ()
    return tuple(dim.size for dim in walk.parse(pb.TensorShapeProto, shape).dim)


def _numbers(walk: Walk, view: memoryview) -> dict[int, int]:
    return {number: value for number, value, _ in walk.fields(view) if isinstance(value, int)}


def _handle(view: memoryview, at: int) -> tuple[tuple[int, int], int]:
    """Return the offset and size of a block, and where the next handle starts."""
    offset, at = varint(view, at)
    size, at = varint(view, at)
    return (offset, size), at


def _block(walk: Walk, content: memoryview, offset: int, size: int) -> memoryview:
    """Return the entries of a block whose checksum is right."""
    whole = content[offset : offset + size + _TRAILER]
    if len(whole) < size + _TRAILER:
        raise DamagedError("it is truncated")
    masked = (int.from_bytes(whole[-4:], "little") - _MASK_DELTA) & 0xFFFFFFFF
    if google_crc32c.value(bytes(whole[:-4])) != (masked >> 17 | masked << 15) & 0xFFFFFFFF:
        raise DamagedError("its checksum is wrong")
    if whole[size] not in {_UNCOMPRESSED, _SNAPPY}:
        raise DamagedError("it is compressed in a way that no TensorFlow reads")
    block = whole[:size] if whole[size] == _UNCOMPRESSED else unpack(walk, whole[:size], _LARGEST)
    end = len(block) - 4 * (int.from_bytes(block[-4:], "little") + 1)  # after the entries: an index of them
    if len(block) < 4 or end < 0:
        raise DamagedError("one of its blocks is damaged")
    return block[:end]


def _entries(walk: Walk, block: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the length of the key and the value of each entry. Keys share beginnings; none is built."""
    at, known = 0, 0
    while at < len(block):
        walk.spend(1)
        shared, at = varint(block, at)
        own, at = varint(block, at)
        size, at = varint(block, at)
        at += own
        if shared > known or at + size > len(block):
            raise DamagedError("one of its entries is damaged")
        known = shared + own
        yield known, block[at : at + size]
        at += size
