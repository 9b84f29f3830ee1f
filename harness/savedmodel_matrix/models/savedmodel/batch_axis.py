"""Whether an op reduces over the rows of the batch, told from the graph alone.

The first axis of a signature's input is taken to be the batch. It is followed only through ops that are
known to leave it first; anything else, and any axis that is not a constant, proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel.randomness import Frame, Node, Origins, Place

_REDUCES = frozenset({"Mean", "Sum", "Max", "Min", "Prod", "EuclideanNorm"})
_LOOPS = frozenset({"While", "StatelessWhile"})
_FEEDS = frozenset({"Placeholder", "PlaceholderWithDefault"})
#: Ops whose rows are those of their first input.
_OF_FIRST = frozenset(
    {
        "Abs",
        "AvgPool",
        "BiasAdd",
        "Cast",
        "Ceil",
        "CheckNumerics",
        "Conv1D",
        "Conv2D",
        "Conv3D",
        "Cos",
        "DepthwiseConv2dNative",
        "Elu",
        "EnsureShape",
        "Erf",
        "Exp",
        "Expm1",
        "Floor",
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "Identity",
        "IsFinite",
        "LeakyRelu",
        "Log",
        "Log1p",
        "LogSoftmax",
        "MatMul",
        "MaxPool",
        "Neg",
        "Pow",
        "PreventGradient",
        "Reciprocal",
        "Relu",
        "Relu6",
        "Round",
        "Rsqrt",
        "Selu",
        "Sigmoid",
        "Sign",
        "Sin",
        "Snapshot",
        "Softmax",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Square",
        "StopGradient",
        "Tanh",
    }
)
#: Ops of two inputs, either of which may have the rows.
_OF_EITHER = frozenset(
    {
        "Add",
        "AddN",
        "AddV2",
        "Div",
        "DivNoNan",
        "Maximum",
        "Minimum",
        "Mul",
        "RealDiv",
        "SquaredDifference",
        "Sub",
        "Xdivy",
    }
)
_MOST = 2_000


def mixes_rows(origins: Origins, frame: Frame, node: Node) -> bool:
    """Whether a node reduces numbers that depend on the inputs over the rows of the batch."""
    if node.op not in _REDUCES or not node.is_float or len(node.inputs) < 2 or _in_a_loop(origins, frame):
        return False
    place = origins.place(frame, node.inputs[0])
    if place is None:
        return False
    axes = origins.constant(frame, node.inputs[1])
    if axes is None:
        return _is_every_axis(origins, frame, node) and _depends_on_inputs(origins, place)
    named = [int(each) for each in axes.ravel()]
    if 0 not in named:
        return False
    # With a second axis, what is reduced is not a stack of a few tensors.
    return _depends_on_inputs(origins, place) if len(named) > 1 else _has_rows_first(origins, place)


def _in_a_loop(origins: Origins, frame: Frame) -> bool:
    while frame.above is not None:
        if origins.node(frame.above, frame.node).op in _LOOPS:
            return True
        frame = frame.above
    return False


def _is_every_axis(origins: Origins, frame: Frame, node: Node) -> bool:
    place = origins.place(frame, node.inputs[1])
    return place is not None and origins.node(*place[:2]).op == "Range"


def _depends_on_inputs(origins: Origins, place: Place) -> bool:
    return any(
        frame.above is None and origins.node(frame, name).op in _FEEDS
        for frame, name, _ in origins.read_values([place])
    )


def _has_rows_first(origins: Origins, place: Place) -> bool:
    """Whether the first axis of a tensor is that of an input, as far as known ops show."""
    seen, waiting = {place}, [place]
    while waiting and len(seen) < _MOST:
        frame, name, number = waiting.pop()
        node = origins.node(frame, name)
        if node.op in _FEEDS:
            if frame.above is None:
                return True
            continue
        for each in _rows_from(origins, (frame, name, number), node):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return False


def _rows_from(origins: Origins, place: Place, node: Node) -> list[Place]:
    frame = place[0]
    if node.called:
        return list(origins.returned(place))
    inputs = [each for each in node.inputs if not each.startswith("^")]
    if node.op in _OF_FIRST:
        inputs = inputs[:1]
    elif node.op == "Reshape":
        shape = origins.constant(frame, inputs[1]) if len(inputs) > 1 else None
        inputs = inputs[:1] if shape is not None and shape.size and int(shape.ravel()[0]) == -1 else []
    elif node.op not in _OF_EITHER:
        inputs = []
    return [found for each in inputs if (found := origins.place(frame, each)) is not None]
