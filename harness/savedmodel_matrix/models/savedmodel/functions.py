"""The functions that a SavedModel can be asked to run besides its signatures, and the calls they know.

TensorFlow 2 saves every traced call of a function as a concrete function with the structure of its
arguments: tensors, composite tensors and Python values. A restored function accepts these calls and no
others. Sources: tensorflow/core/protobuf/saved_object_graph.proto,
tensorflow/python/saved_model/{function_serialization,signature_serialization}.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.call import Argument, ArgumentKind, Call
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec
from savedmodel_matrix.models.savedmodel.structured import Parameters, StructureReader, read_parameters
from savedmodel_matrix.models.savedmodel.wire import Walk, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GRAPH = pb.WholeMetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_NODES = (_GRAPH, pb.SavedObjectGraph.NODES_FIELD_NUMBER)
_CONCRETE = (_GRAPH, pb.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER)
_INPUTS = pb.SavedConcreteFunction.CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER
_OUTPUTS = pb.SavedConcreteFunction.OUTPUT_SIGNATURE_FIELD_NUMBER
_LIBRARY = (
    pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER,
    pb.WholeGraphDef.LIBRARY_FIELD_NUMBER,
    pb.FunctionDefLibrary.FUNCTION_FIELD_NUMBER,
)
_NAME = (pb.FunctionDef.SIGNATURE_FIELD_NUMBER, pb.OpDef.NAME_FIELD_NUMBER)
#: Children that hold the signatures, and Keras's copies of what the object itself has.
_SIGNATURES, _KERAS = "signatures", "keras_api"
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
#: Functions of a model, and calls of a function; real models have fewer.
_MOST_FUNCTIONS = 1000
_MOST_CALLS = 100

#: Stands for the method of a function's signature, which has none.
FUNCTION = "function"

_Children = list[tuple[str, int]]


@dataclass(frozen=True)
class Trace:
    """One call that a function knows, and the tensors that it takes, by the input's name.

    An input is named after the parameter that it belongs to, and inside a structure by its path:
    ``features/x`` for a dict, ``pair/0`` for a list or tuple, ``pair/left`` for a named tuple.
    ``concrete`` is the name of the graph function that the call runs. ``names`` are, by input, the names of
    the tensors themselves, but for sparse and ragged ones: those that the inputs of a signature go by.
    ``result`` is what the call returns, and ``outputs`` are the tensors in it, named like inputs.
    """

    call: Call
    inputs: Mapping[str, TensorSpec]
    names: Mapping[str, str]
    result: Argument
    outputs: Mapping[str, TensorSpec]
    defaults: Mapping[str, bool | int | float | str | None]
    """The default values of the function's parameters, as far as they are Python values."""
    concrete: str

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
    parameters: Parameters
    """Its parameters; unknown for a concrete function on its own, which takes what its one call does."""

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

    ``functions`` are those with public names all the way from the root object. ``of_root`` are those that are
    attributes of the root object, whatever their names, and sorted by them. ``composites`` are, by signature
    and by the name of the first of the arguments that one input is taken apart into, the input itself.
    """

    functions: tuple[Function, ...] = ()
    of_root: tuple[Function, ...] = ()
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
    functions = {
        number: _function(walk, name, number, concrete, found)
        for name, number in islice(found.functions(), _MOST_FUNCTIONS)
    }
    of_root = [
        replace(functions[number], name=name)
        if number in functions
        else _function(walk, name, number, concrete, found)
        for name, number in islice(found.of_root(), _MOST_FUNCTIONS)
    ]
    return FunctionFacts(
        functions=tuple(functions.values()),
        of_root=tuple(of_root),
        composites=dict(_composites(walk, meta_graph, concrete, found)),
    )


class _Objects:
    """The objects of a model: their children, and those that are functions."""

    def __init__(self) -> None:
        self.children: dict[int, _Children] = {}
        self.concrete: dict[int, tuple[str, ...]] = {}
        self.keywords: dict[str, tuple[str, ...]] = {}
        """Names of the arguments of a concrete function on its own, by its name."""
        self.specs: dict[str, memoryview] = {}
        """The FunctionSpec of each concrete function."""
        self.parameters: dict[int, memoryview] = {}
        """The FunctionSpec of each function that is not a concrete one on its own."""

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
                    self.parameters[number] = spec
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

    def functions(self) -> Iterator[tuple[str, int]]:
        """Yield the path and the number of every public function, the nearest to the root first."""
        seen, waiting = {0}, deque([(0, "")])
        while waiting:
            number, path = waiting.popleft()
            for name, child in self.children.get(number, ()):
                public = name == "__call__" or (name.isidentifier() and not name.startswith("_"))
                if child in seen or not public or name in {_SIGNATURES, _KERAS}:
                    continue
                seen.add(child)
                if child in self.concrete:
                    yield path + name, child
                else:
                    waiting.append((child, f"{path}{name}."))

    def of_root(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the number of every function of the root object, by name."""
        for name, child in sorted(dict(self.children.get(0, ())).items()):
            if child in self.concrete:
                yield name, child

    def signatures(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the concrete function of every signature."""
        for name, number in self.children.get(0, ()):
            if name == _SIGNATURES:
                for each, child in self.children.get(number, ()):
                    for concrete in self.concrete.get(child, ())[:1]:
                        yield each, concrete


def _function(
    walk: Walk, name: str, number: int, concrete: Mapping[str, memoryview], found: _Objects
) -> Function:
    known = islice(found.concrete[number], _MOST_CALLS)
    traces = tuple(_trace(walk, each, concrete[each], found) for each in known if each in concrete)
    return Function(name, traces, read_parameters(walk, found.parameters.get(number)))


def _trace(walk: Walk, name: str, function: memoryview, found: _Objects) -> Trace:
    """Return the call that a concrete function stands for."""
    spec = read_parameters(walk, found.specs.get(name))
    canonical = result = pb.StructuredValue()
    for each in walk.inside(function, _INPUTS):
        canonical = walk.parse(pb.StructuredValue, each)
    for each in walk.inside(function, _OUTPUTS):
        result = walk.parse(pb.StructuredValue, each)
    parts = [*canonical.tuple_value.values, pb.StructuredValue(), pb.StructuredValue()]
    positional = list(parts[0].tuple_value.values)
    wanted = [*spec.wanted, *[None] * len(positional)]
    names = spec.first(len(positional))
    reader, returned = StructureReader(walk), StructureReader(walk)
    arguments = [
        reader.argument(value, (each,), meant)
        for value, each, meant in zip(positional, names, wanted, strict=False)
    ]
    keywords = {
        key: reader.argument(value, (key,)) for key, value in sorted(parts[1].dict_value.fields.items())
    }
    call = Call(names=tuple(names), positional=tuple(arguments), keywords=keywords)
    return Trace(
        call=call,
        inputs=reader.tensors,
        names=reader.names,
        result=returned.argument(result, ()),
        outputs=returned.tensors,
        defaults=spec.defaults,
        concrete=name,
    )


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
