"""The shapes that arithmetic, convolutions and poolings make of their inputs.

Sources: the shape functions in tensorflow/core/ops/{math,nn}_ops.cc and
tensorflow/core/framework/common_shape_fns.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.models.savedmodel.known_shape import (
    UNKNOWN,
    Known,
    axis_of,
    listed_values,
    require_fit,
    same_size,
    small_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.known_shape import Values
    from savedmodel_matrix.models.savedmodel.reader import Shape

WINDOWS = frozenset(
    {
        *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "MaxPool3D"),
        *("AvgPool3D",),
    }
)


_OVER: Mapping[str, Callable[[Values, Values], Values]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "FloorDiv": np.floor_divide,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
}


def broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    """Return the shape to which tensors are broadcast; raises RejectedError."""
    if any(each is None for each in shapes):
        return None
    known = [each for each in shapes if each is not None]
    rank = max(map(len, known), default=0)
    result: list[int | None] = []
    for axis in range(-rank, 0):
        sizes = [each[axis] for each in known if -axis <= len(each)]
        large = {each for each in sizes if each not in {1, None}}
        require_fit(len(large) <= 1)
        result.append(next(iter(large), None if None in sizes else 1))
    return tuple(result)


def computed(op: str, inputs: Sequence[Known]) -> Values | None:
    """Return what an op of two small values gives; None if it is not known."""
    if op not in _OVER or len(inputs) != 2 or inputs[0].value is None or inputs[1].value is None:
        return None
    with np.errstate(all="ignore"):
        return small_value(_OVER[op](inputs[0].value, inputs[1].value))


def reduced(node: pb.NodeDef, inputs: list[Known]) -> Known:
    """Return what is left after a sum, a mean, or the like over some axes."""
    source, axes = inputs[0], listed_values(inputs[1])
    value = None
    if node.op == "Prod" and source.value is not None and source.value.ndim == 1:
        value = np.asarray(np.prod(source.value))
    if source.shape is None or axes is None or None in axes:
        return Known(None, value)
    rank, keep = len(source.shape), node.attr["keep_dims"].b
    gone = {axis_of(each, rank) for each in axes}
    sizes = [(axis in gone, size) for axis, size in enumerate(source.shape)]
    return Known(tuple(1 if lost else size for lost, size in sizes if keep or not lost), value)


def multiplied(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the product of two matrices, or of two batches of them."""
    batched = node.op != "MatMul"
    flags = ("adj_x", "adj_y") if batched else ("transpose_a", "transpose_b")
    ends = []
    for each, flag in zip(inputs, flags, strict=False):
        if each.shape is None:
            return [UNKNOWN]
        require_fit(len(each.shape) >= 2 if batched else len(each.shape) == 2)
        rows, columns = each.shape[-2:]
        ends.append((columns, rows) if node.attr[flag].b else (rows, columns))
    same_size(ends[0][1], ends[1][0])
    outer = broadcast([each.shape[:-2] for each in inputs if each.shape is not None]) or ()
    return [Known((*outer, ends[0][0], ends[1][1]))]


def bias_added(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the input of a BiasAdd, whose last axis the bias has to fit."""
    shape, bias = inputs[0].shape, inputs[1].shape
    if shape is not None and bias is not None and node.attr["data_format"].s != b"NCHW":
        require_fit(len(shape) >= 2)
        same_size(shape[-1], bias[0])
    return [Known(shape)]


def windowed(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the shape after a convolution or a pooling, of any number of spatial axes."""
    shape, window = inputs[0].shape, None
    convolves = "Conv" in node.op
    if shape is None:
        return [UNKNOWN]
    rank = 5 if "3D" in node.op else 4
    require_fit(len(shape) == rank)
    first = node.attr["data_format"].s.startswith(b"NC")
    channels, spatial = (1, range(2, rank)) if first else (rank - 1, range(1, rank - 1))
    if convolves:
        window = inputs[1].shape
        if window is None or len(window) != rank:
            return [Known((shape[0],) + (None,) * (rank - 1))]
        depth, kernel = shape[channels], window[-2]
        if depth is not None and kernel:
            require_fit(depth % kernel == 0 if "Depthwise" not in node.op else depth == kernel)
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
        require_fit(made >= 0)
        result[axis] = made
    return [Known(tuple(result))]


def summed_over(node: pb.NodeDef, inputs: list[Known]) -> list[Known]:
    """Return the result of an Einsum without an ellipsis."""
    left, _, right = node.attr["equation"].s.decode("ascii", "replace").partition("->")
    sizes: dict[str, int | None] = {}
    if "." in left:
        return [UNKNOWN]
    for labels, each in zip(left.split(","), inputs, strict=True):
        if each.shape is None:
            continue
        require_fit(len(labels) == len(each.shape))
        for label, size in zip(labels, each.shape, strict=True):
            sizes[label] = same_size(sizes.get(label), size)
    return [Known(tuple(sizes.get(each) for each in right))]
