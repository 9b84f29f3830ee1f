"""What a graph wants of the values of its inputs: the form of strings, words, and ranges of numbers.

A serialized ``tf.Example`` must have the features that the graph parses, bytes must be the picture that it
decodes, and an index must be within the table that it looks up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Form(StrEnum):
    """What the bytes of a string must be."""

    TEXT = "text"
    EXAMPLE = "tf.Example"
    SEQUENCE_EXAMPLE = "tf.SequenceExample"
    JPEG = "JPEG"
    PNG = "PNG"
    BMP = "BMP"
    GIF = "GIF"
    WAV = "WAV"
    NUMBER = "number"
    CSV = "CSV"
    RAW = "raw numbers"
    COMPRESSED = "compressed bytes"
    PROTO = "protobuf"
    JSON = "JSON"
    FILE = "file name"


class Layout(StrEnum):
    """How many values of a feature each example has."""

    FIXED = "fixed"
    VARIABLE = "variable"


@dataclass(frozen=True)
class Feature:
    """One feature of a ``tf.Example``, or of a ``tf.SequenceExample``.

    ``shape`` is that of one example's values, with None for an unknown first size; it is () for a feature of
    any number of values. ``optional`` is whether the graph has a default value. ``in_list`` is whether it is
    a list of features, one for each step of a sequence; the others are the sequence's context.
    """

    key: bytes
    dtype: str
    layout: Layout
    shape: tuple[int | None, ...] = ()
    optional: bool = False
    want: Want = field(default_factory=lambda: Want())  # noqa: PLW0108 - defined below
    in_list: bool = False


@dataclass(frozen=True)
class Want:
    """What a graph wants of the values of one input, or of one feature; each part may be unknown.

    ``below`` is the size of the smallest table or weight that integers index, less what is added to them.
    ``rejects`` is the smallest index that a CPU's kernel is certain to reject; what reaches ``below`` may
    just make no sense. ``lowest`` and ``highest`` enclose bounds. ``words`` and ``numbers`` are keys of
    tables that the values are looked up in. ``centre`` and ``deviation`` are those of values that the graph's
    own normalisation turns into mean 0 and deviation 1: one for all or one for each entry of the last axis.
    ``base64`` is whether strings are decoded from web-safe base64 before anything else. ``channels`` are
    those that a decoder asks for; 0 for any.
    """

    form: Form | None = None
    base64: bool = False
    below: int | None = None
    rejects: int | None = None
    lowest: float | None = None
    highest: float | None = None
    words: tuple[bytes, ...] = ()
    numbers: tuple[int, ...] = ()
    centre: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    features: tuple[Feature, ...] = ()
    channels: int = 0
    message: str = ""
    """The protobuf message that the bytes are, or the element type of raw numbers."""
    pattern: bytes = b""
    """A regular expression that the graph matches each whole text with."""
    separator: bytes = b""
    """What separates the values of one string, if it holds several."""

    def joined(self, other: Want) -> Want:
        """Return what both want; where they differ, the narrower, or this one."""
        lows = [each for each in (self.lowest, other.lowest) if each is not None]
        highs = [each for each in (self.highest, other.highest) if each is not None]
        sizes = [each for each in (self.below, other.below) if each is not None]
        rejected = [each for each in (self.rejects, other.rejects) if each is not None]
        return replace(
            self,
            form=self.form or other.form,
            base64=self.base64 or other.base64,
            below=min(sizes, default=None),
            rejects=min(rejected, default=None),
            lowest=min(lows, default=None),
            highest=max(highs, default=None),
            words=_shared(self.words, other.words),
            numbers=_shared(self.numbers, other.numbers),
            centre=self.centre or other.centre,
            deviation=self.deviation or other.deviation,
            features=_merged(self.features, other.features),
            channels=self.channels or other.channels,
            message=self.message or other.message,
            pattern=self.pattern or other.pattern,
            separator=self.separator or other.separator,
        )


def _shared(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    """Return the entries of both; those of one if the other has none, or no entry of it."""
    known = set(second)
    return tuple(each for each in first if each in known) or first or second


def _merged(first: tuple[Feature, ...], second: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Return all features; one that both have is required if either requires it."""
    merged = {(each.in_list, each.key): each for each in first}
    for each in second:
        key = each.in_list, each.key
        known = merged.get(key)
        if known is None:
            merged[key] = each
        else:
            fixed = known if known.layout is Layout.FIXED else each
            optional = known.optional and each.optional
            merged[key] = replace(fixed, want=known.want.joined(each.want), optional=optional)
    return tuple(merged.values())
