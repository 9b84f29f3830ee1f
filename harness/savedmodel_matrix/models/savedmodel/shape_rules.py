"""What is known of an op's outputs from what is known of its inputs, op by op.

Sources: the shape functions in tensorflow/core/ops/{array,math,nn,image}_ops.cc and
tensorflow/core/framework/common_shape_fns.cc. A rule rejects only what TensorFlow's own kernels reject.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.models.savedmodel.flow import SAME, constant_of
from savedmodel_matrix.models.savedmodel.known_shape import (
    UNKNOWN,
    Known,
    MisfitError,
    RejectedError,
    axis_of,
    declared_shape,
    listed_values,
    require_fit,
    same_size,
    shown,
    sizes_differ,
    small_value,
    whole_size,
)
from savedmodel_matrix.models.savedmodel.reader import shape_of
from savedmodel_matrix.models.savedmodel.shape_math import (
    WINDOWS,
    bias_added,
    broadcast,
    computed,
    multiplied,
    reduced,
    summed_over,
    windowed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

FEEDS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})


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


_REDUCES = frozenset({"Mean", "Sum", "Max", "Min", "Prod", "Any", "All", "EuclideanNorm"})


def outputs_of(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return what is known of a node's outputs; raises MisfitError."""
    rule = _RULES.get(node.op)
    try:
        if node.op in _LIKE_FIRST:
            return [inputs[0]] if inputs else []
        if node.op in _BROADCAST:
            return [Known(broadcast([each.shape for each in inputs]), computed(node.op, inputs))]
        if node.op in _REDUCES:
            return [reduced(node, inputs)]
        return [] if rule is None else rule(node, inputs)
    except RejectedError:
        taken = " and ".join(shown(each.shape) for each in inputs if each.shape is not None)
        raise MisfitError(f"op {node.op} ({node.name}) does not fit {taken}") from None
    except (IndexError, ValueError, TypeError, OverflowError):
        return []  # a node that is not as TensorFlow writes it


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


