"""The functions that a SavedModel can be asked to run besides its signatures, and the calls they know.

TensorFlow 2 saves every traced call of a function as a concrete function with the structure of its
arguments: tensors, composite tensors and Python values. A restored function accepts these calls and no
others. Sources: tensorflow/core/protobuf/{saved_object_graph,struct}.proto,
tensorflow/python/saved_model/{function_serialization,nested_structure_coder,signature_serialization}.py.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.call import Argument, ArgumentKind, Call
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec, dtype_name, shape_of
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GRAPH = pb.WholeMetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_NODES = (_GRAPH, pb.SavedObjectGraph.NODES_FIELD_NUMBER)
_CONCRETE = (_GRAPH, pb.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER)
_LIBRARY = (
    pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER,
    pb.WholeGraphDef.LIBRARY_FIELD_NUMBER,
    pb.FunctionDefLibrary.FUNCTION_FIELD_NUMBER,
)
_NAME = (pb.FunctionDef.SIGNATURE_FIELD_NUMBER, pb.OpDef.NAME_FIELD_NUMBER)
#: Children that hold the signatures, and Keras's copies of what the object itself has.
_SIGNATURES, _KERAS = "signatures", "keras_api"
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
#: Functions of a model, calls of a function, and nested structures in an argument; real models have fewer.
_MOST_FUNCTIONS = 1000
_MOST_CALLS = 100
_DEEPEST = 30
_LONGEST_TEXT = 1000

#: Stands for the method of a function's signature, which has none.
FUNCTION = "function"

_Children = list[tuple[str, int]]


@dataclass(frozen=True)
class Trace:
    """One call that a function knows, and the tensors that it takes, by the input's name.

    An input is named after the parameter that it belongs to, and inside a structure by its path:
    ``features/x`` for a dict, ``pair/0`` for a list or tuple, ``pair/left`` for a named tuple.
    ``concrete`` is the name of the graph function that the call runs.
    """

    call: Call
    inputs: Mapping[str, TensorSpec]
    defaults: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    """The default values of the function's parameters, as far as they are Python values."""
    concrete: str = ""

    def __str__(self) -> str:
        """Return the call in readable form: ``(x=float32[1,2], training=False)``."""
        return self.call.shown({name: str(spec) for name, spec in self.inputs.items()})

    @property
    def signature(self) -> Signature:
        """The inputs of the call as a signature, from which inputs are made."""
        return Signature(method=FUNCTION, inputs=self.inputs, outputs={})


@dataclass(frozen=True)
class Function:
    """A function by the path of its attribute, such as ``encoder.embed``, with its calls in file order."""

    name: str
    traces: tuple[Trace, ...]

    def for_values(self, values: Mapping[str, bool | int | float | str]) -> list[Trace]:
        """Return the calls with these Python values, those with the parameters' defaults first.

        Without such a call, all calls with the given values in the place of theirs: TensorFlow may accept
        one of them, and says what it was given if it does not.
        """
        possible = [each for each in self.traces if each.call.is_possible]
        fitting = [each for each in possible if _has(each.call.values(), values)]
        if not fitting:
            fitting = [replace(each, call=each.call.given(dict(values))) for each in possible]
        return sorted(fitting, key=lambda each: _others(each, values))


@dataclass(frozen=True)
class FunctionFacts:
    """A model's functions, and the sparse and ragged inputs of its signatures.

    ``composites`` are, by signature and by the name of the first of the arguments that one input is taken
    apart into, the input itself.
    """

    functions: tuple[Function, ...] = ()
    composites: Mapping[str, Mapping[str, TensorSpec]] = field(default_factory=dict)

    def put_together(self, name: str, signature: Signature) -> Signature:
        """Return the signature with each sparse or ragged input in the place of its tensors."""
        found = self.composites.get(name, {})
        parts = {part for spec in found.values() for part in spec.parts}
        inputs = {each: spec for each, spec in signature.inputs.items() if each not in parts}
        return replace(signature, inputs=dict(sorted({**inputs, **found}.items())))


def read_functions(walk: Walk, meta_graph: memoryview) -> FunctionFacts:
    """Return the facts about functions in the bytes of a MetaGraphDef; none without an object graph."""
    found = _Objects()
    for number, node in enumerate(walk.inside(meta_graph, *_NODES)):
        found.add(walk, number, node)
    if not found.children:
        return FunctionFacts()
    concrete = dict(walk.entries(meta_graph, *_CONCRETE))
    functions = tuple(
        Function(name, tuple(_traces(walk, islice(names, _MOST_CALLS), concrete, found)))
        for name, names in islice(found.functions(), _MOST_FUNCTIONS)
    )
    return FunctionFacts(functions, dict(_composites(walk, meta_graph, concrete, found)))


