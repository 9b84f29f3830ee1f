"""Whether inputs of given shapes fit a graph, as far as its constants and the shapes of its weights tell.

Shapes are followed from the inputs to the outputs through called functions. An op that is not known here, a
loop and a branch give unknown shapes, which fit everything: a misfit is one that TensorFlow's own kernels
reject. Sources: the shape functions in tensorflow/core/ops/{array,math,nn,image}_ops.cc and
tensorflow/core/framework/common_shape_fns.cc.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.models.savedmodel.flow import SAME, constant_of, placed
from savedmodel_matrix.models.savedmodel.reader import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope, Tensor
    from savedmodel_matrix.models.savedmodel.reader import Shape

Values = np.ndarray[Any, np.dtype[Any]]

#: A tensor that holds a shape is no longer.
_MOST_VALUES = 64
#: Nodes looked at in all; a large model has ten thousand, and a search for shapes looks at each many times.
_MOST_NODES = 400_000

_FEEDS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_LIKE_FIRST = (SAME - {"EnsureShape"}) | frozenset(
    {
        *("Abs", "Cast", "Ceil", "Cos", "Elu", "Erf", "Exp", "Expm1", "Floor", "IsFinite"),
        *("IsInf", "IsNan", "LeakyRelu", "Log", "Log1p", "LogSoftmax", "LogicalNot", "Neg"),
        *("OnesLike", "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Selu", "Sigmoid", "Sign"),
        *("Sin", "Softmax", "Softplus", "Softsign", "Sqrt", "Square", "Tanh", "ZerosLike"),
        *("ReadVariableOp", "AsString", "StringLower", "StringUpper", "StringStrip"),
        *("StaticRegexReplace", "RegexReplace", "StringToHashBucketFast"),
        *("StringToHashBucketStrong", "StringToNumber", "StringLength", "Bucketize"),
        *("DisableCopyOnRead", "Reverse", "ReverseV2", "Roll", "ClipByValue"),
        *("FakeQuantWithMinMaxVars", "LRN", "Cumsum", "FusedBatchNorm", "FusedBatchNormV2"),
        *("FusedBatchNormV3",),
    }
)
_BROADCAST = frozenset(
    {
        *("Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "DivNoNan", "FloorDiv", "FloorMod"),
        *("Maximum", "Minimum", "Pow", "SquaredDifference", "Greater", "GreaterEqual", "Less"),
        *("LessEqual", "LogicalAnd", "LogicalOr", "SelectV2"),
    }
)
_WINDOWS = frozenset(
    {
        *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "MaxPool3D"),
        *("AvgPool3D",),
    }
)
_REDUCES = frozenset({"Mean", "Sum", "Max", "Min", "Prod", "Any", "All", "EuclideanNorm"})
_OVER: Mapping[str, Callable[[Values, Values], Values]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "FloorDiv": np.floor_divide,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
}


class MisfitError(Exception):
    """A shape that an op rejects."""


@dataclass(frozen=True)
class Known:
    """What is known of a tensor: None for an unknown size or rank.

    ``value`` is that of a small tensor of whole numbers, as float64 with NaN for what is unknown.
    """

    shape: Shape | None = None
    value: Values | None = None

    @property
    def size(self) -> int | None:
        """The number of elements."""
        if self.shape is None or any(each is None for each in self.shape):
            return None
        return math.prod(each or 0 for each in self.shape)


_UNKNOWN = Known()


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
            inputs = [found.get(each, _UNKNOWN) for each in names]
            inner = self._flow.entered(scope, node)
            if inner is not None and node.op not in {"While", "StatelessWhile"}:
                outputs = self._run(inner, inputs, {})
            elif node.op in _FEEDS and (node.name, 0) in given:
                outputs = [_fed(node, given[node.name, 0])]
            else:
                outputs = self._outputs(node, inputs)
            if self._useful and node.op in _WINDOWS and 0 in (outputs[0].shape or ()):
                raise MisfitError(f"op {node.op} ({node.name}) makes nothing of {shown(inputs[0].shape)}")
            for place, each in enumerate(outputs):
                found[node.name, place] = each
        return [found.get(each, _UNKNOWN) for each in scope.body.results]

    def _outputs(self, node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
        try:
            return _outputs(node, inputs)
        except MisfitError:
            # Seen: Grappler removes a Reshape of [?,6] to [1,6], and with it the error for other batches.
            shape, wanted = (inputs[0].shape, inputs[1].value) if node.op == "Reshape" else (None, None)
            if self._useful or shape is None or wanted is None or wanted.size != len(shape):
                raise
            return [_UNKNOWN]

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
    if len(declared) != len(shape) or any(_differ(*each) for each in zip(declared, shape, strict=True)):
        raise MisfitError(f"the graph takes {shown(declared)} as {node.name}, not {shown(shape)}")
    return Known(shape)


def declared_shape(node: pb.NodeDef) -> Shape | None:
    """Return the shape that a placeholder itself has; None if that is unknown.

    TF 1.0 wrote an empty shape for an unknown one, so that an empty shape says nothing by itself.
    """
    inferred = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
    if inferred:
        return shape_of(inferred[0])
    return shape_of(node.attr["shape"].shape) or None


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


def shown(shape: Shape | None) -> str:
    """Return a shape in readable form, for example ``[?,28,28]``."""
    if shape is None:
        return "[any rank]"
    return f"[{','.join('?' if each is None else str(each) for each in shape)}]"


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def _outputs(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return what is known of a node's outputs; raises MisfitError."""
    rule = _RULES.get(node.op)
    try:
        if node.op in _LIKE_FIRST:
            return [inputs[0]] if inputs else []
        if node.op in _BROADCAST:
            return [Known(_broadcast([each.shape for each in inputs]), _computed(node.op, inputs))]
        if node.op in _REDUCES:
            return [_reduced(node, inputs)]
        return [] if rule is None else rule(node, inputs)
    except _RejectedError:
        taken = " and ".join(shown(each.shape) for each in inputs if each.shape is not None)
        raise MisfitError(f"op {node.op} ({node.name}) does not fit {taken}") from None
    except (IndexError, ValueError, TypeError, OverflowError):
        return []  # a node that is not as TensorFlow writes it