def _reshape(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    wanted, size = listed_values(inputs[1]), inputs[0].size
    if wanted is None:
        length = inputs[1].shape[0] if inputs[1].shape else None
        return [Known(None if length is None else (None,) * length)]
    known = math.prod(each for each in wanted if each is not None and each >= 0)
    free = [at for at, each in enumerate(wanted) if each is None or each < 0]
    result = [None if each is None or each < 0 else each for each in wanted]
    if size is not None:
        if not free:
            require_fit(known == size)
        elif known:
            # An unknown size times others must still make the number of elements.
            require_fit(size % known == 0)
            if len(free) == 1:
                result[free[0]] = size // known
    values = inputs[0].value
    return [Known(tuple(result), None if values is None or len(wanted) != 1 else values.reshape(-1))]


def _expanded(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:  # noqa: ARG001 - the form of every rule
    shape, axes = inputs[0].shape, listed_values(inputs[1])
    if shape is None or axes is None or axes[0] is None:
        return [UNKNOWN]
    require_fit(-len(shape) - 1 <= axes[0] <= len(shape))
    at = axes[0] % (len(shape) + 1)
    value = None if inputs[0].value is None else np.expand_dims(inputs[0].value, at)
    return [Known((*shape[:at], 1, *shape[at:]), value)]


def _squeezed(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape = inputs[0].shape
    if shape is None:
        return [UNKNOWN]
    axes = {axis_of(each, len(shape)) for each in node.attr["squeeze_dims"].list.i}
    if not axes and None in shape:
        return [UNKNOWN]
    for axis in axes:
        same_size(shape[axis or 0], 1)
    kept = [size for axis, size in enumerate(shape) if (axis not in axes if axes else size != 1)]
    value = None if inputs[0].value is None else inputs[0].value.reshape([each or 0 for each in kept])
    return [Known(tuple(kept), value)]


def _transposed(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, order = inputs[0].shape, listed_values(inputs[1])
    if shape is None or order is None:
        return [UNKNOWN]
    require_fit(len(order) == len(shape))
    return [Known(tuple(None if each is None else shape[each] for each in order))]


def _joined(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    axes, parts = (inputs[0], inputs[1:]) if node.op == "Concat" else (inputs[-1], inputs[:-1])
    known, shapes = listed_values(axes), [each.shape for each in parts if each.shape is not None]
    if known is None or not shapes or known[0] is None:
        return [UNKNOWN]
    require_fit(len({len(each) for each in shapes}) == 1)
    axis = axis_of(known[0], len(shapes[0])) or 0
    result = list(shapes[0])
    for each in shapes[1:]:
        result = [
            same_size(*sizes) if at != axis else None
            for at, sizes in enumerate(zip(result, each, strict=True))
        ]
    along = [None if each.shape is None else each.shape[axis] for each in parts]
    result[axis] = None if None in along else sum(each or 0 for each in along)
    values = [each.value for each in parts if each.value is not None and each.value.ndim == 1]
    value = small_value(np.concatenate(values)) if len(values) == len(parts) else None
    return [Known(tuple(result), value)]


def _packed(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shapes = [each.shape for each in inputs if each.shape is not None]
    if not shapes:
        return [UNKNOWN]
    require_fit(len({len(each) for each in shapes}) == 1)
    result = list(shapes[0])
    for each in shapes[1:]:
        result = [same_size(*sizes) for sizes in zip(result, each, strict=True)]
    at = axis_of(node.attr["axis"].i, len(result) + 1) or 0
    value = None
    if not result:
        # A scalar of which nothing is known is one unknown size.
        value = small_value(
            np.array([math.nan if each.value is None else float(each.value) for each in inputs])
        )
    return [Known((*result[:at], len(inputs), *result[at:]), value)]


def _sliced(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return a strided slice; nothing is known if a bound is not."""
    source, bounds = inputs[0], [listed_values(each) for each in inputs[1:4]]
    if source.shape is None or any(each is None or None in each for each in bounds):
        return [UNKNOWN]
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
        require_fit(axis < len(source.shape))
        size, axis = source.shape[axis], axis + 1
        if isinstance(part, int):
            require_fit(size is None or -size <= part < size)
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
    axes = listed_values(inputs[2]) if len(inputs) > 2 else [0]
    if axes is None or axes[0] is None or table.shape is None or indices.shape is None:
        return [UNKNOWN]
    if node.attr["batch_dims"].i:
        return [UNKNOWN]
    axis = axis_of(axes[0], len(table.shape)) or 0
    value = None
    picks = listed_values(indices)
    if table.value is not None and table.value.ndim == 1 and picks is not None and None not in picks:
        taken = np.asarray(indices.value, np.int64)
        require_fit(bool((taken >= 0).all() and (taken < len(table.value)).all()))
        value = np.asarray(table.value[taken], np.float64)
    return [Known((*table.shape[:axis], *indices.shape, *table.shape[axis + 1 :]), value)]


def _of_shape(at: int) -> Callable[[pb.NodeDef, list[Known]], list[Known]]:
    """Return the rule of an op whose output has the shape that its input of this place holds."""

    def rule(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
        sizes = listed_values(inputs[at])
        return [UNKNOWN if sizes is None else Known(tuple(sizes))]

    return rule


def _padded(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, around = inputs[0].shape, inputs[1].value
    if shape is None:
        return [UNKNOWN]
    if around is None or around.ndim != 2:
        return [Known((None,) * len(shape))]
    require_fit(len(around) == len(shape))
    added = [whole_size(each) for each in around.sum(axis=1).tolist()]
    return [
        Known(tuple(None if s is None or a is None else s + a for s, a in zip(shape, added, strict=True)))
    ]


def _parts(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the parts of Unpack, which lose the axis, or of Split, which divides it."""
    unpacks = node.op == "Unpack"
    source = inputs[0] if unpacks else inputs[1]
    number = min(node.attr["num" if unpacks else "num_split"].i, 256)
    axes = [node.attr["axis"].i] if unpacks else listed_values(inputs[0])
    if source.shape is None or axes is None or axes[0] is None:
        return [UNKNOWN] * number
    axis = axis_of(axes[0], len(source.shape)) or 0
    size, shape = source.shape[axis], source.shape
    if unpacks:
        same_size(size, node.attr["num"].i)
        return [Known(shape[:axis] + shape[axis + 1 :])] * number
    require_fit(size is None or size % node.attr["num_split"].i == 0)
    each = None if size is None else size // node.attr["num_split"].i
    return [Known((*shape[:axis], each, *shape[axis + 1 :]))] * number


def _resized(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    shape, sizes = inputs[0].shape, listed_values(inputs[1])
    if shape is None:
        return [UNKNOWN]
    require_fit(len(shape) == 4)
    height, width = sizes if sizes is not None and len(sizes) == 2 else (None, None)
    return [Known((shape[0], height, width, shape[3]))]


def _ensured(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    wanted, shape = shape_of(node.attr["shape"].shape), inputs[0].shape
    if wanted is None or shape is None:
        return [Known(wanted if shape is None else shape)]
    require_fit(len(wanted) == len(shape))
    return [Known(tuple(same_size(*each) for each in zip(wanted, shape, strict=True)))]


def _one_hot(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    depth = listed_values(inputs[1])
    if inputs[0].shape is None or node.attr["axis"].i != -1:
        return [UNKNOWN]
    return [Known((*inputs[0].shape, depth[0] if depth else None))]


def _assigned(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    variable, value = inputs[0].shape, inputs[1].shape
    if variable is not None and value is not None:
        require_fit(len(variable) == len(value) and not any(map(sizes_differ, variable, value)))
    return [Known(variable)]


def _parsed(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    require_fit(inputs[0].shape is None or len(inputs[0].shape) == 1)
    return []


def _found_in_table(_: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    return [Known(inputs[1].shape)]


_RULES: Mapping[str, Callable[[pb.NodeDef, list[Known]], list[Known]]] = {
    "Const": _constant,
    **dict.fromkeys(("VarHandleOp", "VariableV2", "Variable"), _variable),
    **dict.fromkeys(FEEDS, lambda node, _: [Known(declared_shape(node))]),
    **dict.fromkeys(("Shape", "ShapeN"), _shape_op),
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), multiplied),
    "BiasAdd": bias_added,
    **dict.fromkeys(WINDOWS, windowed),
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
    "Einsum": summed_over,
    **dict.fromkeys(("AssignAdd", "AssignSub"), _assigned),
    "ParseExample": _parsed,
    **dict.fromkeys(("LookupTableFind", "LookupTableFindV2"), _found_in_table),
}
