"""The functions of a model's root object: what a loader can call by attribute, and what they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.wire import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from savedmodel_matrix.models.savedmodel.reader import Signature
    from savedmodel_matrix.models.savedmodel.wire import Walk

_GRAPH = pb.WholeMetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_FUNCTIONS = (_GRAPH, pb.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER)
_INPUTS = pb.SavedConcreteFunction.CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER
_OUTPUTS = pb.SavedConcreteFunction.OUTPUT_SIGNATURE_FIELD_NUMBER
_TUPLE, _LIST, _DICT = (
    pb.StructuredValue.TUPLE_VALUE_FIELD_NUMBER,
    pb.StructuredValue.LIST_VALUE_FIELD_NUMBER,
    pb.StructuredValue.DICT_VALUE_FIELD_NUMBER,
)
_TENSORS = (
    pb.StructuredValue.TENSOR_SPEC_VALUE_FIELD_NUMBER,
    pb.StructuredValue.BOUNDED_TENSOR_SPEC_VALUE_FIELD_NUMBER,
)
_NAME = 1  # of a tensor spec
_KEY, _VALUE = 1, 2  # of a dict's entry
_CALL = "__call__"
_MOST_ENDPOINTS = 64
_MOST_TRACES = 16
_DEEPEST = 20


@dataclass(frozen=True)
class Trace:
    """One call with which a function was traced."""

    first: tuple[str, ...] | None
    """The names of the tensors in its first argument, of any structure; None if not all are there."""
    others: int
    """Arguments after the first."""
    outputs: tuple[str, ...] | None
    """The names of its outputs; None if they are no dict of tensors."""
    output_count: int
    """The tensors that it returns."""


@dataclass(frozen=True)
class Endpoint:
    """A function that is an attribute of the root object."""

    name: str
    arguments: tuple[str, ...]
    """The names of its arguments; none if they are not recorded."""
    defaults: int
    """How many of them, from the last, have a default value."""
    traces: tuple[Trace, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments after the first without a default."""
        return self.arguments[1 : len(self.arguments) - self.defaults]

    def takes_at_once(self, signature: Signature) -> bool:
        """Whether its first argument holds a signature's inputs, and its outputs are the signature's."""
        return any(
            trace.first is not None
            and trace.others <= self.defaults
            and set(trace.first) == set(signature.inputs)
            and (
                trace.output_count == len(signature.outputs) == 1
                or set(trace.outputs or ()) == set(signature.outputs)
            )
            for trace in self.traces
        )


def at_once(endpoints: Iterable[Endpoint], signature: Signature) -> str | None:
    """Return the function that takes a signature's inputs in one argument; None if there is none.

    A private one, such as Keras 2's ``_default_save_signature``, comes last.
    """
    found = [each.name for each in endpoints if each.name.isidentifier() and each.takes_at_once(signature)]
    return min(
        found, key=lambda name: (name.startswith("_") and name != _CALL, name != _CALL, name), default=None
    )


def read_endpoints(walk: Walk, meta_graph: memoryview) -> tuple[Endpoint, ...]:
    """Return the functions of the root object, by name; none for a graph of TensorFlow 1."""
    nodes = walk.inside(meta_graph, _GRAPH, pb.SavedObjectGraph.NODES_FIELD_NUMBER)
    root = next(nodes, None)
    if root is None:
        return ()
    named: dict[int, str] = {}
    for child in walk.inside(root, pb.SavedObject.CHILDREN_FIELD_NUMBER):
        reference = walk.parse(pb.ObjectReference, child)
        named.setdefault(reference.node_id, reference.local_name)
    found: dict[str, _Function] = {}
    for number, node in enumerate(nodes, 1):
        if number in named and len(found) < _MOST_ENDPOINTS and (function := _function(walk, node)):
            found[named[number]] = function
    wanted = {name for function in found.values() for name in function.traced}
    traces = {
        name: _trace(walk, function)
        for name, function in walk.entries(meta_graph, *_FUNCTIONS)
        if name in wanted
    }
    return tuple(
        Endpoint(
            name,
            function.arguments,
            function.defaults,
            tuple(traces[each] for each in function.traced if each in traces),
        )
        for name, function in sorted(found.items())
    )


class _Function(NamedTuple):
    arguments: tuple[str, ...]
    defaults: int
    traced: tuple[str, ...]


def _function(walk: Walk, node: memoryview) -> _Function | None:
    """Return a function and the names of its concrete functions; None if the object is no function."""
    for content in walk.inside(node, pb.SavedObject.FUNCTION_FIELD_NUMBER):
        function = walk.parse(pb.SavedFunction, content)
        known = {pair.key: pair.value for pair in function.function_spec.fullargspec.named_tuple_value.values}
        nothing = pb.StructuredValue()
        names = [each.string_value for each in known.get("args", nothing).list_value.values]
        given = known.get("defaults", nothing)
        return _Function(
            tuple(names[1:] if names[:1] == ["self"] else names),
            len(given.tuple_value.values) + len(given.list_value.values),
            tuple(function.concrete_functions[:_MOST_TRACES]),
        )
    for content in walk.inside(node, pb.SavedObject.BARE_CONCRETE_FUNCTION_FIELD_NUMBER):
        bare = walk.parse(pb.SavedBareConcreteFunction, content)
        return _Function((), 0, (bare.concrete_function_name,))
    return None


def _trace(walk: Walk, function: memoryview) -> Trace:
    # A tuple of the positional arguments, and a dict of those by keyword.
    positional = list(
        walk.inside(next(walk.inside(function, _INPUTS, _TUPLE, 1), memoryview(b"")), _TUPLE, 1)
    )
    first = [list(_tensors(walk, each)) for each in positional]
    alone = bool(first) and bool(first[0]) and not any(first[1:])
    outputs = next(walk.inside(function, _OUTPUTS), memoryview(b""))
    names = tuple(
        text(next(walk.inside(entry, _KEY), memoryview(b""))) for entry in walk.inside(outputs, _DICT, 1)
    )
    count = len(list(_tensors(walk, outputs)))
    return Trace(
        first=tuple(first[0]) if alone else None,
        others=max(0, len(positional) - 1),
        outputs=names if len(names) == count else None,
        output_count=count,
    )


def _tensors(walk: Walk, value: memoryview, depth: int = 0) -> Iterator[str]:
    """Yield the name of every tensor in a structured value."""
    for number, inner, _ in walk.fields(value):
        if not isinstance(inner, memoryview) or depth > _DEEPEST:
            continue
        if number in _TENSORS:
            yield text(next(walk.inside(inner, _NAME), memoryview(b"")))
        elif number in (_TUPLE, _LIST):
            for each in walk.inside(inner, 1):
                yield from _tensors(walk, each, depth + 1)
        elif number == _DICT:
            for each in walk.inside(inner, 1, _VALUE):
                yield from _tensors(walk, each, depth + 1)
