"""Which ops of a graph run when its signatures are called.

A model saved for training holds far more functions than its signatures call: branches for training,
gradients, kernels for other devices.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb


#: DT_BFLOAT16 (types.proto).
_BFLOAT16 = 14
#: Ops on a variable, which TensorFlow 2 places where it has put the variable; seen on 2.15 and 2.18.
_OF_VARIABLES = {"VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp"}


class Reach:
    """Edges between nodes and functions, and what is reachable along them."""

    def __init__(self) -> None:
        self._inputs: dict[str, list[str]] = {}
        self._calls: defaultdict[str, set[str]] = defaultdict(set)  # of a node, by its name
        self._ops: dict[str, str] = {}
        self._function_ops: defaultdict[str, set[str]] = defaultdict(set)
        #: The functions that a function calls, and its ops, which may be functions.
        self._leads_to: defaultdict[str, set[str]] = defaultdict(set)
        self._bfloat16: dict[str, set[str]] = {}  # of a node, by its name
        self._function_bfloat16: defaultdict[str, set[str]] = defaultdict(set)
        self._remote: dict[str, str] = {}  # the device of a node, by its name
        self._function_remote: defaultdict[str, set[str]] = defaultdict(set)

    def add_node(self, node: pb.NodeDef) -> set[str]:
        """Add a node of the graph itself; return the functions that it names."""
        self._inputs[node.name] = [node_of(tensor) for tensor in node.input]
        self._ops[node.name] = node.op
        if halves := _in_bfloat16(node):
            self._bfloat16[node.name] = halves
        if is_remote(node.device):
            self._remote[node.name] = node.device
        called = _called(node)
        if called:
            self._calls[node.name] = called
        return called

    def add_to_function(self, function: str, node: pb.NodeDef) -> set[str]:
        """Add a node of a function, all of which are assumed to run; return the functions that it names."""
        self._function_ops[function].add(node.op)
        if halves := _in_bfloat16(node):
            self._function_bfloat16[function] |= halves
        if is_remote(node.device):
            self._function_remote[function].add(node.device)
        called = _called(node)
        self._leads_to[function] |= {node.op, *called}
        return called

    def inputs(self, node: str) -> list[str]:
        """Return the names of the nodes that feed a node of the graph."""
        return self._inputs.get(node, [])

    def nodes_from(self, nodes: Iterable[str]) -> set[str]:
        """Return the nodes of the graph that must run for these nodes."""
        return _closure(nodes, self._inputs)

    def op(self, node: str) -> str:
        """Return the op of a node of the graph; "" if there is no such node."""
        return self._ops.get(node, "")

    def variables(self) -> set[str]:
        """Return the names of the resource variables in the graph."""
        return {name for name, op in self._ops.items() if op == "VarHandleOp"}

    def ops_from(self, nodes: Iterable[str], called: Iterable[str] = ()) -> set[str]:
        """Return the op types that must run for these nodes of the graph and the functions ``called``."""
        reached = self.nodes_from(nodes)
        functions = self.functions_from(reached) | self.functions_below(called)
        ops = {self._ops[node] for node in reached if node in self._ops}
        return ops.union(*(self._function_ops[name] for name in functions if name in self._function_ops))

    def bfloat16_from(self, nodes: Iterable[str], called: Iterable[str] = ()) -> set[str]:
        """Return the ops that these nodes and functions run in bfloat16, with the attribute: ``Conv2D.T``."""
        reached = self.nodes_from(nodes)
        functions = self.functions_from(reached) | self.functions_below(called)
        found = [self._bfloat16[node] for node in reached if node in self._bfloat16]
        inside = [self._function_bfloat16[each] for each in functions if each in self._function_bfloat16]
        return set().union(*found, *inside)

    def remote_from(self, nodes: Iterable[str], called: Iterable[str] = ()) -> set[str]:
        """Return the devices elsewhere on which ops must run for these nodes and functions.

        Ops that hold, read or assign a variable do not count.
        """
        reached = self.nodes_from(nodes)
        functions = self.functions_from(reached) | self.functions_below(called)
        found = {
            self._remote[node]
            for node in reached & self._remote.keys()
            if self._ops.get(node) not in _OF_VARIABLES
        }
        return found.union(
            *(self._function_remote[each] for each in functions & self._function_remote.keys())
        )

    def remote(self) -> set[str]:
        """Return the devices elsewhere on which any node of the graph itself is placed."""
        return set(self._remote.values())

    def functions_from(self, nodes: Iterable[str]) -> set[str]:
        """Return the functions that may run for these nodes of the graph; op types may be among them."""
        reached = self.nodes_from(nodes)
        # TF 1 calls a function by its name, as if it were an op.
        entered = {name for node in reached for name in self._calls.get(node, ())}
        return self.functions_below(entered | {self._ops[node] for node in reached if node in self._ops})

    def functions_below(self, functions: Iterable[str]) -> set[str]:
        """Return these functions and those that they may call; op types may be among them."""
        return _closure(functions, self._leads_to)


def is_remote(device: str) -> bool:
    """Whether a device belongs to another process: another job than ``localhost``, or another task of one."""
    found = re.findall(r"/(job|replica|task):([^/]+)", device)
    return any(value not in {"*", "localhost" if part == "job" else "0"} for part, value in found)


def node_of(tensor: str) -> str:
    """Return the node's name in an input or a signature: ``^n``, ``n:0`` and ``n`` all mean n."""
    return tensor.lstrip("^").partition(":")[0]


def _called(node: pb.NodeDef) -> set[str]:
    """Return the names of functions in the attributes of a node: those that it calls or may call."""
    called = {value.func.name for value in node.attr.values() if value.func.name}
    return called | {each.name for value in node.attr.values() for each in value.list.func}


def _in_bfloat16(node: pb.NodeDef) -> set[str]:
    return {f"{node.op}.{name}" for name, value in node.attr.items() if value.type == _BFLOAT16}


def _closure(start: Iterable[str], edges: dict[str, set[str]] | dict[str, list[str]]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for each in edges.get(waiting.pop(), ()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found
