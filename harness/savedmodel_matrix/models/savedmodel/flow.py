"""Where a tensor of a graph goes, through called functions, and which values are constant.

Function bodies are parsed when they are first entered. Control dependencies, and nodes that reach no output,
are not followed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.op_outputs import place
from savedmodel_matrix.models.savedmodel.reach import node_of
from savedmodel_matrix.models.savedmodel.reader import dtype_name
from savedmodel_matrix.models.savedmodel.wire import Walk, text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

_LIBRARY = (
    pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER,
    pb.WholeGraphDef.LIBRARY_FIELD_NUMBER,
    pb.FunctionDefLibrary.FUNCTION_FIELD_NUMBER,
)
_NODES = (pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER, pb.WholeGraphDef.NODE_FIELD_NUMBER)
_FUNCTION_NAME = (pb.FunctionDef.SIGNATURE_FIELD_NUMBER, pb.OpDef.NAME_FIELD_NUMBER)

#: Preprocessing statistics are short; a larger constant is a weight.
_MOST_VALUES = 4096
_MOST_DIMENSIONS = 32
_DEEPEST = 60
#: The most lookups of uses and values; an EfficientNet's input needs a hundred.
_MOST_QUESTIONS = 50_000

#: Ops that pass on their first input unchanged.
SAME = frozenset(
    {
        "Identity",
        "StopGradient",
        "PreventGradient",
        "Snapshot",
        "EnsureShape",
        "PlaceholderWithDefault",
        "CheckNumerics",
    }
)
_LOOPS = frozenset({"While", "StatelessWhile"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
#: Ops that pass on a variable's or a table's value, or the handle of one.
_READS = SAME | {"ReadVariableOp", "Cast", "Enter"}

Values = np.ndarray[Any, np.dtype[Any]]
_ONE: Mapping[str, Callable[[Values], Values]] = {
    "Sqrt": np.sqrt,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Square": np.square,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Squeeze": np.squeeze,
}
_TWO: Mapping[str, Callable[[Values, Values], Values]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Div": np.divide,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Reshape": lambda x, shape: x.reshape([int(size) for size in shape]),
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)),
}
_NUMBERS = {
    "float32": ("<f4", "float_val"),
    "float64": ("<f8", "double_val"),
    "int32": ("<i4", "int_val"),
    "int64": ("<i8", "int64_val"),
    "bool": ("?", "bool_val"),
}

#: A tensor: the name of its node or function argument, and which of the node's outputs it is.
Tensor = tuple[str, int]


class TangledError(Exception):
    """A graph with more paths from an input than can be followed."""


@dataclass
class Body:
    """A graph or function: nodes by name, and who uses which tensor; ``args``, ``results``: a function's."""

    nodes: dict[str, pb.NodeDef] = field(default_factory=dict)
    args: list[str] = field(default_factory=list)
    results: list[Tensor] = field(default_factory=list)
    consumers: dict[Tensor, list[tuple[str, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """An entered body: from which node of which other scope, or the graph itself."""

    body: Body
    outer: Scope | None = None
    call: str = ""
    depth: int = 0
    in_loop: bool = False


def tensor_of(name: str) -> Tensor:
    """Return the tensor that an input names: ``n``, ``n:1``, or in functions ``n:output:1``."""
    parts = name.split(":")
    return parts[0], int(parts[-1]) if len(parts) > 1 and parts[-1].isdecimal() else 0


def placed(body: Body, name: str) -> Tensor:
    """Return the tensor that an input names, counted among all outputs of its node."""
    parts = name.split(":")
    source, number = tensor_of(name)
    return source, place(body.nodes.get(source), parts[1], number) if len(parts) == 3 else number


class Flow:
    """The part of one meta graph's graph that leads to the outputs of a signature."""

    def __init__(self, walk: Walk, meta_graph: memoryview, outputs: Iterable[str]) -> None:
        self._walk = walk
        self._functions = {
            next(map(text, walk.inside(view, *_FUNCTION_NAME)), ""): view
            for view in walk.inside(meta_graph, *_LIBRARY)
        }
        self._bodies: dict[str, Body] = {}
        self._left = _MOST_QUESTIONS
        nodes = (walk.parse(pb.NodeDef, view) for view in walk.inside(meta_graph, *_NODES))
        body = Body(nodes={node.name: node for node in nodes}, results=[tensor_of(name) for name in outputs])
        _connect(body)
        self.graph = Scope(body)

    def uses(self, scope: Scope, tensor: Tensor) -> list[tuple[Scope, pb.NodeDef, int]]:
        """Return the nodes that take a tensor, and as which of their inputs; calls are followed.

        Raises TangledError.
        """
        consumers = scope.body.consumers.get(tensor, ())
        self._ask(1 + len(consumers) + len(scope.body.results))
        found: list[tuple[Scope, pb.NodeDef, int]] = []
        for name, position in consumers:
            node = scope.body.nodes[name]
            inner = self.entered(scope, node)
            if inner is None:
                found.append((scope, node, position))
            elif position < len(inner.body.args):
                found += self.uses(inner, (inner.body.args[position], 0))
        if scope.outer is not None:
            for index, result in enumerate(scope.body.results):
                if result == tensor:
                    found += self.uses(scope.outer, (scope.call, index))
        return found

    def origin(self, scope: Scope, name: str) -> tuple[Scope, pb.NodeDef] | None:
        """Return the node that made a node's input, before it was read, copied or passed to a function.

        None if it is an input of the graph itself. Raises TangledError.
        """
        for _ in range(_DEEPEST):
            self._ask()
            source = tensor_of(name)[0]
            node = scope.body.nodes.get(source)
            if node is not None:
                inputs = [each for each in node.input if not each.startswith("^")]
                if node.op not in _READS or not inputs:
                    return scope, node
                name = inputs[0]
            elif scope.outer is not None and source in scope.body.args:
                call, position = scope.outer.body.nodes[scope.call], scope.body.args.index(source)
                if position >= len(call.input):
                    return None
                scope, name = scope.outer, call.input[position]
            else:
                return None
        return None

    def everywhere(self, ops: Collection[str]) -> Iterator[tuple[Scope, pb.NodeDef]]:
        """Yield the nodes of these ops in the graph and in the functions that it calls, live or not.

        Raises TangledError.
        """
        waiting = [self.graph]
        entered: set[str] = set()
        while waiting:
            scope = waiting.pop()
            for node in scope.body.nodes.values():
                if node.op in ops:
                    yield scope, node
                inner = self.entered(scope, node)
                # A function that several nodes call on different tables is entered for each of them.
                key = f"{node.op} {node.attr['f'].func.name} {list(node.input)}"
                if inner is not None and key not in entered:
                    entered.add(key)
                    self._ask(len(inner.body.nodes) // 10 + 1)
                    waiting.append(inner)

    def value(self, scope: Scope, name: str, depth: int = 0) -> Values | None:
        """Return the value of a node's input if it is a small constant of the graph, else None.

        Raises TangledError.
        """
        self._ask()
        if depth > _DEEPEST or name.startswith("^"):
            return None
        source = tensor_of(name)[0]
        node = scope.body.nodes.get(source)
        if node is None:
            return self._argument(scope, source, depth)
        if node.op == "Const":
            return constant_of(node.attr["value"].tensor)
        return self._computed(scope, node, depth)

    def _computed(self, scope: Scope, node: pb.NodeDef, depth: int) -> Values | None:
        inputs = [each for each in node.input if not each.startswith("^")]
        if node.op in SAME or node.op == "Cast":
            value = self.value(scope, inputs[0], depth + 1) if inputs else None
            to = _cast_to(node)
            return _applied(lambda x: x.astype(_NUMBERS[to][0]), value) if to else value
        if node.op in _ONE and len(inputs) == 1:
            return _applied(_ONE[node.op], self.value(scope, inputs[0], depth + 1))
        if node.op in _TWO and len(inputs) == 2:
            return _applied(_TWO[node.op], *(self.value(scope, each, depth + 1) for each in inputs))
        return None

    def _ask(self, questions: int = 1) -> None:
        self._left -= questions
        if self._left < 0:
            raise TangledError

    def _argument(self, scope: Scope, name: str, depth: int) -> Values | None:
        if scope.outer is None or name not in scope.body.args:
            return None
        call = scope.outer.body.nodes[scope.call]
        position = scope.body.args.index(name)
        self._ask(position // 100)
        if call.op in _LOOPS or position >= len(call.input):  # a loop may change its inputs
            return None
        return self.value(scope.outer, call.input[position], depth + 1)

    def entered(self, scope: Scope, node: pb.NodeDef) -> Scope | None:
        """Return the body of the function that a node calls, or of the loop that it is; None for others."""
        if node.op in _CALLS:
            name = node.attr["f"].func.name
        else:
            name = node.attr["body"].func.name if node.op in _LOOPS else node.op
        if name not in self._functions or scope.depth > _DEEPEST:
            return None
        if name not in self._bodies:
            self._bodies[name] = self._body(self._functions[name])
        in_loop = scope.in_loop or node.op in _LOOPS
        return Scope(self._bodies[name], scope, node.name, scope.depth + 1, in_loop)

    def _body(self, view: memoryview) -> Body:
        body = Body()
        for part in self._walk.inside(view, pb.FunctionDef.NODE_DEF_FIELD_NUMBER):
            node = self._walk.parse(pb.NodeDef, part)
            body.nodes[node.name] = node
        signature, results = pb.OpDef(), {}
        for part in self._walk.inside(view, pb.FunctionDef.SIGNATURE_FIELD_NUMBER):
            signature.MergeFrom(self._walk.parse(pb.OpDef, part))
        for part in self._walk.inside(view, pb.FunctionDef.RET_FIELD_NUMBER):
            entry = {number: value for number, value, _ in self._walk.fields(part)}
            key, value = entry.get(1), entry.get(2)
            if isinstance(key, memoryview) and isinstance(value, memoryview):
                results[text(key)] = placed(body, text(value))
        body.args = [each.name for each in signature.input_arg]
        body.results = [results.get(each.name, ("", 0)) for each in signature.output_arg]
        _connect(body)
        return body


def _connect(body: Body) -> None:
    """Record which node takes which tensor, among the nodes that lead to the results."""
    live = {name for name, _ in body.results}
    waiting = list(live)
    while waiting:
        node = body.nodes.get(waiting.pop())
        for name in node.input if node is not None else ():
            source = node_of(name)
            if not name.startswith("^") and source not in live:
                live.add(source)
                waiting.append(source)
    consumers: defaultdict[Tensor, list[tuple[str, int]]] = defaultdict(list)
    for name, node in body.nodes.items():
        for position, each in enumerate(node.input if name in live else ()):
            if not each.startswith("^"):
                consumers[placed(body, each)].append((name, position))
    body.consumers = dict(consumers)


def constant_of(message: pb.TensorProto) -> Values | None:
    """Return a small constant of strings or of a number type that statistics use; else None.

    ``inputs/tensors.py`` reads tensors of every type and size, and raises on those it cannot read.
    """
    shape = tuple(dim.size for dim in message.tensor_shape.dim)
    dtype = dtype_name(message.dtype)
    # A size of zero does not excuse another that no array can have.
    largest = math.prod(max(each, 1) for each in shape[: _MOST_DIMENSIONS + 1])
    if len(shape) > _MOST_DIMENSIONS or any(each < 0 for each in shape) or largest > _MOST_VALUES:
        return None
    size = math.prod(shape)
    if dtype == "string":
        strings = np.empty(len(message.string_val), object)
        strings[:] = list(message.string_val)
        return strings.reshape(shape) if len(strings) == size else None
    if dtype not in _NUMBERS:
        return None
    form, name = _NUMBERS[dtype]
    if message.tensor_content:
        whole = len(message.tensor_content) == size * np.dtype(form).itemsize
        return np.frombuffer(message.tensor_content, form).reshape(shape) if whole else None
    values = np.array(getattr(message, name), form)
    if len(values) > size:
        return None
    # The last value repeats, and no values mean zeros (tensorflow/core/framework/tensor.proto).
    filled = np.zeros(size, form)
    filled[: len(values)] = values
    filled[len(values) :] = values[-1] if len(values) else 0
    return filled.reshape(shape)


def _applied(function: Callable[..., Values], *values: Values | None) -> Values | None:
    if any(each is None or each.dtype.kind not in "fib" for each in values):
        return None
    with np.errstate(all="ignore"):
        try:
            if isinstance(function, np.ufunc):  # two that broadcast can make a thousand times as many
                shape = np.broadcast_shapes(*(each.shape for each in values if each is not None))
                if math.prod(shape) > _MOST_VALUES:
                    return None
            result = np.asarray(function(*values))
        except (ValueError, TypeError, IndexError, OverflowError, MemoryError):
            return None
    return result if result.size <= _MOST_VALUES else None


def _cast_to(node: pb.NodeDef) -> str:
    to = dtype_name(node.attr["DstT"].type) if node.op == "Cast" else ""
    return to if to in _NUMBERS else ""
