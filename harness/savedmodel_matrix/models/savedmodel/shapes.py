"""Whether inputs of given shapes fit a graph, as far as its constants and the shapes of its weights tell.

Shapes are followed from the inputs to the outputs through called functions. An op that is not known here, a
loop and a branch give unknown shapes, which fit everything: a misfit is one that TensorFlow's own kernels
reject.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.flow import placed
from savedmodel_matrix.models.savedmodel.known_shape import (
    UNKNOWN,
    Known,
    MisfitError,
    declared_shape,
    shown,
    sizes_differ,
)
from savedmodel_matrix.models.savedmodel.reader import shape_of
from savedmodel_matrix.models.savedmodel.shape_math import (
    WINDOWS,
)
from savedmodel_matrix.models.savedmodel.shape_rules import (
    FEEDS,
    outputs_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope, Tensor
    from savedmodel_matrix.models.savedmodel.reader import Shape

#: Nodes looked at in all; a large model has ten thousand, and a search for shapes looks at each many times.
_MOST_NODES = 400_000


class Shapes:
    """The shapes of one signature's graph."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._left = _MOST_NODES
        self._useful = False
        self._orders: dict[int, list[pb.NodeDef]] = {}

    def misfit(self, given: Mapping[Tensor, Shape | None], *, useful: bool = False) -> str | None:
        """Return which op rejects inputs of these shapes; None if nothing known does.

        ``given`` are the shapes of the placeholders that are fed; an unknown size fits everything. With
        ``useful``, outputs must make sense, too: TensorFlow runs a convolution whose output is empty, and any
        batch where Grappler takes its reshaping to a fixed one for superfluous.
        """
        self._useful = useful
        try:
            self._run(self._flow.graph, (), dict(given))
        except MisfitError as error:
            return str(error)
        return None

    def _run(
        self, scope: Scope, arguments: Sequence[Known], given: Mapping[Tensor, Shape | None]
    ) -> list[Known]:
        found: dict[Tensor, Known] = {
            (name, 0): each for name, each in zip(scope.body.args, arguments, strict=False)
        }
        for node in self._order(scope):
            self._left -= 1
            if self._left < 0:
                break
            names = [placed(scope.body, each) for each in node.input if not each.startswith("^")]
            inputs = [found.get(each, UNKNOWN) for each in names]
            inner = self._flow.entered(scope, node)
            if inner is not None and node.op not in {"While", "StatelessWhile"}:
                outputs = self._run(inner, inputs, {})
            elif node.op in FEEDS and (node.name, 0) in given:
                outputs = [_fed(node, given[node.name, 0])]
            else:
                outputs = self._outputs(node, inputs)
            if self._useful and node.op in WINDOWS and 0 in (outputs[0].shape or ()):
                raise MisfitError(f"op {node.op} ({node.name}) makes nothing of {shown(inputs[0].shape)}")
            for place, each in enumerate(outputs):
                found[node.name, place] = each
        return [found.get(each, UNKNOWN) for each in scope.body.results]

    def _outputs(self, node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
        try:
            return outputs_of(node, inputs)
        except MisfitError:
            # Seen: Grappler removes a Reshape of [?,6] to [1,6], and with it the error for other batches.
            shape, wanted = (inputs[0].shape, inputs[1].value) if node.op == "Reshape" else (None, None)
            if self._useful or shape is None or wanted is None or wanted.size != len(shape):
                raise
            return [UNKNOWN]

    def _order(self, scope: Scope) -> list[pb.NodeDef]:
        """Return the nodes that lead to the results, each after those that it takes from, but for loops."""
        known = self._orders.get(id(scope.body))
        if known is not None:
            return known
        nodes, order, state = scope.body.nodes, [], Counter[str]()
        waiting = [name for name, _ in scope.body.results]
        while waiting:
            name = waiting[-1]
            node = nodes.get(name)
            if node is None or state[name] == 2:
                waiting.pop()
                continue
            if state[name] == 1:
                state[name] = 2
                order.append(node)
                waiting.pop()
                continue
            state[name] = 1
            sources = (placed(scope.body, each)[0] for each in node.input if not each.startswith("^"))
            waiting += [each for each in sources if state[each] == 0]
        self._orders[id(scope.body)] = order
        return order


def _fed(node: pb.NodeDef, shape: Shape | None) -> Known:
    declared = declared_shape(node)
    if shape is None or declared is None:
        return Known(declared if shape is None else shape)
    if len(declared) != len(shape) or any(sizes_differ(*each) for each in zip(declared, shape, strict=True)):
        raise MisfitError(f"the graph takes {shown(declared)} as {node.name}, not {shown(shape)}")
    return Known(shape)


def weight_shape(flow: Flow, scope: Scope, name: str) -> Shape | None:
    """Return the shape of a node's input that is a weight or a constant; raises TangledError."""
    origin = flow.origin(scope, name)
    if origin is None:
        return None
    node = origin[1]
    if node.op == "Const":
        return shape_of(node.attr["value"].tensor.tensor_shape) if "value" in node.attr else None
    if node.op in {"VarHandleOp", "VariableV2", "Variable"}:
        return shape_of(node.attr["shape"].shape)
    return None
