"""Which ops make an output random or different in every run, found by walking the graph back from the output.

``reach.py`` finds the op types that run for a whole signature. This module distinguishes single outputs, so
it follows edges tensor by tensor: a call's output into its function, an argument back to the call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.flow import constant_of
from savedmodel_matrix.models.savedmodel.wire import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Values

#: Steps of all walks: a function called from a thousand places is walked a thousand times.
_MOST_STEPS = 300_000
_DEEPEST = 100


class Kind(StrEnum):
    """What an op does to the outputs it reaches."""

    RANDOM = "random"
    """Draws numbers from a seed that differs in every process."""
    SEEDED = "seeded"
    """Draws numbers that start the same in every process; each run gets the next ones."""
    GENERATOR = "generator"
    """Draws numbers from a state saved with the model, and advances it."""
    STATELESS = "stateless"
    """Draws the same numbers for the same seed, which is one of its inputs."""
    STATE = "state"
    """Changes in every run what the output is computed from."""
    OUTSIDE = "outside"
    """Reads what is not in the graph: a queue, a reader, an iterator, Python, the time."""

    @property
    def moves_on(self) -> bool:
        """Whether its result may differ in the next run."""
        return self is not Kind.STATELESS


@dataclass(frozen=True, order=True)
class Source:
    """An op that reaches an output; ``changes`` names the variable or table that it changes, if any."""

    kind: Kind
    op: str
    node: str
    changes: str | None = None

    def __str__(self) -> str:
        """Return it as a sentence for a person names it."""
        what = f"{self.op} '{self.node}'"
        return f"{what} changes '{self.changes}', which the output depends on" if self.changes else what


#: tensorflow/core/ops/random_ops.cc, candidate_sampling_ops.cc, image_ops.cc: stateful, with seed and seed2.
_DRAWS = re.compile(
    r"Random(Uniform|UniformInt|StandardNormal|Gamma|Poisson|PoissonV2|Shuffle|Crop)|(Parameterized)?"
    r"TruncatedNormal|Multinomial|SampleDistortedBoundingBox(V2)?|(\w+)CandidateSampler"
)
#: stateful_random_ops.cc: they take the variable of a tf.random.Generator.
_GENERATES = re.compile(
    r"Stateful(Uniform|StandardNormal|TruncatedNormal|Random)\w*|RngReadAndSkip|NonDeterministicInts"
)
_STATELESS = re.compile(r"Stateless(Random|Truncated|Multinomial|Parameterized|SampleDistorted|Shuffle)\w*")
_WRITES = re.compile(
    r"Assign\w*VariableOp|Assign(Add|Sub)?|Scatter\w+|Resource(Scatter|Apply)\w+|CountUpTo|ResourceCountUpTo|"
    r"LookupTable(Insert|Import|Remove)(V2)?"
)
_OUTSIDE = re.compile(
    r"QueueDequeue\w*|ReaderRead\w*|IteratorGetNext\w*|(Eager)?PyFunc(Stateless)?|Timestamp|(Stack|Stage|Map)\w*"
    r"Pop\w*|Unstage"
)
#: Ops that read the shape and not the values.
_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
#: DT_FLOAT, DT_DOUBLE, DT_BFLOAT16 and DT_HALF (types.proto).
_FLOATS = frozenset({1, 2, 14, 19})
#: An output of one of these calls is the function's output of the same number.
_BY_POSITION = {
    "PartitionedCall": 0,
    "StatefulPartitionedCall": 0,
    "If": 1,
    "StatelessIf": 1,
    "Case": 1,
    "StatelessCase": 1,
}


def draws(ops: Iterable[str]) -> bool:
    """Whether any of these op types draws random numbers that do not depend on its inputs alone."""
    return any(_DRAWS.fullmatch(each) or _GENERATES.fullmatch(each) for each in ops)


@dataclass(frozen=True)
class Node:
    """The parts of a node that decide where its outputs come from."""

    name: str
    op: str
    inputs: tuple[str, ...]
    called: tuple[str, ...]
    seeded: bool
    training: bool = False
    """Whether it normalises with the statistics of its own batch."""
    is_float: bool = False
    constant: Values | None = field(default=None, compare=False)
    """The value of a small constant."""

    @property
    def is_unseeded(self) -> bool:
        """Whether it draws from a seed that differs in every process."""
        return _DRAWS.fullmatch(self.op) is not None and not self.seeded

    @classmethod
    def of(cls, node: pb.NodeDef) -> Node:
        """Return these parts of a graph's or function's node."""
        called = [value.func.name for _, value in sorted(node.attr.items()) if value.func.name]
        called += [each.name for _, value in sorted(node.attr.items()) for each in value.list.func]
        seeded = any(node.attr[name].i for name in ("seed", "seed2") if name in node.attr)
        # An attribute that has its default value may be left out, and this one's default is true.
        is_norm = node.op.startswith("FusedBatchNorm") and "Grad" not in node.op
        return cls(
            node.name,
            node.op,
            tuple(node.input),
            tuple(called),
            seeded,
            training=is_norm and ("is_training" not in node.attr or node.attr["is_training"].b),
            is_float="T" in node.attr and node.attr["T"].type in _FLOATS,
            constant=constant_of(node.attr["value"].tensor) if node.op == "Const" else None,
        )


@dataclass
class Body:
    """A graph, or a function with its arguments and, in their order, the tensors that it returns."""

    nodes: dict[str, Node] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    returned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Frame:
    """A function, entered from a node of another frame whose inputs from ``first`` on are its arguments."""

    function: str | None = None
    above: Frame | None = None
    node: str = ""
    first: int = 0

    def functions(self) -> Iterator[str]:
        """Yield the entered functions, the innermost first."""
        frame: Frame | None = self
        while frame is not None and frame.function is not None:
            yield frame.function
            frame = frame.above


Place = tuple[Frame, str, int]  # a node in a frame, and the number of one of its outputs


class Origins:
    """The graph and functions of a meta graph, for walking back from outputs."""

    def __init__(self, graph: Body, functions: Mapping[str, Body]) -> None:
        self._graph, self._functions = graph, functions
        self._top = Frame()
        self._left = _MOST_STEPS
        self._frames: dict[tuple[Frame, str, str], Frame] = {}

    def of(self, tensors: Iterable[str]) -> tuple[Source, ...]:
        """Return what reaches the ``tensors`` of the graph, such as ``call:1``.

        Raises DamagedError for a graph that takes too many steps.
        """
        start = self.start(tensors)
        read = self.read(start)
        found = {source for frame, name, _ in read if (source := self.source(self.node(frame, name)))}
        roots = {name for frame, name, _ in read if frame.above is None}
        for node, _, root in self.writes(start):
            if root in roots:
                found.add(Source(Kind.STATE, node.op, node.name, root))
        return tuple(sorted(found))

    def start(self, tensors: Iterable[str]) -> list[Place]:
        """Return where walks back from tensors of the graph begin."""
        return [place for name in tensors if (place := self.place(self._top, name)) is not None]

    def read(self, start: Iterable[Place]) -> set[Place]:
        """Return every place that the value of one of these depends on. Raises DamagedError."""
        return self._walk(start, self._data)

    def read_values(self, start: Iterable[Place]) -> set[Place]:
        """Return every place that the value of one of these depends on, and not just on its shape."""
        return self._walk(
            start,
            lambda place: iter(()) if self.node(*place[:2]).op in _SHAPES else self._data(place),
        )

    def run(self, start: Iterable[Place]) -> set[Place]:
        """Return every place that must run for these. Raises DamagedError."""
        return self._walk(start, self._everything)

    def writes(self, start: Iterable[Place]) -> Iterator[tuple[Node, Frame, str]]:
        """Yield what runs for these and writes a resource: the node, its frame, and the resource's node."""
        for frame, name, _ in self.run(start):
            node = self.node(frame, name)
            if _WRITES.fullmatch(node.op) and node.inputs:
                root = self._root(frame, node.inputs[0])
                if root is not None:
                    yield node, frame, root

    def source(self, node: Node) -> Source | None:
        """Return what a node does to the outputs it reaches; None for an ordinary one."""
        if _DRAWS.fullmatch(node.op):
            return Source(Kind.SEEDED if node.seeded else Kind.RANDOM, node.op, node.name)
        for pattern, kind in (
            (_GENERATES, Kind.GENERATOR),
            (_STATELESS, Kind.STATELESS),
            (_OUTSIDE, Kind.OUTSIDE),
        ):
            if pattern.fullmatch(node.op):
                return Source(kind, node.op, node.name)
        return None

    def _walk(self, start: Iterable[Place], edges: Callable[[Place], Iterator[Place]]) -> set[Place]:
        found = set(start)
        waiting = list(found)
        while waiting:
            for each in edges(waiting.pop()):
                self._left -= 1
                if self._left < 0:
                    raise DamagedError("its functions call each other too often to be followed")
                if each not in found:
                    found.add(each)
                    waiting.append(each)
        return found

    def _data(self, place: Place) -> Iterator[Place]:
        """Yield the places that a place takes its value from."""
        frame, name, number = place
        node = self.node(frame, name)
        functions = self._entered(node)
        first = _BY_POSITION.get(node.op, 0)
        precise = bool(functions) and (node.op in _BY_POSITION or node.op in self._functions)
        inputs = [each for each in node.inputs if not each.startswith("^")]
        for tensor in inputs[:first] if precise else inputs:
            yield from self._places(frame, tensor)
        for function in functions:
            inside = self._inside(frame, node, function)
            returned = list(self._functions[function].returned.values())
            for tensor in returned[number : number + 1] if precise else returned:
                yield from self._places(inside, tensor)

    def _everything(self, place: Place) -> Iterator[Place]:
        """Yield everything that must run for a place: in a function, that is every node."""
        frame, name, _ = place
        node = self.node(frame, name)
        for tensor in node.inputs:
            yield from self._places(frame, tensor)
        for function in self._entered(node):
            inside = self._inside(frame, node, function)
            yield from ((inside, each, 0) for each in self._functions[function].nodes)

    def _root(self, frame: Frame, tensor: str) -> str | None:
        """Return the graph's node that a handle comes from; None if other ops pass it on."""
        place = self.place(frame, tensor)
        while place is not None:
            frame, name, _ = place
            node = self.node(frame, name)
            if node.op != "Identity" or not node.inputs:
                return name if frame.above is None else None
            place = self.place(frame, node.inputs[0])
        return None

    def _inside(self, frame: Frame, node: Node, function: str) -> Frame:
        key = frame, node.name, function
        if key not in self._frames:
            above = list(frame.functions())
            if function in above or len(above) > _DEEPEST:
                raise DamagedError("its functions call each other endlessly")
            self._frames[key] = Frame(function, frame, node.name, _BY_POSITION.get(node.op, 0))
        return self._frames[key]

    def constant(self, frame: Frame, tensor: str) -> Values | None:
        """Return the value of a tensor that is a small constant, also one that is passed on; else None."""
        place = self.place(frame, tensor)
        while place is not None:
            frame, name, _ = place
            node = self.node(frame, name)
            if node.op != "Identity" or not node.inputs:
                return node.constant
            place = self.place(frame, node.inputs[0])
        return None

    def returned(self, place: Place) -> Iterator[Place]:
        """Yield where the values of a call's output come from, inside the called functions."""
        return (each for each in self._data(place) if each[0].above is place[0])

    def _entered(self, node: Node) -> list[str]:
        # TF 1 calls a function by its own name, as if it were an op.
        return [each for each in (*node.called, node.op) if each in self._functions]

    def node(self, frame: Frame, name: str) -> Node:
        """Return a node of a frame."""
        return self._body(frame).nodes[name]

    def _body(self, frame: Frame) -> Body:
        return self._graph if frame.function is None else self._functions[frame.function]

    def _places(self, frame: Frame, tensor: str) -> Iterator[Place]:
        if (place := self.place(frame, tensor)) is not None:
            yield place

    def place(self, frame: Frame, tensor: str) -> Place | None:
        """Return the node that a tensor comes from, in this frame or, for an argument, in one above."""
        body = self._body(frame)
        while tensor in body.arguments:
            if frame.above is None:
                return None
            call = self.node(frame.above, frame.node)
            inputs = [each for each in call.inputs if not each.startswith("^")][frame.first :]
            position = body.arguments.index(tensor)
            if position >= len(inputs):
                return None
            frame, tensor = frame.above, inputs[position]
            body = self._body(frame)
        name, *rest = tensor.lstrip("^").split(":")
        if name not in body.nodes:
            return None
        # "node:output:number" in functions, "node:number" in graphs, where the number counts all outputs.
        number = int(rest[-1]) if rest and rest[-1].isdecimal() else 0
        if len(rest) == 2 and (callee := self._functions.get(body.nodes[name].op)) is not None:
            number = list(callee.returned).index(rest[0]) if rest[0] in callee.returned else 0
        return frame, name, number