class _RejectedError(Exception):
    """What a rule raises for inputs that the op's kernel rejects."""


def _require(fits: bool) -> None:
    if not fits:
        raise _RejectedError


def _same(one: int | None, other: int | None) -> int | None:
    _require(not _differ(one, other))
    return other if one is None else one


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _list(known: Known) -> list[int | None] | None:
    return None if known.value is None else [_whole(each) for each in known.value.ravel().tolist()]


def _broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    if any(each is None for each in shapes):
        return None
    known = [each for each in shapes if each is not None]
    rank = max(map(len, known), default=0)
    result: list[int | None] = []
    for axis in range(-rank, 0):
        sizes = [each[axis] for each in known if -axis <= len(each)]
        large = {each for each in sizes if each not in {1, None}}
        _require(len(large) <= 1)
        result.append(next(iter(large), None if None in sizes else 1))
    return tuple(result)


def _computed(op: str, inputs: Sequence[Known]) -> Values | None:
    if op not in _OVER or len(inputs) != 2 or inputs[0].value is None or inputs[1].value is None:
        return None
    with np.errstate(all="ignore"):
        return _small(_OVER[op](inputs[0].value, inputs[1].value))


def _small(value: Values) -> Values | None:
    return np.asarray(value, np.float64) if np.size(value) <= _MOST_VALUES else None


def _axis(value: int | None, rank: int) -> int | None:
    if value is None:
        return None
    _require(-rank <= value < rank)
    return value % rank


