"""The ops of a meta graph, in the graph itself and in its function library, and what they need.

The two are kept apart because loaders differ: for a model with an object graph, ``tf.saved_model.load``
imports only the functions; a v1 session imports both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.outside import OutsidePath, PathReader
from savedmodel_matrix.models.savedmodel.randomness import Node, draws
from savedmodel_matrix.models.savedmodel.reach import Reach, node_of
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk, text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LIBRARY = (pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER, pb.WholeGraphDef.LIBRARY_FIELD_NUMBER)
_NODES = (pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER, pb.WholeGraphDef.NODE_FIELD_NUMBER)
_VERSIONS = (pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER, pb.WholeGraphDef.VERSIONS_FIELD_NUMBER)
_STRIPPED = (
    pb.WholeMetaGraphDef.META_INFO_DEF_FIELD_NUMBER,
    pb.WholeMetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER,
    pb.OpList.OP_FIELD_NUMBER,
)

#: Ops that hold a variable: a handle to it, or the variable itself.
VARIABLES = ("VarHandleOp", "VariableV2", "Variable")
#: TensorFlow has 1,900 op types; TF 1 calls a function as if it were one.
_MOST_OPS = 20_000


@dataclass(frozen=True)
class OpUse:
    """How often an op is used, and its attributes that differ from the writer's defaults.

    ``reached`` is whether it runs at load or when a signature is called.
    """

    in_graph: int = 0
    in_functions: int = 0
    graph_attributes: frozenset[str] = frozenset()
    function_attributes: frozenset[str] = frozenset()
    reached: bool = False


@dataclass(frozen=True)
class GraphFacts:
    """The contents of a meta graph's graph.

    ``scalar_placeholders`` are placeholders that state the shape of a scalar. Four fields list what a
    signature reads although nothing fills it at load: ``unrestored`` variables (resources), ``unassigned``
    variables of graphs that TensorFlow 1 restores (by name, with their ops), ``unfilled`` tables that the
    init op leaves out, and ``starved`` queues that the signature does not fill either. ``read_late`` are the
    requested ``constants`` that a signature reads.
    """

    producer: int
    min_consumer: int
    bad_consumers: frozenset[int]
    ops: Mapping[str, OpUse]
    declared_ops: tuple[str, ...]
    functions: int
    scalar_placeholders: frozenset[str] = frozenset()
    unrestored: tuple[str, ...] = ()
    unassigned: Mapping[str, str] = field(default_factory=dict)
    unfilled: tuple[str, ...] = ()
    starved: tuple[str, ...] = ()
    read_late: frozenset[str] = frozenset()
    init_missing: bool = False
    """Whether the op that should run at load is named but missing."""
    unseeded: frozenset[str] = frozenset()
    """Ops that draw random numbers, at least once without a seed."""
    bfloat16: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each signature, or function if there is none, runs in bfloat16, with attributes: ``Conv2D.T``."""
    compiled: bool = False
    """Whether XLA compiles a part of it."""
    remote: frozenset[str] = frozenset()
    """Devices of other processes on which it runs ops, but for those on variables."""
    remote_in_graph: frozenset[str] = frozenset()
    """Such devices of any node of the graph itself, whether it runs or not."""
    outside: tuple[OutsidePath, ...] = ()
    """The paths outside the model that it reads."""


@dataclass
class _Uses:
    """The counts of one op."""

    counts: list[int] = field(default_factory=lambda: [0, 0])
    attributes: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))


def read_graph(
    walk: Walk,
    meta_graph: memoryview,
    fetched: Collection[str],
    init: str | None,
    restore: str | None,
    initialisers: Collection[str] = (),
    constants: Collection[str] = (),
    given: Collection[str] = (),
    called: Mapping[str, Collection[str]] | None = None,
    by_signature: Mapping[str, Collection[str]] | None = None,
) -> GraphFacts:
    """Return the facts of the graph in ``meta_graph``, the bytes of a MetaGraphDef.

    ``fetched`` names the nodes that the signatures' outputs come from, ``init`` and ``restore`` the ops that
    run at load, ``initialisers`` those of tables; ``constants`` are the nodes to look for in signatures,
    ``given`` those whose value a caller or the loader gives, and ``called`` the concrete functions that a
    caller may call, by name. ``by_signature`` are the nodes of ``fetched`` by signature.
    """
    declared = [walk.parse(pb.OpDef, view) for view in walk.inside(meta_graph, *_STRIPPED)]
    reader = _Reader(declared)
    reach = Reach()
    paths = PathReader(walk, meta_graph)
    for function in walk.inside(meta_graph, *_LIBRARY, pb.FunctionDefLibrary.FUNCTION_FIELD_NUMBER):
        signature = (pb.FunctionDef.SIGNATURE_FIELD_NUMBER, pb.OpDef.NAME_FIELD_NUMBER)
        name = next(map(text, walk.inside(function, *signature)), "")
        reader.functions.add(name)
        paths.add_function(function)
        for view in walk.inside(function, pb.FunctionDef.NODE_DEF_FIELD_NUMBER):
            node = walk.parse(pb.NodeDef, view)
            reader.add(node, in_function=True)
            paths.add(node, reach.add_to_function(name, node), name)
    scalars: set[str] = set()
    for view in walk.inside(meta_graph, *_NODES):
        node = walk.parse(pb.NodeDef, view)
        reader.add(node, in_function=False)
        paths.add(node, reach.add_node(node))
        if node.op == "Placeholder" and _is_scalar(node):
            scalars.add(node.name)
    versions = pb.VersionDef()
    for view in walk.inside(meta_graph, *_VERSIONS):
        versions.MergeFrom(walk.parse(pb.VersionDef, view))
    at_load = {node_of(name) for name in (init, restore) if name}
    run, loaded = reach.nodes_from(fetched), reach.nodes_from(at_load)
    concrete = {each for names in (called or {}).values() for each in names}
    left_out = set(initialisers) - loaded if init else set()
    return GraphFacts(
        producer=versions.producer,
        min_consumer=versions.min_consumer,
        bad_consumers=frozenset(versions.bad_consumers),
        ops=reader.ops(reach.ops_from({*fetched, *at_load}, concrete)),
        declared_ops=tuple(sorted(op.name for op in declared)),
        functions=len(reader.functions),
        scalar_placeholders=frozenset(scalars),
        unrestored=_unrestored(reach, fetched, node_of(restore or "")),
        unassigned=_unassigned(reach, run, loaded),
        unfilled=tuple(sorted({table for name in left_out for table in reach.inputs(name)[:1]} & run)),
        starved=_starved(reach, run, loaded),
        read_late=frozenset(run & set(constants)),
        init_missing=init is not None and not reach.op(node_of(init)),
        unseeded=frozenset(reader.unseeded),
        bfloat16={
            **{name: frozenset(reach.bfloat16_from(nodes)) for name, nodes in (by_signature or {}).items()},
            **{name: frozenset(reach.bfloat16_from((), each)) for name, each in (called or {}).items()},
        },
        compiled=reader.compiled,
        remote=frozenset(reach.remote_from({*fetched, *at_load}, concrete)),
        remote_in_graph=frozenset(reach.remote()),
        # Without an init op, TensorFlow 2 runs the initialisers in the collection.
        outside=paths.outside(reach, at_load if init else {*at_load, *initialisers}, fetched, given),
    )


