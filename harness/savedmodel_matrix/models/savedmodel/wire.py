"""Walks protobuf's wire format field by field, without building messages.

A graph can hold a million nodes, and a hostile file can claim more: parsing it whole takes forty bytes of
memory for every two. A walk costs only time, which is limited. Only the relevant parts are parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Steps of a walk over one model: a field counts one, a parsed message ten. Half a million take a second, and
#: a graph has about 60 for each kB outside tensors, so this is enough for 60 MB.
_MOST_STEPS = 4_000_000
_STEPS_TO_PARSE = 10
#: A larger message is parsed without its large fields, which are tensors.
_LARGEST_WHOLE = 64 << 10
#: Above this it is rejected, because parsing costs up to twenty times as much memory.
_LARGEST_PARSED = 1 << 20

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

M = TypeVar("M", bound=Message)


class DamagedError(ValueError):
    """These bytes are not a protobuf message, or not one that TensorFlow writes."""


class Walk:
    """A walk over the messages of one model. It counts its steps, so it always ends."""

    def __init__(self, most: int = _MOST_STEPS) -> None:
        self._left = most

    def fields(self, view: memoryview) -> Iterator[tuple[int, memoryview | int, memoryview]]:
        """Yield the number, the value and the complete bytes of every field, in file order.

        The value is a view of a length-delimited field's content, or else a number (0 for floats).
        Raises DamagedError.
        """
        end = len(view)
        at = 0
        while at < end:
            self._left -= 1  # not by a call: this is where the time goes
            if self._left < 0:
                self.spend(0)
            begin = at
            tag = view[at]
            if tag < 0x80:  # nearly always: one byte
                at += 1
            else:
                tag, at = varint(view, at)
            number, kind = tag >> 3, tag & 7
            value: memoryview | int = 0
            if kind == _BYTES:
                size, start = varint(view, at) if at >= end or view[at] > 0x7F else (view[at], at + 1)
                at = start + size
                value = view[start:at]
            elif kind == _VARINT:
                value, at = varint(view, at)
            elif kind == _FIXED64:
                at += 8
            elif kind == _FIXED32:
                at += 4
            else:  # groups: no TensorFlow has ever written one
                raise DamagedError(f"wire type {kind}")
            if number == 0:
                raise DamagedError("a field without a number")
            if at > end:
                raise DamagedError("truncated")
            yield number, value, view[begin:at]

    def inside(self, view: memoryview, *path: int) -> Iterator[memoryview]:
        """Yield the content of every length-delimited field at the ``path`` of field numbers."""
        first, *rest = path
        for number, value, _ in self.fields(view):
            if number == first and isinstance(value, memoryview):
                if rest:
                    yield from self.inside(value, *rest)
                else:
                    yield value

    def entries(self, view: memoryview, *path: int) -> Iterator[tuple[str, memoryview]]:
        """Yield the keys and values of the map of messages at the ``path``."""
        for entry in self.inside(view, *path):
            key = next(self.inside(entry, 1), memoryview(b""))
            yield text(key), next(self.inside(entry, 2), memoryview(b""))

    def described(self, view: memoryview, identifier: int, metadata: int) -> tuple[str, bytes]:
        """Return the name and the metadata of a Keras object, by their field numbers."""
        found = {number: value for number, value, _ in self.fields(view) if isinstance(value, memoryview)}
        nothing = memoryview(b"")
        return text(found.get(identifier, nothing)), bytes(found.get(metadata, nothing))

    def parse(self, kind: type[M], view: memoryview, without: int = 0) -> M:
        """Return the message in ``view``; a large one without its large fields.

        The field of number ``without`` is left out.

        Raises DamagedError, or ``DecodeError`` with the message of protobuf's own parser.
        """
        self.spend(_STEPS_TO_PARSE)
        if len(view) <= _LARGEST_WHOLE and not without:
            return kind.FromString(bytes(view))
        small = bytearray()
        for number, _, whole in self.fields(view):
            if number != without and len(whole) <= _LARGEST_WHOLE:
                small += whole
            if len(small) > _LARGEST_PARSED:
                raise DamagedError(f"a {kind.DESCRIPTOR.name} of {len(view)} bytes")
        return kind.FromString(bytes(small))

    def spend(self, steps: int) -> None:
        """Count steps. Raises DamagedError if there are too many."""
        self._left -= steps
        if self._left < 0:
            raise DamagedError("it has more parts than any real model")


def text(view: memoryview) -> str:
    """Return a string field, cut if it is too long for a name; bytes that are not UTF-8 are replaced."""
    return str(view[:_LARGEST_WHOLE], "utf-8", "replace")


def varint(view: memoryview, at: int) -> tuple[int, int]:
    """Return the number of variable length at a place, and the place behind it. Raises DamagedError."""
    value = shift = 0
    for byte in view[at : at + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at + shift // 7
    raise DamagedError("truncated, or an endless number")
