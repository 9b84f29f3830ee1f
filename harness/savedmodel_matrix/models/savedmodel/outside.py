"""The paths outside the SavedModel that its graphs read.

A path that comes from an asset follows the model: at load, TensorFlow feeds the place of the file below
``assets/``. A path that comes from a constant of the graph stays what it was on the machine that saved the
model. Such constants are found by walking back from every op that opens files (``strings.py``). A path that a
caller passes is no part of the model.

Ops that only write are left out: they do not need the file.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reach import Reach, node_of
from savedmodel_matrix.models.savedmodel.strings import JOIN, PASSES, Constant, Function, Kept, Place, Search
from savedmodel_matrix.models.savedmodel.wire import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from savedmodel_matrix.models.savedmodel.wire import Walk

#: The longest path on any system that TensorFlow runs on (Windows with long paths).
_LONGEST_PATH = 32_767
_MOST_PATHS = 100

_GRAPH = pb.WholeMetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_OBJECTS = (_GRAPH, pb.SavedObjectGraph.NODES_FIELD_NUMBER)
_CONCRETE = (_GRAPH, pb.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER)
_VALUES = (
    pb.SavedConcreteFunction.CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER,
    pb.SavedConcreteFunction.OUTPUT_SIGNATURE_FIELD_NUMBER,
)


class Reads(StrEnum):
    """What a path stands for."""

    FILE = "file"
    """A file, or a folder that is read as one (LMDB)."""
    PREFIX = "prefix"
    """The beginning of the names of a checkpoint's files."""
    PATTERN = "pattern"
    """Every file that matches; none is no error."""


class When(StrEnum):
    """When a path is read, the earliest first."""

    LOAD = "load"
    RUN = "run"
    """When a signature is called."""
    CALL = "call"
    """Only when a function that no signature calls is called."""


_FILE, _PREFIX, _PATTERN = Reads.FILE, Reads.PREFIX, Reads.PATTERN
#: The inputs that are paths, of ops that open them (tensorflow/core/ops/*.cc), and what they stand for.
#: A reader gets its paths from a queue.
_OPENS: Mapping[str, tuple[tuple[int, Reads], ...]] = {
    "InitializeTableFromTextFile": ((1, _FILE),),
    "InitializeTableFromTextFileV2": ((1, _FILE),),
    "ReadFile": ((0, _FILE),),
    "TFRecordDataset": ((0, _FILE),),
    "TFRecordDatasetV2": ((0, _FILE),),
    "TextLineDataset": ((0, _FILE),),
    "FixedLengthRecordDataset": ((0, _FILE),),
    "FixedLengthRecordDatasetV2": ((0, _FILE),),
    "CSVDataset": ((0, _FILE),),
    "CSVDatasetV2": ((0, _FILE),),
    "ExperimentalCSVDataset": ((0, _FILE),),
    "LMDBDataset": ((0, _FILE),),
    "ExperimentalLMDBDataset": ((0, _FILE),),
    "LoadDataset": ((0, _FILE),),
    "MatchingFiles": ((0, _PATTERN),),
    "MatchingFilesDataset": ((0, _PATTERN),),
    "ExperimentalMatchingFilesDataset": ((0, _PATTERN),),
    "RestoreV2": ((0, _PREFIX),),
    "Restore": ((0, _PREFIX),),
    "RestoreSlice": ((0, _PREFIX),),
    "LoadAndRemapMatrix": ((0, _PREFIX),),
    "GenerateVocabRemapping": ((0, _FILE), (1, _FILE)),
    "ReaderRead": ((1, _FILE),),
    "ReaderReadV2": ((1, _FILE),),
    "ReaderReadUpTo": ((1, _FILE),),
    "ReaderReadUpToV2": ((1, _FILE),),
}
#: Ops that put strings into what their first input names: a variable or a queue.
_PUTS = frozenset(
    {
        "Assign",
        "AssignVariableOp",
        "QueueEnqueue",
        "QueueEnqueueV2",
        "QueueEnqueueMany",
        "QueueEnqueueManyV2",
    }
)


@dataclass(frozen=True)
class OutsidePath:
    """A path outside the model that it reads.

    ``constants`` are the strings that end the path: if they change, so does it.
    """

    path: str
    reads: Reads
    when: When
    ops: tuple[str, ...]
    constants: tuple[Constant, ...]