def _unassigned(reach: Reach, run: set[str], loaded: set[str]) -> dict[str, str]:
    """Return the variables, with their ops, that are read but that nothing fills, at load or in the run."""
    assigned = {reach.inputs(name)[0] for name in loaded if _assigns(reach, name)}
    if not assigned:  # TensorFlow 2 restores by functions
        return {}
    written = {reach.inputs(name)[0] for name in run if _assigns(reach, name)}
    return {name: reach.op(name) for name in sorted(run - assigned - written) if reach.op(name) in VARIABLES}


def _assigns(reach: Reach, node: str) -> bool:
    return reach.op(node) in {"Assign", "AssignVariableOp"} and bool(reach.inputs(node))


def _starved(reach: Reach, run: set[str], loaded: set[str]) -> tuple[str, ...]:
    taken = {
        reach.inputs(name)[0]
        for name in run
        if reach.op(name).startswith("QueueDequeue") and reach.inputs(name)
    }
    filled = {
        reach.inputs(name)[0]
        for name in run | loaded
        if reach.op(name).startswith("QueueEnqueue") and reach.inputs(name)
    }
    return tuple(sorted(taken - filled))


def _unrestored(reach: Reach, fetched: Collection[str], restore: str) -> tuple[str, ...]:
    variables = reach.variables()
    filled = variables.intersection(reach.inputs(restore))
    if not filled:  # TF 1's restore op takes no variables: Assign ops fill them
        return ()
    read = {name for node in fetched if node != restore for name in reach.inputs(node)}
    return tuple(sorted(variables & read - filled))


class _Reader:
    """Collects the ops of nodes."""

    def __init__(self, declared: list[pb.OpDef]) -> None:
        self._defaults = {
            (op.name, attr.name): attr.default_value.SerializeToString(deterministic=True)
            for op in declared
            for attr in op.attr
            if attr.HasField("default_value")
        }
        self._uses: dict[str, _Uses] = {}
        self.functions: set[str] = set()
        self.unseeded: set[str] = set()
        self.compiled = False

    def add(self, node: pb.NodeDef, *, in_function: bool) -> None:
        """Count a node."""
        uses = self._uses.setdefault(node.op, _Uses())
        if len(self._uses) > _MOST_OPS:
            raise DamagedError(f"more than {_MOST_OPS} op types")
        uses.counts[in_function] += 1
        if draws([node.op]) and Node.of(node).is_unseeded:
            self.unseeded.add(node.op)
        # _XlaMustCompile of a function with jit_compile, _XlaCompile of a scope of TF 1.
        self.compiled = self.compiled or any(name.startswith("_Xla") for name in node.attr)
        seen = uses.attributes[in_function]
        for name, value in node.attr.items():
            # Names that begin with "_" are annotations, which no op declares.
            if name in seen or name.startswith("_"):
                continue
            default = self._defaults.get((node.op, name))
            if default is None or value.SerializeToString(deterministic=True) != default:
                seen.add(name)

    def ops(self, reached: Collection[str]) -> dict[str, OpUse]:
        """Return the collected ops, sorted by name; ``reached`` are the ops that run."""
        # TF 1 calls functions by their own names, as if they were ops.
        return {
            name: OpUse(
                uses.counts[0],
                uses.counts[1],
                frozenset(uses.attributes[0]),
                frozenset(uses.attributes[1]),
                reached=name in reached,
            )
            for name, uses in sorted(self._uses.items())
            if name not in self.functions
        }


def _is_scalar(node: pb.NodeDef) -> bool:
    """Whether a placeholder states its shape, and it is a scalar's."""
    if "shape" not in node.attr:
        return False
    shape = node.attr["shape"].shape
    return not shape.unknown_rank and not shape.dim