def _reduced(node: pb.NodeDef, inputs: list[Known]) -> Known:
    source, axes = inputs[0], _list(inputs[1])
    value = None
    if node.op == "Prod" and source.value is not None and source.value.ndim == 1:
        value = np.asarray(np.prod(source.value))
    if source.shape is None or axes is None or None in axes:
        return Known(None, value)
    rank, keep = len(source.shape), node.attr["keep_dims"].b
    gone = {_axis(each, rank) for each in axes}
    sizes = [(axis in gone, size) for axis, size in enumerate(source.shape)]
    return Known(tuple(1 if lost else size for lost, size in sizes if keep or not lost), value)


def _constant(node: pb.NodeDef, _: list[Known]) -> list[Known]:
    message = node.attr["value"].tensor
    value = (
        constant_of(message) if math.prod(max(d.size, 1) for d in message.tensor_shape.dim) <= 64 else None
    )
    whole = value is not None and value.dtype.kind == "i"
    return [
        Known(
            shape_of(message.tensor_shape), value.astype(np.float64) if whole and value is not None else None
        )
    ]


def _variable(node: pb.NodeDef, _: list[Known]) -> list[Known]:
    """Return the shape of a variable; that of its handle stands for it."""
    return [Known(shape_of(node.attr["shape"].shape) if "shape" in node.attr else None)]


