"""Inputs made from a signature and a seed: the same bits on every machine (see ``stream``).

No input's values depend on which other inputs there are. Values are what the graph wants of them, as far as
its files say: indices within a table, serialized ``tf.Example`` messages (see ``wanted``). Otherwise floats
come from a standard normal distribution, ``uint8`` values from 0 to 255 (images), and other integers from 0
to 9 (few models have a table with fewer rows). Strings are words of 3 to 8 lower-case letters.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.stream import Stream
from savedmodel_matrix.models.inputs.values import (
    Value,
    Values,
    element_type,
    fits,
    listing,
    string_array,
    suggestion,
)
from savedmodel_matrix.models.inputs.wanted import has_free_floats, wanted_numbers, wanted_strings
from savedmodel_matrix.models.savedmodel.reader import Kind, TensorSpec
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from savedmodel_matrix.domain.input_sources import GenerateSpec
    from savedmodel_matrix.models.savedmodel.reader import Signature
    from savedmodel_matrix.models.savedmodel.sparse_inputs import Together

_LARGEST = 1 << 29  # elements of one input; a larger size is a mistake
_SPARSE_PER_ROW = 4
_LONGEST_ROW = 4  # of a ragged input
_SMALL = (0, 9)


def generate(
    signature: Signature,
    spec: GenerateSpec,
    wants: Mapping[str, Want] | None = None,
    together: Iterable[Together] = (),
    same: Mapping[str, str] | None = None,
) -> Iterator[Values]:
    """Yield ``spec.count`` batches for the signature.

    ``wants`` are what the graph wants of the inputs' values, by name. A range or a vocabulary in the
    specification is preferred to them. ``together`` are dense inputs that are the components of one sparse or
    ragged tensor: they fit each other. ``same`` names, by an input, the one whose values it has, too.

    Dense inputs get one value; sparse ones ``indices``, ``values`` and ``dense_shape`` (up to four values
    a row, in canonical order); ragged ones ``flat_values`` and ``row_splits_N`` (rows of up to four).
    ``ranges`` are inclusive for integers, and exclude the higher bound for floats. Raises ``InputsError``,
    which names the input and the key to set, if a size is unknown and not given, or a key does not fit.
    """
    _check(signature, spec)
    given, names = signature.inputs, dict[tuple[str, str | None], str]()
    for each in together:
        signature, parts = _joined(signature, each)
        names |= parts
    shapes = {name: _shape(name, declared, spec) for name, declared in signature.inputs.items()}
    for batch in range(spec.count):
        values: Values = []
        for name, declared in signature.inputs.items():
            want = (wants or {}).get(name, Want())
            drawn_as = (same or {}).get(name, name)
            values += _Input(name, declared, spec, batch, want, drawn_as).made(shapes[name])
        yield [
            each
            if (own := names.get((each.name, each.component))) is None
            else _alone(each, own, given[own].dtype)
            for each in values
        ]


def _joined(signature: Signature, together: Together) -> tuple[Signature, dict[tuple[str, str | None], str]]:
    """Return the signature with one input for those that are one tensor, and their names by its components.

    It has the name of the input that holds the values.
    """
    parts, inputs = together.parts, dict(signature.inputs)
    ragged = together.kind is Kind.RAGGED
    name = parts["flat_values" if ragged else "values"]
    splits = {inputs.pop(each).dtype for component, each in parts.items() if each != name and ragged}
    inputs = {each: spec for each, spec in inputs.items() if each == name or each not in parts.values()}
    inputs[name] = TensorSpec(
        dtype=inputs[name].dtype,
        shape=together.shape,
        kind=together.kind,
        ragged_rank=len(parts) - 1 if ragged else 0,
        row_splits_dtype=splits.pop() if splits else None,
    )
    return replace(signature, inputs=inputs), {(name, key): each for key, each in parts.items()}


def _alone(value: Value, name: str, dtype: str) -> Value:
    """Return a component as the dense input that it is in the signature."""
    array = value.array if dtype == STRING else value.array.astype(element_type(dtype))
    return Value(name, None, dtype, array)


def _check(signature: Signature, spec: GenerateSpec) -> None:
    known = signature.inputs
    for key in ("dims", "shapes", "ranges", "vocabulary"):
        for name in getattr(spec, key):
            if name not in known:
                raise InputsError(
                    f"generate.{key}: no input {name!r}{suggestion(name, known)}; there are {listing(known)}"
                )
    for key, other in (("ranges", "vocabulary"), ("dims", "shapes")):
        for name in getattr(spec, key).keys() & getattr(spec, other).keys():
            raise InputsError(f"generate: input {name!r} is in both {key} and {other}; keep one")


def _shape(name: str, declared: TensorSpec, spec: GenerateSpec) -> tuple[int, ...]:
    if name in spec.shapes:
        return tuple(spec.shapes[name])
    if declared.shape is None:
        raise InputsError(
            f"generate: input {name!r} is {declared}; set its shape with shapes = {{ {_key(name)} = [...] }}"
        )
    # A ragged dimension has no size to set: its rows differ in length.
    ragged = range(1, declared.ragged_rank + 1)
    unknown = [axis for axis, size in enumerate(declared.shape) if size is None and axis not in ragged]
    if name in spec.dims:
        if len(spec.dims[name]) != len(unknown):
            raise InputsError(
                f"generate.dims: input {name!r} is {declared}: {len(unknown)} unknown dimensions,"
                f" but {len(spec.dims[name])} sizes"
            )
        sizes = dict(zip(unknown, spec.dims[name], strict=True))
    elif spec.length is None and any(axis > 0 for axis in unknown):
        blanks = ", ".join("..." for _ in unknown)
        raise InputsError(
            f"generate: input {name!r} is {declared}; set the sizes of its unknown dimensions with"
            f" dims = {{ {_key(name)} = [{blanks}] }}, or all but first dimensions with length = N"
        )
    else:
        sizes = {axis: spec.batch if axis == 0 else spec.length or 0 for axis in unknown}
    return tuple(sizes.get(axis, 0) if size is None else size for axis, size in enumerate(declared.shape))


class _Input:
    """Generates one input of one batch."""

    def __init__(
        self, name: str, declared: TensorSpec, spec: GenerateSpec, batch: int, want: Want, drawn_as: str
    ) -> None:
        self._name = name
        self._declared = declared
        self._range = spec.ranges.get(name)
        self._vocabulary = spec.vocabulary.get(name)
        self._key = (spec.seed, batch, drawn_as)
        self._want = want

    def made(self, shape: tuple[int, ...]) -> Values:
        kind, dtype = self._declared.kind, self._declared.dtype
        if kind is Kind.DENSE:
            return [Value(self._name, None, dtype, self._values(shape))]
        if kind is Kind.SPARSE:
            return self._sparse(shape)
        if kind is Kind.RAGGED:
            return self._ragged(shape)
        raise InputsError(f"generate: input {self._name!r} is {self._declared}, which cannot be generated")

    def _sparse(self, shape: tuple[int, ...]) -> Values:
        cells = math.prod(shape)
        if cells >= 1 << 63 or not shape:
            raise InputsError(f"generate: input {self._name!r} cannot be sparse with shape {list(shape)}")
        wanted = min(cells, _SPARSE_PER_ROW * shape[0])
        self._bounded((wanted,))
        drawn = Stream(*self._key, "indices").integers(wanted, 0, max(cells - 1, 0))
        flat = np.unique(drawn)  # sorted: the canonical order of a SparseTensor
        indices = np.stack(np.unravel_index(flat, shape), axis=1) if cells else np.zeros((0, len(shape)))
        return [
            Value(self._name, "indices", "int64", indices.astype(np.int64)),
            Value(self._name, "values", self._declared.dtype, self._values((len(flat),))),
            Value(self._name, "dense_shape", "int64", np.array(shape, dtype=np.int64)),
        ]

    def _ragged(self, shape: tuple[int, ...]) -> Values:
        rank = self._declared.ragged_rank
        if len(shape) <= rank:
            raise InputsError(f"generate: input {self._name!r} needs more than {rank} dimensions")
        splits_dtype = self._declared.row_splits_dtype or "int64"
        values: Values = []
        rows = shape[0]
        for level in range(rank):
            self._bounded((rows,))
            lengths = Stream(*self._key, f"row_splits_{level}").integers(rows, 0, _LONGEST_ROW)
            splits = np.concatenate([[0], np.cumsum(lengths)]).astype(element_type(splits_dtype))
            values.append(Value(self._name, f"row_splits_{level}", splits_dtype, splits))
            rows = int(splits[-1])
        flat = self._values((rows, *shape[rank + 1 :]))
        return [Value(self._name, "flat_values", self._declared.dtype, flat), *values]

    def _values(self, shape: tuple[int, ...]) -> NDArray[Any]:
        self._bounded(shape)
        size = math.prod(shape)
        stream = Stream(*self._key, "values")
        if self._declared.dtype == STRING:
            return string_array(self._strings(stream, size), shape)
        target = element_type(self._declared.dtype)
        wanted = self._wanted(shape, target)
        if wanted is not None:
            made = wanted
        elif self._vocabulary is not None:
            made = self._chosen(stream, size, target)
        elif target.kind == "b" or _is_integer(target):
            made = self._integers(stream, size, target)
        elif target.kind == "c":
            part = "<f4" if target.itemsize == 8 else "<f8"
            made = self._floats(stream, 2 * size).astype(part).view(target)
        else:
            made = self._floats(stream, size).astype(target)
        return made.reshape(shape)

    def _wanted(self, shape: tuple[int, ...], target: np.dtype[Any]) -> NDArray[Any] | None:
        """Return values that the graph wants, unless the definition says which to make."""
        if self._vocabulary is not None or self._range is not None or target.kind in "bc":
            return None
        whole = _is_integer(target)
        made = wanted_numbers(self._want, (*self._key, "values"), shape, whole=whole)
        if made is None or not whole:
            return None if made is None else made.astype(target)
        # An input of few bits cannot index all of a large table.
        clipped: NDArray[Any] = np.clip(made, *_limits(target)).astype(target)
        return clipped

    def _strings(self, stream: Stream, size: int) -> Iterator[bytes]:
        if self._range is not None and not has_free_floats(self._want):
            raise InputsError(
                f"generate.ranges: input {self._name!r} holds strings; set a vocabulary instead"
            )
        if self._vocabulary is None:
            try:
                wanted = wanted_strings(self._want, (*self._key, "values"), size, self._bounds())
            except InputsError as error:
                raise InputsError(f"generate: input {self._name!r}: {error}") from error
            return stream.words(size) if wanted is None else wanted
        if not all(isinstance(word, str) for word in self._vocabulary):
            raise InputsError(
                f"generate.vocabulary: input {self._name!r} holds strings; the vocabulary has other values"
            )
        words = [str(word).encode("utf-8") for word in self._vocabulary]
        return (words[pick] for pick in stream.integers(size, 0, len(words) - 1).tolist())

    def _chosen(self, stream: Stream, size: int, target: np.dtype[Any]) -> NDArray[Any]:
        vocabulary = self._vocabulary or []
        for value in vocabulary:
            if isinstance(value, str) or (isinstance(value, bool) != (target.kind == "b")):
                raise InputsError(
                    f"generate.vocabulary: input {self._name!r} is {self._declared.dtype}: {value!r}"
                )
            if _is_integer(target):
                self._whole("vocabulary", (value, value), target)
        return np.array(vocabulary, dtype=target)[stream.integers(size, 0, len(vocabulary) - 1)]

    def _integers(self, stream: Stream, size: int, target: np.dtype[Any]) -> NDArray[Any]:
        low, high = _limits(target)
        if self._range is not None:
            low, high = self._whole("ranges", self._range, target)
        elif target != np.uint8:
            low, high = max(low, _SMALL[0]), min(high, _SMALL[1])
        return stream.integers(size, low, high).astype(target)

    def _floats(self, stream: Stream, size: int) -> NDArray[np.float64]:
        bounds = self._bounds()
        return stream.normal(size) if bounds is None else stream.uniform(size, *bounds)

    def _bounds(self) -> tuple[float, float] | None:
        if self._range is not None and self._range[0] > self._range[1]:
            low, high = self._range
            raise InputsError(f"generate.ranges: input {self._name!r}: {low} is more than {high}")
        return self._range

    def _whole(self, key: str, bounds: tuple[float, float], target: np.dtype[Any]) -> tuple[int, int]:
        low, high = bounds
        lowest, highest = _limits(target)
        if not lowest <= low <= high <= highest or low != int(low) or high != int(high):
            raise InputsError(
                f"generate.{key}: {low} .. {high} does not fit input {self._name!r}:"
                f" {self._declared.dtype} takes whole numbers from {lowest} to {highest}, in ascending order"
            )
        return int(low), int(high)

    def _bounded(self, shape: tuple[int, ...]) -> None:
        if not fits(shape, _LARGEST):
            raise InputsError(
                f"generate: input {self._name!r} would have shape {list(shape)}; set smaller sizes"
            )


def _is_integer(target: np.dtype[Any]) -> bool:
    return target.kind in "iu" or "int" in target.name  # ml_dtypes' int4 has no kind that NumPy knows


def _limits(target: np.dtype[Any]) -> tuple[int, int]:
    if target.kind == "b":
        return 0, 1
    info = ml_dtypes.iinfo(target)
    return int(info.min), int(info.max)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name)
