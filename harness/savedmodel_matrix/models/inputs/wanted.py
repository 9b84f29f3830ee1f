"""Values that a graph accepts, made from what it wants of an input (``models/savedmodel/wants.py``)."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.examples import LISTS, encode_example, encode_sequence
from savedmodel_matrix.models.inputs.patterns import matching
from savedmodel_matrix.models.inputs.pictures import MAKERS
from savedmodel_matrix.models.inputs.stream import Stream
from savedmodel_matrix.models.inputs.values import string_array
from savedmodel_matrix.models.savedmodel.wants import Feature, Form, Layout, Want
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Key = tuple[int | str, ...]

#: The only floats that a feature can hold.
FLOAT = "float32"
#: Values of a feature of any number, steps of a sequence, and words of a text.
_VALUES = 2
_STEPS = 4
_WORDS = 6
_SMALL = 9
_MOST_SAID = 12


def has_free_floats(want: Want) -> bool:
    """Whether strings hold floats of whose values the graph says nothing."""
    return any(each.dtype == FLOAT and each.want == Want() for each in want.features)


def wanted_strings(
    want: Want, key: Key, count: int, floats: tuple[float, float] | None = None
) -> Iterator[bytes] | None:
    """Return ``count`` strings that the graph accepts; None if it wants nothing that is known.

    ``floats`` are the bounds of floats in them of which the graph says nothing. Raises InputsError, which
    says what the strings must be, for a form that cannot be made.
    """
    made = _strings(want, key, count, floats)
    if made is None or not want.base64:
        return made
    return (base64.urlsafe_b64encode(each).rstrip(b"=") for each in made)


def wanted_numbers(want: Want, key: Key, shape: tuple[int, ...], *, whole: bool) -> NDArray[Any] | None:
    """Return numbers of ``shape`` that the graph accepts; None if it wants nothing that is known."""
    size = math.prod(shape)
    stream = Stream(*key)
    made: NDArray[Any] | None = None
    if want.numbers:
        made = np.array(want.numbers, np.int64)[stream.integers(size, 0, len(want.numbers) - 1)]
    elif want.below is not None:
        low = math.ceil(want.lowest) if want.lowest is not None else 0
        made = stream.integers(size, min(low, want.below - 1), want.below - 1)
    elif want.lowest is not None and want.highest is not None:
        low, high = math.floor(want.lowest), math.ceil(want.highest)
        made = stream.integers(size, low, high) if whole else stream.uniform(size, want.lowest, want.highest)
    elif want.centre and not whole and len(want.centre) in {1, *shape[-1:]}:
        made = stream.normal(size).reshape(shape) * np.array(want.deviation) + np.array(want.centre)
    return None if made is None else made.reshape(shape)


def _strings(want: Want, key: Key, count: int, floats: tuple[float, float] | None) -> Iterator[bytes] | None:
    match want.form:
        case Form.EXAMPLE | Form.SEQUENCE_EXAMPLE:
            return _examples(want, key, count, floats)
        case Form.JPEG | Form.PNG | Form.BMP | Form.WAV:
            maker = MAKERS[want.form]
            return (maker(Stream(*key, number), want.channels) for number in range(count))
        case Form.NUMBER:
            drawn = Stream(*key).integers(count, 0, _SMALL)
            return (b"%d" % each for each in drawn.tolist())
        case Form.CSV:
            return _rows(want, key, count)
        case None | Form.TEXT:
            return _texts(want, key, count)
        case _:
            raise InputsError(f"it must be {described(want)}, which cannot be generated; name a file")


def described(want: Want, most: int = _MOST_SAID) -> str:
    """Return in words what the strings of an input must be; ``most`` is how many features are named."""
    form = want.form or Form.TEXT
    said = str(form)
    if form in {Form.EXAMPLE, Form.SEQUENCE_EXAMPLE}:
        features = ", ".join(map(_feature_said, want.features[:most]))
        more = f" and {len(want.features) - most} more" if len(want.features) > most else ""
        said = f"serialized {form} messages with {features or 'features that the file does not name'}{more}"
    elif form is Form.PROTO:
        said = f"serialized {want.message or 'protobuf'} messages"
    elif form is Form.RAW:
        said = f"the bytes of {want.message} numbers"
    elif form is Form.COMPRESSED:
        said = f"bytes compressed with {want.message or 'nothing'}"
    elif form is Form.JSON:
        said = "tf.Example messages as JSON"
    elif form is Form.FILE:
        said = "names of files that exist in every environment"
    elif form in {Form.JPEG, Form.PNG, Form.BMP, Form.GIF, Form.WAV}:
        said = f"the bytes of {form} files"
    elif form is Form.NUMBER:
        said = "numbers as text"
    elif form is Form.CSV:
        said = f"CSV rows of {want.message}"
    return f"{said}, in web-safe base64" if want.base64 else said


def _feature_said(feature: Feature) -> str:
    name = feature.key.decode("utf-8", "replace")
    sizes = ",".join("?" if size is None else str(size) for size in feature.shape)
    shape = f"[{sizes}]" if feature.layout is Layout.FIXED else "[any number]"
    optional = " (may be left out)" if feature.optional and feature.layout is Layout.FIXED else ""
    return f"{name}: {feature.dtype}{shape}{' in each step' if feature.in_list else ''}{optional}"


def _examples(want: Want, key: Key, count: int, floats: tuple[float, float] | None) -> Iterator[bytes]:
    columns = [(each, _column(each, key, count, floats)) for each in want.features]
    for row in range(count):
        context, lists = (
            {
                each.key: (each.dtype, values[row] if each.in_list else values[row, 0])
                for each, values in columns
                if each.in_list == in_list
            }
            for in_list in (False, True)
        )
        yield encode_example(context) if want.form is Form.EXAMPLE else encode_sequence(context, lists)


def _column(feature: Feature, key: Key, count: int, floats: tuple[float, float] | None) -> NDArray[Any]:
    """Return the values of a feature for every example and step, one row each."""
    name = feature.key.decode("utf-8", "backslashreplace")
    if feature.dtype not in LISTS:
        raise InputsError(f"feature {name!r} of its tf.Example is {feature.dtype}, which none can hold")
    if feature.layout is Layout.FIXED:
        each = math.prod(_VALUES if size is None else size for size in feature.shape)
    else:
        each = 1
    own = (*key, "steps" if feature.in_list else "feature", name)
    shape = (count, _STEPS if feature.in_list else 1, each)
    size = math.prod(shape)
    if feature.dtype == STRING:
        texts = wanted_strings(feature.want, own, size)
        made = texts if texts is not None else Stream(*own).words(size)
        return string_array(made, shape)
    whole = feature.dtype == "int64"
    numbers = wanted_numbers(feature.want, own, shape, whole=whole)
    if numbers is None:
        stream = Stream(*own)
        if whole:
            numbers = stream.integers(size, 0, _SMALL)
        else:
            numbers = stream.normal(size) if floats is None else stream.uniform(size, *floats)
    return numbers.astype(np.int64 if whole else np.float32).reshape(shape)


def _rows(want: Want, key: Key, count: int) -> Iterator[bytes]:
    types = want.message.split(",")
    drawn = Stream(*key).integers(count * len(types), 0, _SMALL).reshape(count, len(types))
    for row in drawn.tolist():
        yield ",".join(
            f"w{each}" if kind == STRING else str(each) for each, kind in zip(row, types, strict=True)
        ).encode()


def _texts(want: Want, key: Key, count: int) -> Iterator[bytes] | None:
    if not want.words and not want.separator and not want.pattern:
        return None
    each = _WORDS if want.separator else 1
    if want.words:
        picks = Stream(*key).integers(count * each, 0, len(want.words) - 1)
        words = [want.words[pick] for pick in picks.tolist()]
    else:
        plain = Stream(*key).words(count * each)
        words = [_matching(want, (*key, "pattern", at)) or word for at, word in enumerate(plain)]
    return (want.separator.join(words[at : at + each]) for at in range(0, len(words), each))


def _matching(want: Want, key: Key) -> bytes | None:
    return matching(want.pattern, Stream(*key)) if want.pattern else None