def _shape_op(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    found = []
    for each in inputs:
        shape = each.shape
        if shape is None:
            found.append(Known((None,)))
        else:
            sizes = np.array([math.nan if size is None else size for size in shape], np.float64)
            found.append(Known((len(shape),), sizes))
    return found if node.op == "ShapeN" else found[:1]


def _matmul(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    batched = node.op != "MatMul"
    flags = ("adj_x", "adj_y") if batched else ("transpose_a", "transpose_b")
    ends = []
    for each, flag in zip(inputs, flags, strict=False):
        if each.shape is None:
            return [_UNKNOWN]
        _require(len(each.shape) >= 2 if batched else len(each.shape) == 2)
        rows, columns = each.shape[-2:]
        ends.append((columns, rows) if node.attr[flag].b else (rows, columns))
    _same(ends[0][1], ends[1][0])
    outer = _broadcast([each.shape[:-2] for each in inputs if each.shape is not None]) or ()
    return [Known((*outer, ends[0][0], ends[1][1]))]


def _bias(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, bias = inputs[0].shape, inputs[1].shape
    if shape is not None and bias is not None and node.attr["data_format"].s != b"NCHW":
        _require(len(shape) >= 2)
        _same(shape[-1], bias[0])
    return [Known(shape)]


def _windows(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the shape after a convolution or a pooling, of any number of spatial axes."""
    shape, window = inputs[0].shape, None
    convolves = "Conv" in node.op
    if shape is None:
        return [_UNKNOWN]
    rank = 5 if "3D" in node.op else 4
    _require(len(shape) == rank)
    first = node.attr["data_format"].s.startswith(b"NC")
    channels, spatial = (1, range(2, rank)) if first else (rank - 1, range(1, rank - 1))
    if convolves:
        window = inputs[1].shape
        if window is None or len(window) != rank:
            return [Known((shape[0],) + (None,) * (rank - 1))]
        depth, kernel = shape[channels], window[-2]
        if depth is not None and kernel:
            _require(depth % kernel == 0 if "Depthwise" not in node.op else depth == kernel)
        out = window[-1]
        if "Depthwise" in node.op:
            out = None if out is None or depth is None else depth * out
        sizes: Sequence[int | None] = window[: rank - 2]
    else:
        out = shape[channels]
        sizes = [node.attr["ksize"].list.i[axis] for axis in spatial]
    strides, dilations = list(node.attr["strides"].list.i), list(node.attr["dilations"].list.i)
    padding, explicit = node.attr["padding"].s, list(node.attr["explicit_paddings"].list.i)
    result: list[int | None] = list(shape)
    result[channels] = out
    for axis, size in zip(spatial, sizes, strict=True):
        length = shape[axis]
        result[axis] = None
        if length is None or size is None:
            continue
        if padding == b"SAME":
            result[axis] = -(-length // strides[axis])
            continue
        reach = (size - 1) * (dilations[axis] if dilations else 1) + 1
        length += sum(explicit[2 * axis : 2 * axis + 2]) if padding == b"EXPLICIT" else 0
        # As C++ divides: less than a stride short gives an empty output, and no error.
        made = int((length - reach + strides[axis]) / strides[axis])
        _require(made >= 0)
        result[axis] = made
    return [Known(tuple(result))]


def _reshape(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    wanted, size = _list(inputs[1]), inputs[0].size
    if wanted is None:
        length = inputs[1].shape[0] if inputs[1].shape else None
        return [Known(None if length is None else (None,) * length)]
    known = math.prod(each for each in wanted if each is not None and each >= 0)
    free = [at for at, each in enumerate(wanted) if each is None or each < 0]
    result = [None if each is None or each < 0 else each for each in wanted]
    if size is not None:
        if not free:
            _require(known == size)
        elif known:
            # An unknown size times others must still make the number of elements.
            _require(size % known == 0)
            if len(free) == 1:
                result[free[0]] = size // known
    values = inputs[0].value
    return [Known(tuple(result), None if values is None or len(wanted) != 1 else values.reshape(-1))]


def _expanded(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:  # noqa: ARG001 - the form of every rule
    shape, axes = inputs[0].shape, _list(inputs[1])
    if shape is None or axes is None or axes[0] is None:
        return [_UNKNOWN]
    _require(-len(shape) - 1 <= axes[0] <= len(shape))
    at = axes[0] % (len(shape) + 1)
    value = None if inputs[0].value is None else np.expand_dims(inputs[0].value, at)
    return [Known((*shape[:at], 1, *shape[at:]), value)]


def _squeezed(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape = inputs[0].shape
    if shape is None:
        return [_UNKNOWN]
    axes = {_axis(each, len(shape)) for each in node.attr["squeeze_dims"].list.i}
    if not axes and None in shape:
        return [_UNKNOWN]
    for axis in axes:
        _same(shape[axis or 0], 1)
    kept = [size for axis, size in enumerate(shape) if (axis not in axes if axes else size != 1)]
    value = None if inputs[0].value is None else inputs[0].value.reshape([each or 0 for each in kept])
    return [Known(tuple(kept), value)]


def _transposed(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, order = inputs[0].shape, _list(inputs[1])
    if shape is None or order is None:
        return [_UNKNOWN]
    _require(len(order) == len(shape))
    return [Known(tuple(None if each is None else shape[each] for each in order))]


def _joined(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    axes, parts = (inputs[0], inputs[1:]) if node.op == "Concat" else (inputs[-1], inputs[:-1])
    known, shapes = _list(axes), [each.shape for each in parts if each.shape is not None]
    if known is None or not shapes or known[0] is None:
        return [_UNKNOWN]
    _require(len({len(each) for each in shapes}) == 1)
    axis = _axis(known[0], len(shapes[0])) or 0
    result = list(shapes[0])
    for each in shapes[1:]:
        result = [
            _same(*sizes) if at != axis else None for at, sizes in enumerate(zip(result, each, strict=True))
        ]
    along = [None if each.shape is None else each.shape[axis] for each in parts]
    result[axis] = None if None in along else sum(each or 0 for each in along)
    values = [each.value for each in parts if each.value is not None and each.value.ndim == 1]
    value = _small(np.concatenate(values)) if len(values) == len(parts) else None
    return [Known(tuple(result), value)]


def _packed(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shapes = [each.shape for each in inputs if each.shape is not None]
    if not shapes:
        return [_UNKNOWN]
    _require(len({len(each) for each in shapes}) == 1)
    result = list(shapes[0])
    for each in shapes[1:]:
        result = [_same(*sizes) for sizes in zip(result, each, strict=True)]
    at = _axis(node.attr["axis"].i, len(result) + 1) or 0
    value = None
    if not result:
        # A scalar of which nothing is known is one unknown size.
        value = _small(np.array([math.nan if each.value is None else float(each.value) for each in inputs]))
    return [Known((*result[:at], len(inputs), *result[at:]), value)]


def _sliced(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return a strided slice; nothing is known if a bound is not."""
    source, bounds = inputs[0], [_list(each) for each in inputs[1:4]]
    if source.shape is None or any(each is None or None in each for each in bounds):
        return [_UNKNOWN]
    begins, ends, steps = ([each or 0 for each in bound or ()] for bound in bounds)
    masks = {
        name: node.attr[f"{name}_mask"].i for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    index: list[Any] = []
    for at, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        bit = 1 << at
        if masks["ellipsis"] & bit:
            index.append(Ellipsis)
        elif masks["new_axis"] & bit:
            index.append(None)
        elif masks["shrink_axis"] & bit:
            index.append(begin)
        else:
            index.append(
                slice(None if masks["begin"] & bit else begin, None if masks["end"] & bit else end, step)
            )
    result: list[int | None] = []
    axis = 0
    for part in _without_ellipsis(index, len(source.shape)):
        if part is None:
            result.append(1)
            continue
        _require(axis < len(source.shape))
        size, axis = source.shape[axis], axis + 1
        if isinstance(part, int):
            _require(size is None or -size <= part < size)
        elif part == slice(None, None, 1):
            result.append(size)
        else:
            result.append(None if size is None else len(range(*part.indices(size))))
    value = None
    if source.value is not None and source.value.ndim == len(source.shape):
        value = np.asarray(source.value[tuple(index)], np.float64)
    return [Known((*result, *source.shape[axis:]), value)]


def _without_ellipsis(index: list[Any], rank: int) -> list[Any]:
    if Ellipsis not in index:
        return index
    at = index.index(Ellipsis)
    others = sum(each is not None and each is not Ellipsis for each in index)
    return [*index[:at], *[slice(None, None, 1)] * max(rank - others, 0), *index[at + 1 :]]


def _gathered(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    table, indices = inputs[0], inputs[1]
    axes = _list(inputs[2]) if len(inputs) > 2 else [0]
    if axes is None or axes[0] is None or table.shape is None or indices.shape is None:
        return [_UNKNOWN]
    if node.attr["batch_dims"].i:
        return [_UNKNOWN]
    axis = _axis(axes[0], len(table.shape)) or 0
    value = None
    picks = _list(indices)
    if table.value is not None and table.value.ndim == 1 and picks is not None and None not in picks:
        taken = np.asarray(indices.value, np.int64)
        _require(bool((taken >= 0).all() and (taken < len(table.value)).all()))
        value = np.asarray(table.value[taken], np.float64)
    return [Known((*table.shape[:axis], *indices.shape, *table.shape[axis + 1 :]), value)]


def _of_shape(at: int) -> Callable[[pb.NodeDef, list[Known]], list[Known]]:
    """Return the rule of an op whose output has the shape that its input of this place holds."""

    def rule(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
        sizes = _list(inputs[at])
        return [_UNKNOWN if sizes is None else Known(tuple(sizes))]

    return rule


def _padded(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, around = inputs[0].shape, inputs[1].value
    if shape is None:
        return [_UNKNOWN]
    if around is None or around.ndim != 2:
        return [Known((None,) * len(shape))]
    _require(len(around) == len(shape))
    added = [_whole(each) for each in around.sum(axis=1).tolist()]
    return [
        Known(tuple(None if s is None or a is None else s + a for s, a in zip(shape, added, strict=True)))
    ]


def _parts(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the parts of Unpack, which lose the axis, or of Split, which divides it."""
    unpacks = node.op == "Unpack"
    source = inputs[0] if unpacks else inputs[1]
    number = min(node.attr["num" if unpacks else "num_split"].i, 256)
    axes = [node.attr["axis"].i] if unpacks else _list(inputs[0])
    if source.shape is None or axes is None or axes[0] is None:
        return [_UNKNOWN] * number
    axis = _axis(axes[0], len(source.shape)) or 0
    size, shape = source.shape[axis], source.shape
    if unpacks:
        _same(size, node.attr["num"].i)
        return [Known(shape[:axis] + shape[axis + 1 :])] * number
    _require(size is None or size % node.attr["num_split"].i == 0)
    each = None if size is None else size // node.attr["num_split"].i
    return [Known((*shape[:axis], each, *shape[axis + 1 :]))] * number


def _resized(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, sizes = inputs[0].shape, _list(inputs[1])
    if shape is None:
        return [_UNKNOWN]
    _require(len(shape) == 4)
    height, width = sizes if sizes is not None and len(sizes) == 2 else (None, None)
    return [Known((shape[0], height, width, shape[3]))]


def _ensured(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    wanted, shape = shape_of(node.attr["shape"].shape), inputs[0].shape
    if wanted is None or shape is None:
        return [Known(wanted if shape is None else shape)]
    _require(len(wanted) == len(shape))
    return [Known(tuple(_same(*each) for each in zip(wanted, shape, strict=True)))]


def _one_hot(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    depth = _list(inputs[1])
    if inputs[0].shape is None or node.attr["axis"].i != -1:
        return [_UNKNOWN]
    return [Known((*inputs[0].shape, depth[0] if depth else None))]


def _einsum(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    left, _, right = node.attr["equation"].s.decode("ascii", "replace").partition("->")
    sizes: dict[str, int | None] = {}
    if "." in left:
        return [_UNKNOWN]
    for labels, each in zip(left.split(","), inputs, strict=True):
        if each.shape is None:
            continue
        _require(len(labels) == len(each.shape))
        for label, size in zip(labels, each.shape, strict=True):
            sizes[label] = _same(sizes.get(label), size)
    return [Known(tuple(sizes.get(each) for each in right))]


def _assigned(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    variable, value = inputs[0].shape, inputs[1].shape
    if variable is not None and value is not None:
        _require(len(variable) == len(value) and not any(map(_differ, variable, value)))
    return [Known(variable)]


def _parsed(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    _require(inputs[0].shape is None or len(inputs[0].shape) == 1)
    return []


def _found_in_table(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    return [Known(inputs[1].shape)]


_RULES: Mapping[str, Callable[[pb.NodeDef, list[Known]], list[Known]]] = {
    "Const": _constant,
    **dict.fromkeys(("VarHandleOp", "VariableV2", "Variable"), _variable),
    **dict.fromkeys(_FEEDS, lambda node, _: [Known(declared_shape(node))]),
    **dict.fromkeys(("Shape", "ShapeN"), _shape_op),
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _matmul),
    "BiasAdd": _bias,
    **dict.fromkeys(_WINDOWS, _windows),
    "Reshape": _reshape,
    "ExpandDims": _expanded,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
    **dict.fromkeys(("Concat", "ConcatV2"), _joined),
    "Pack": _packed,
    "StridedSlice": _sliced,
    **dict.fromkeys(("Gather", "GatherV2", "ResourceGather"), _gathered),
    "Fill": _of_shape(0),
    "BroadcastTo": _of_shape(1),
    **dict.fromkeys(("Pad", "PadV2", "MirrorPad"), _padded),
    **dict.fromkeys(("Unpack", "Split"), _parts),
    **dict.fromkeys(("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea"), _resized),
    "EnsureShape": _ensured,
    "OneHot": _one_hot,
    "Einsum": _einsum,
    **dict.fromkeys(("AssignAdd", "AssignSub"), _assigned),
    "ParseExample": _parsed,
    **dict.fromkeys(("LookupTableFind", "LookupTableFindV2"), _found_in_table),
}
