"""The structures in which TensorFlow 2 keeps what a function takes and returns.

Sources: tensorflow/core/protobuf/{struct,saved_object_graph}.proto,
tensorflow/python/saved_model/{nested_structure_coder,function_deserialization}.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.call import Argument, ArgumentKind
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Kind, TensorSpec, dtype_name, shape_of
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Nested structures in an argument; real models have fewer.
_DEEPEST = 30
_LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Parameters:
    """What a FunctionSpec says of a function's parameters.

    ``names`` are those by position, of which the last ``optional`` have a default value; ``rest`` is the
    name of what follows them. ``defaults`` are the default values that are Python values, and ``wanted``
    the declared input signature.
    """

    names: tuple[str, ...] = ()
    optional: int = 0
    rest: str = "args"
    defaults: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    wanted: tuple[pb.StructuredValue, ...] = ()

    def first(self, count: int) -> list[str]:
        """Return the names of the first parameters; those behind the named ones are numbered."""
        more = (f"{self.rest}/{number}" for number in range(count))
        return [*self.names[:count], *islice(more, max(0, count - len(self.names)))]


def read_parameters(walk: Walk, view: memoryview | None) -> Parameters:
    """Return the contents of a FunctionSpec, which are unknown if there is none."""
    if view is None:
        return Parameters()
    message = walk.parse(pb.FunctionSpec, view)
    full = {each.key: each.value for each in message.fullargspec.named_tuple_value.values}
    nothing = pb.StructuredValue()
    names = [each.string_value for each in full.get("args", nothing).list_value.values]
    given = full.get("defaults", nothing)
    defaults = [*given.tuple_value.values, *given.list_value.values]  # a list is seen up to 2.7
    pairs = [
        *(zip(names[len(names) - len(defaults) :], defaults, strict=False) if defaults else ()),
        *sorted(full.get("kwonlydefaults", nothing).dict_value.fields.items()),
    ]
    values = {name: _plain(each) for name, each in pairs}
    # A method's own object is no argument of a call.
    method = message.is_method or names[:1] == ["self"]
    return Parameters(
        names=tuple(names[1:] if method else names),
        optional=len(defaults),
        rest=full.get("varargs", nothing).string_value or "args",
        defaults={name: found.value for name, found in values.items() if found.kind is ArgumentKind.VALUE},
        wanted=tuple(message.input_signature.tuple_value.values),
    )


class StructureReader:
    """Reads the structure of arguments or results, and collects the tensors in it by their paths.

    ``names`` are the names that the tensors have themselves, but for sparse and ragged ones, which have none.
    """

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.tensors: dict[str, TensorSpec] = {}
        self.names: dict[str, str] = {}

    def argument(
        self, value: pb.StructuredValue, path: tuple[str, ...], wanted: pb.StructuredValue | None = None
    ) -> Argument:
        """Return an argument; ``wanted`` is the same part of the function's declared input signature.

        Raises DamagedError if it is nested without end.
        """
        self._walk.spend(1)
        if len(path) > _DEEPEST:
            raise DamagedError("endlessly nested arguments")
        kind = value.WhichOneof("kind")
        if (spec := _tensor_spec(value)) is not None:
            declared = None if wanted is None else _tensor_spec(wanted)
            unique = self._unique("/".join(path))
            self.tensors[unique] = _narrowed(spec, declared)
            if kind in _SPECS:
                self.names[unique] = getattr(value, kind).name
            return Argument(kind=ArgumentKind.INPUT, value=unique)
        if kind in {"list_value", "tuple_value"}:
            items = list(getattr(value, kind).values)
            named = [(str(number), each) for number, each in enumerate(items)]
            keys: tuple[str, ...] = ()
        elif kind == "dict_value":
            named = sorted(value.dict_value.fields.items())
            keys = tuple(key for key, _ in named)
        elif kind == "named_tuple_value":
            named = [(each.key, each.value) for each in value.named_tuple_value.values]
            keys = tuple(key for key, _ in named)
        else:
            return _plain(value)
        return Argument(
            kind=_STRUCTURES[kind],
            value=value.named_tuple_value.name if kind == "named_tuple_value" else None,
            keys=keys,
            items=tuple(self.argument(each, (*path, key)) for key, each in named),
        )

    def _unique(self, path: str) -> str:
        unique = path
        count = 1
        while unique in self.tensors:  # a key may look like another argument's path
            count += 1
            unique = f"{path} ({count})"
        return unique


_STRUCTURES = {
    "list_value": ArgumentKind.LIST,
    "tuple_value": ArgumentKind.TUPLE,
    "dict_value": ArgumentKind.DICT,
    "named_tuple_value": ArgumentKind.NAMED_TUPLE,
}
_SPECS = {"tensor_spec_value", "bounded_tensor_spec_value"}
_COMPOSITES = {
    pb.TypeSpecProto.SPARSE_TENSOR_SPEC: Kind.SPARSE,
    pb.TypeSpecProto.RAGGED_TENSOR_SPEC: Kind.RAGGED,
}


def _plain(value: pb.StructuredValue) -> Argument:
    """Return a Python value; anything but None, booleans, finite numbers, strings and types is OTHER."""
    kind = value.WhichOneof("kind")
    if kind == "none_value":
        return Argument(kind=ArgumentKind.VALUE, value=None)
    if kind in {"bool_value", "int64_value", "string_value"}:
        held = getattr(value, kind)
        if not isinstance(held, str) or len(held) <= _LONGEST_TEXT:
            return Argument(kind=ArgumentKind.VALUE, value=held)
    if kind == "float64_value" and math.isfinite(value.float64_value):
        return Argument(kind=ArgumentKind.VALUE, value=value.float64_value)
    if kind == "tensor_dtype_value":
        return Argument(kind=ArgumentKind.DTYPE, value=dtype_name(value.tensor_dtype_value))
    return Argument(kind=ArgumentKind.OTHER, value=f"a {(kind or 'unknown_value').removesuffix('_value')}")


def _tensor_spec(value: pb.StructuredValue) -> TensorSpec | None:
    """Return the spec of a tensor or composite tensor; None for anything else."""
    kind = value.WhichOneof("kind")
    if kind in _SPECS:
        spec = getattr(value, kind)
        return TensorSpec(dtype_name(spec.dtype), shape_of(spec.shape))
    if kind != "type_spec_value":
        return None
    composite = _COMPOSITES.get(value.type_spec_value.type_spec_class)
    # A sparse tensor's state is its shape and type; a ragged one's also has its ragged rank and the type
    # of its row splits (sparse_tensor.py, ragged_tensor.py).
    state = list(value.type_spec_value.type_state.tuple_value.values)
    stated = 2 if composite is Kind.SPARSE else 4
    if composite is None or len(state) < stated:
        return TensorSpec("invalid", None, Kind.OTHER)
    dtype = dtype_name(state[1].tensor_dtype_value)
    known = state[0].WhichOneof("kind") == "tensor_shape_value"
    shape = shape_of(state[0].tensor_shape_value) if known else None
    if composite is Kind.SPARSE:
        return TensorSpec(dtype, shape, Kind.SPARSE)
    rank = state[2].int64_value
    if not rank:
        return TensorSpec(dtype, shape)
    if not 0 < rank <= _DEEPEST:
        raise DamagedError(f"a ragged rank of {rank}")
    splits = dtype_name(state[3].tensor_dtype_value)
    return TensorSpec(dtype, shape, Kind.RAGGED, ragged_rank=rank, row_splits_dtype=splits)


def _narrowed(spec: TensorSpec, declared: TensorSpec | None) -> TensorSpec:
    """Return the spec with the sizes that only the declared input signature has (a sparse tensor's)."""
    if declared is None or declared.shape is None or declared.kind is not spec.kind:
        return spec
    if spec.shape is None:
        return replace(spec, shape=declared.shape)
    if len(spec.shape) != len(declared.shape):
        return spec
    sizes = zip(spec.shape, declared.shape, strict=True)
    return replace(spec, shape=tuple(other if size is None else size for size, other in sizes))