class _Objects:
    """The objects of a model: their children, and those that are functions."""

    def __init__(self) -> None:
        self.children: dict[int, _Children] = {}
        self.concrete: dict[int, tuple[str, ...]] = {}
        self.keywords: dict[str, tuple[str, ...]] = {}
        """Names of the arguments of a concrete function on its own, by its name."""
        self.specs: dict[str, memoryview] = {}
        """The FunctionSpec of each concrete function."""

    def add(self, walk: Walk, number: int, node: memoryview) -> None:
        self.children[number] = children = []
        for kind, value, _ in walk.fields(node):
            if not isinstance(value, memoryview):
                continue
            if kind == pb.SavedObject.CHILDREN_FIELD_NUMBER:
                child = walk.parse(pb.ObjectReference, value)
                children.append((child.local_name, child.node_id))
            elif kind == pb.SavedObject.FUNCTION_FIELD_NUMBER:
                names = map(text, walk.inside(value, pb.SavedFunction.CONCRETE_FUNCTIONS_FIELD_NUMBER))
                self.concrete[number] = tuple(names)
                for spec in walk.inside(value, pb.SavedFunction.FUNCTION_SPEC_FIELD_NUMBER):
                    self.specs.update(dict.fromkeys(self.concrete[number], spec))
            elif kind == pb.SavedObject.BARE_CONCRETE_FUNCTION_FIELD_NUMBER:
                self._add_bare(walk, number, value)

    def _add_bare(self, walk: Walk, number: int, bare: memoryview) -> None:
        message = pb.SavedBareConcreteFunction
        name = next(map(text, walk.inside(bare, message.CONCRETE_FUNCTION_NAME_FIELD_NUMBER)), "")
        self.concrete[number] = (name,)
        self.keywords[name] = tuple(map(text, walk.inside(bare, message.ARGUMENT_KEYWORDS_FIELD_NUMBER)))
        for spec in walk.inside(bare, message.FUNCTION_SPEC_FIELD_NUMBER):
            self.specs.setdefault(name, spec)

    def functions(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the path and the concrete functions of every function, the nearest to the root first."""
        seen, waiting = {0}, deque([(0, "")])
        while waiting:
            number, path = waiting.popleft()
            for name, child in self.children.get(number, ()):
                public = name == "__call__" or (name.isidentifier() and not name.startswith("_"))
                if child in seen or not public or name in {_SIGNATURES, _KERAS}:
                    continue
                seen.add(child)
                if child in self.concrete:
                    yield path + name, self.concrete[child]
                else:
                    waiting.append((child, f"{path}{name}."))

    def signatures(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the concrete function of every signature."""
        for name, number in self.children.get(0, ()):
            if name == _SIGNATURES:
                for each, child in self.children.get(number, ()):
                    for concrete in self.concrete.get(child, ())[:1]:
                        yield each, concrete


def _traces(
    walk: Walk, names: Iterator[str], concrete: Mapping[str, memoryview], found: _Objects
) -> Iterator[Trace]:
    for name in names:
        if name in concrete:
            yield _trace(walk, name, concrete[name], found)


def _trace(walk: Walk, name: str, function: memoryview, found: _Objects) -> Trace:
    """Return the call that a concrete function stands for."""
    spec = _spec(walk, found.specs.get(name))
    canonical = pb.StructuredValue()
    number = pb.SavedConcreteFunction.CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER
    for each in walk.inside(function, number):
        canonical = walk.parse(pb.StructuredValue, each)
    parts = [*canonical.tuple_value.values, pb.StructuredValue(), pb.StructuredValue()]
    positional = list(parts[0].tuple_value.values)
    wanted = [*spec.wanted, *[None] * len(positional)]
    names = spec.parameters(len(positional))
    reader = _Reader(walk)
    arguments = [
        reader.argument(value, (each,), meant)
        for value, each, meant in zip(positional, names, wanted, strict=False)
    ]
    keywords = {
        key: reader.argument(value, (key,)) for key, value in sorted(parts[1].dict_value.fields.items())
    }
    call = Call(names=tuple(names), positional=tuple(arguments), keywords=keywords)
    return Trace(call, reader.inputs, spec.defaults, name)


@dataclass
class _Spec:
    """What a FunctionSpec says: parameters by position, the rest's name, defaults, an input signature."""

    names: list[str] = field(default_factory=list)
    rest: str = "args"
    defaults: dict[str, bool | int | float | str | None] = field(default_factory=dict)
    wanted: list[pb.StructuredValue] = field(default_factory=list)

    def parameters(self, count: int) -> list[str]:
        """Return the names of the first parameters; those behind the named ones are numbered."""
        more = (f"{self.rest}/{number}" for number in range(count))
        return [*self.names[:count], *islice(more, max(0, count - len(self.names)))]


def _spec(walk: Walk, view: memoryview | None) -> _Spec:
    if view is None:
        return _Spec()
    message = walk.parse(pb.FunctionSpec, view)
    full = {each.key: each.value for each in message.fullargspec.named_tuple_value.values}
    nothing = pb.StructuredValue()
    names = [each.string_value for each in full.get("args", nothing).list_value.values]
    defaults = list(full.get("defaults", nothing).tuple_value.values)
    pairs = [
        *(zip(names[len(names) - len(defaults) :], defaults, strict=False) if defaults else ()),
        *sorted(full.get("kwonlydefaults", nothing).dict_value.fields.items()),
    ]
    values = {name: _plain(each) for name, each in pairs}
    return _Spec(
        # A method's own object is no argument of a call.
        names=names[1:] if message.is_method else names,
        rest=full.get("varargs", nothing).string_value or "args",
        defaults={name: found.value for name, found in values.items() if found.kind is ArgumentKind.VALUE},
        wanted=list(message.input_signature.tuple_value.values),
    )


class _Reader:
    """Reads the structure of arguments, and collects the tensors in it."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.inputs: dict[str, TensorSpec] = {}

    def argument(
        self, value: pb.StructuredValue, path: tuple[str, ...], wanted: pb.StructuredValue | None = None
    ) -> Argument:
        """Return an argument; ``wanted`` is the same part of the function's declared input signature."""
        self._walk.spend(1)
        if len(path) > _DEEPEST:
            raise DamagedError("endlessly nested arguments")
        if (spec := _tensor_spec(value)) is not None:
            declared = None if wanted is None else _tensor_spec(wanted)
            return self._input(_narrowed(spec, declared), path)
        kind = value.WhichOneof("kind")
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

    def _input(self, spec: TensorSpec, path: tuple[str, ...]) -> Argument:
        name = unique = "/".join(path)
        count = 1
        while unique in self.inputs:  # a key may look like another argument's path
            count += 1
            unique = f"{name} ({count})"
        self.inputs[unique] = spec
        return Argument(kind=ArgumentKind.INPUT, value=unique)


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


def _has(held: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(name in held and _same(held[name], value) for name, value in wanted.items())


def _same(one: object, other: object) -> bool:
    # True == 1 in Python, but not to TensorFlow; a whole number in TOML may stand for a float.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _others(trace: Trace, values: Mapping[str, object]) -> int:
    """Return how many of a call's arguments are not their parameters' defaults, but for the given ones."""
    held = {name: each for name, each in trace.call.arguments() if name not in values}
    return sum(
        name in trace.defaults
        and not (each.kind is ArgumentKind.VALUE and _same(each.value, trace.defaults[name]))
        for name, each in held.items()
    )


def _composites(
    walk: Walk, meta_graph: memoryview, concrete: Mapping[str, memoryview], found: _Objects
) -> Iterator[tuple[str, dict[str, TensorSpec]]]:
    """Yield the sparse and ragged inputs of each signature that has some.

    A signature is a function of plain tensors that calls the model's own, whose arguments have structure.
    """
    wrappers = {name: signature for signature, name in found.signatures()}
    for view in walk.inside(meta_graph, *_LIBRARY) if wrappers else ():
        name = next(map(text, walk.inside(view, *_NAME)), "")
        if name not in wrappers:
            continue
        function = walk.parse(pb.FunctionDef, view)
        inputs = [each.name for each in function.signature.input_arg]
        named = dict(zip(inputs, found.keywords.get(name, ()), strict=False))
        for node in function.node_def:
            called = node.attr["f"].func.name if node.op in _CALLS and "f" in node.attr else ""
            if called in concrete:
                trace = _trace(walk, called, concrete[called], found)
                given = [named.get(each.partition(":")[0], "") for each in node.input]
                if composites := _taken_apart(trace, given):
                    yield wrappers[name], composites


def _taken_apart(trace: Trace, given: list[str]) -> dict[str, TensorSpec]:
    """Return the composite inputs of a call whose tensors are the signature's arguments ``given``."""
    composites: dict[str, TensorSpec] = {}
    at = 0
    for name in _in_order(trace.call):
        spec = trace.inputs[name]
        components = spec.components
        if not components:  # it is not known of how many tensors it consists
            break
        parts = tuple(given[at : at + len(components)])
        at += len(components)
        # TensorFlow's own names: x, x_1, x_2, ...
        numbered = tuple(f"{parts[0]}_{n}" if n else parts[0] for n in range(len(parts))) if parts else ()
        if spec.kind is not Kind.DENSE and all(parts) and parts == numbered and len(parts) == len(components):
            composites[parts[0]] = replace(spec, parts=parts)
    return composites


def _in_order(call: Call) -> Iterator[str]:
    """Yield the inputs in TensorFlow's order: positional ones first, dicts sorted."""
    tops = [*call.positional, *(each for _, each in sorted(call.keywords.items()))]
    for top in tops:
        for each in top.inside():
            if each.kind is ArgumentKind.INPUT:
                yield str(each.value)
