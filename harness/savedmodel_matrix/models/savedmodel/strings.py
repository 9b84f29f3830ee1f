"""The constant strings of a graph that a tensor may have.

They are found by walking back through called functions, variables, queues and joined strings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.flow import SAME, tensor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from savedmodel_matrix.models.savedmodel.wire import Walk

#: Strings that a join may give, and how deep joins may be nested.
_MOST_JOINED = 64
_DEEPEST = 20
#: Ops whose strings are those of any of their inputs.
PASSES = SAME | {
    "IdentityN",
    "Reshape",
    "ExpandDims",
    "Squeeze",
    "Pack",
    "Concat",
    "ConcatV2",
    "GatherV2",
    "StridedSlice",
    "Select",
    "SelectV2",
    "Switch",
    "Merge",
    "RandomShuffle",
    "ReadVariableOp",
    "TensorDataset",
    "TensorSliceDataset",
    "RepeatDataset",
    "ShuffleDataset",
    "ShuffleDatasetV2",
    "ShuffleDatasetV3",
    "ShuffleAndRepeatDataset",
    "ShuffleAndRepeatDatasetV2",
    "TakeDataset",
    "SkipDataset",
    "ShardDataset",
    "PrefetchDataset",
    "OptionsDataset",
}
JOIN = "StringJoin"


@dataclass(frozen=True, order=True)
class Constant:
    """A string of a meta graph: in a node of a function ("" for the graph itself), at an index."""

    function: str
    node: str
    index: int


#: A function ("" for the graph itself), and the name of a node or an argument there.
Place = tuple[str, str]


@dataclass
class Kept:
    """The parts of a node that matter here."""

    op: str
    inputs: list[str]
    calls: tuple[str, ...]
    strings: tuple[bytes, ...] = ()
    separator: bytes = b""


@dataclass
class Function:
    """A function's arguments, what it returns for each result, and its nodes by name."""

    arguments: list[str]
    results: list[str]
    nodes: dict[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True)
class ConstantString:
    """A string, and the constant that it ends with."""

    value: bytes
    end: Constant

    @property
    def path(self) -> str:
        """The string as a path."""
        return self.value.decode("utf-8", "replace").removeprefix("file://")


@dataclass
class Search:
    """Walks back from tensors to the constants that their strings come from."""

    walk: Walk
    bodies: Mapping[str, Function]
    callers: Mapping[str, list[Place]]
    puts: Mapping[Place, list[Place]]
    bound: Mapping[str, list[Place | None]]
    given: frozenset[str]
    known: dict[Place, list[ConstantString]] = field(default_factory=dict)
    """The strings of each join, found once: a join may be an input of many others."""

    def strings(self, function: str, tensors: Iterable[str], depth: int = 0) -> list[ConstantString]:
        """Return the constant strings that these tensors of a function, or of the graph, may have."""
        found: list[ConstantString] = []
        waiting = [(function, *tensor_of(each)) for each in tensors]
        seen = set(waiting)
        while waiting:
            place = waiting.pop()
            self.walk.spend(1)
            inside, name, _ = place
            node = self.bodies[inside].nodes.get(name)
            if not inside and name in self.given:
                continue
            if node is not None and node.op == JOIN:
                found += self._joined((inside, name), node, depth)
                continue
            if node is not None:
                found += [
                    ConstantString(value, Constant(inside, name, index))
                    for index, value in enumerate(node.strings)
                ]
            for origin in self._origins(place, node):
                if origin not in seen:
                    seen.add(origin)
                    waiting.append(origin)
        return found

    def _origins(self, place: tuple[str, str, int], node: Kept | None) -> Iterator[tuple[str, str, int]]:
        """Yield the tensors that a tensor's strings may come from."""
        function, name, number = place
        for other, putting in self.puts.get((function, name), ()):
            for each in self.bodies[other].nodes[putting].inputs[1:]:
                yield (other, *tensor_of(each))
        if node is None:
            yield from self._given_to(function, name)
        elif node.op in PASSES:
            for each in node.inputs:
                yield (function, *tensor_of(each))
        else:
            for called in node.calls:
                for result in (
                    self.bodies[called].results[number : number + 1] if called in self.bodies else ()
                ):
                    yield (called, *tensor_of(result))

    def _given_to(self, function: str, argument: str) -> Iterator[tuple[str, str, int]]:
        """Yield what callers give a function as this argument.

        A node's last inputs are the last arguments of the functions that it calls, whatever comes before: the
        condition of an If, or the elements of a dataset.
        """
        arguments = self.bodies[function].arguments
        if argument not in arguments:
            return
        from_end = len(arguments) - arguments.index(argument)
        for caller, name in self.callers.get(function, ()):
            self.walk.spend(1)
            inputs = self.bodies[caller].nodes[name].inputs
            if from_end <= len(inputs):
                yield (caller, *tensor_of(inputs[-from_end]))
        bound = self.bound.get(function, [])
        if from_end <= len(bound) and (constant := bound[-from_end]) is not None:
            yield (*constant, 0)

    def _joined(self, place: Place, node: Kept, depth: int) -> list[ConstantString]:
        if place not in self.known:
            self.known[place] = []  # of a join that leads to itself
            parts = [
                self.strings(place[0], [each], depth + 1) if depth < _DEEPEST else [] for each in node.inputs
            ]
            if 0 < math.prod(map(len, parts)) <= _MOST_JOINED:
                self.known[place] = [
                    ConstantString(node.separator.join(each.value for each in chosen), chosen[-1].end)
                    for chosen in product(*parts)
                ]
        return self.known[place]