class PathReader:
    """Collects the nodes that paths may come from while a graph is read, and then finds the paths."""

    def __init__(self, walk: Walk, meta_graph: memoryview) -> None:
        self._walk, self._meta_graph = walk, meta_graph
        self._bodies: dict[str, Function] = {"": Function([], [])}
        self._callers: defaultdict[str, list[Place]] = defaultdict(list)
        self._puts: defaultdict[Place, list[Place]] = defaultdict(list)
        self._opened: list[Place] = []

    def add_function(self, view: memoryview) -> None:
        """Add a function, before its nodes."""
        signature = pb.OpDef()
        for part in self._walk.inside(view, pb.FunctionDef.SIGNATURE_FIELD_NUMBER):
            signature.MergeFrom(self._walk.parse(pb.OpDef, part))
        returned: dict[str, str] = {}
        for entry in self._walk.inside(view, pb.FunctionDef.RET_FIELD_NUMBER):
            found = {number: value for number, value, _ in self._walk.fields(entry)}
            key, value = found.get(1), found.get(2)
            if isinstance(key, memoryview) and isinstance(value, memoryview):
                returned[text(key)] = text(value)
        self._bodies[signature.name] = Function(
            [each.name for each in signature.input_arg],
            [returned.get(each.name, "") for each in signature.output_arg],
        )

    def add(self, node: pb.NodeDef, called: set[str], function: str = "") -> None:
        """Add a node of a function, or of the graph itself, and the functions that it names."""
        opens = node.op in _OPENS
        strings = tuple(node.attr["value"].tensor.string_val) if node.op == "Const" else ()
        if not (called or opens or strings or node.op in PASSES or node.op in _PUTS or node.op == JOIN):
            # TF 1 calls a function by its name, as if it were an op; functions precede the graph's nodes.
            if node.op not in self._bodies:
                return
            called = {node.op}
        inputs = [each for each in node.input if not each.startswith("^")]
        separator = node.attr["separator"].s if node.op == JOIN else b""
        self._bodies[function].nodes[node.name] = Kept(
            node.op, inputs, tuple(sorted(called)), strings, separator
        )
        place = function, node.name
        for name in called:
            self._callers[name].append(place)
        if node.op in _PUTS and inputs:
            self._puts[function, node_of(inputs[0])].append(place)
        if opens:
            self._opened.append(place)

    def outside(
        self, reach: Reach, at_load: Collection[str], in_run: Collection[str], given: Collection[str]
    ) -> tuple[OutsidePath, ...]:
        """Return the paths outside the model, sorted, at most a hundred.

        ``at_load`` and ``in_run`` are the nodes of the graph that run at load and for signatures, ``given``
        those whose value the loader or a caller gives.

        Raises DamagedError for a graph that takes too many steps.
        """
        if not self._opened:
            return ()
        bound = dict(self._bound())
        timed = {
            When.LOAD: (reach.nodes_from(at_load), reach.functions_from(at_load)),
            When.RUN: (reach.nodes_from(in_run), reach.functions_from(in_run)),
            When.CALL: (set[str](), reach.functions_below(bound)),
        }
        search = Search(self._walk, self._bodies, self._callers, self._puts, bound, frozenset(given))
        found: dict[tuple[str, Reads], OutsidePath] = {}
        for place in self._opened:
            function, name = place
            when = next(
                (
                    each
                    for each, (nodes, functions) in timed.items()
                    if (function in functions if function else name in nodes)
                ),
                None,
            )
            node = self._bodies[function].nodes[name]
            if when is None:  # nothing runs it
                continue
            for position, reads in _OPENS[node.op]:
                for string in search.strings(function, node.inputs[position : position + 1]):
                    new = OutsidePath(string.path, reads, when, (node.op,), (string.end,))
                    if not new.path or len(new.path) > _LONGEST_PATH or "\0" in new.path:
                        continue
                    old = found.get((new.path, reads))
                    found[new.path, reads] = new if old is None else _merged(old, new)
        return tuple(found[key] for key in sorted(found)[:_MOST_PATHS])

    def _bound(self) -> Iterator[tuple[str, list[Place | None]]]:
        """Yield each function of the object graph, with the constants that are its last arguments.

        None stands for an argument that is no constant.
        """
        constants: list[Place | None] = []
        for view in self._walk.inside(self._meta_graph, *_OBJECTS):
            node = self._walk.parse(pb.SavedObject, view)
            operation = node.constant.operation if node.HasField("constant") else ""
            constants.append(("", operation) if operation else None)
        for name, view in self._walk.entries(self._meta_graph, *_CONCRETE):
            inputs: list[int] = []
            for number, _, whole in self._walk.fields(view):
                if number not in _VALUES:
                    inputs += self._walk.parse(pb.SavedConcreteFunction, whole).bound_inputs
            yield (
                name,
                [constants[index] if 0 <= index < len(constants) else None for index in inputs],
            )


def _merged(one: OutsidePath, other: OutsidePath) -> OutsidePath:
    times = list(When)
    return replace(
        one,
        when=min(one.when, other.when, key=times.index),
        ops=tuple(sorted({*one.ops, *other.ops})),
        constants=tuple(sorted({*one.constants, *other.constants})),
    )
