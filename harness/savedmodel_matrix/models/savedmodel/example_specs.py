"""The features that an op parses out of serialized ``tf.Example`` messages.

Sources: tensorflow/core/ops/parsing_ops.cc, tensorflow/core/util/example_proto_helper.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.op_outputs import parsed_counts
from savedmodel_matrix.models.savedmodel.reader import dtype_name, shape_of
from savedmodel_matrix.models.savedmodel.wants import Feature, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope, Values

#: Real models have hundreds of features.
_MOST_FEATURES = 5000


def features_of(flow: Flow, scope: Scope, node: pb.NodeDef) -> list[tuple[Feature, int]]:
    """Return each feature that the op parses, and the place of its values among the op's outputs.

    Features whose keys are no constants of the graph are left out. Raises TangledError.
    """
    return list(_features(flow, scope, node))[:_MOST_FEATURES]


def _features(flow: Flow, scope: Scope, node: pb.NodeDef) -> Iterator[tuple[Feature, int]]:
    counts = parsed_counts(node)
    sparse, dense, ragged = counts["sparse_values"], counts["dense_values"], counts["ragged_values"]
    if sparse + dense + ragged > _MOST_FEATURES:
        return
    inputs = [each for each in node.input if not each.startswith("^")]
    ragged_keys: list[bytes] = []
    if node.op == "ParseSingleExample":
        sparse_keys = list(node.attr["sparse_keys"].list.s)
        dense_keys = list(node.attr["dense_keys"].list.s)
        defaults = inputs[1:]
    elif node.op == "ParseExample":
        keys = [_keys(flow.value(scope, each)) for each in inputs[2 : 2 + sparse + dense]]
        flat = [each[0] if each else b"" for each in keys]
        sparse_keys, dense_keys = flat[:sparse], flat[sparse:]
        defaults = inputs[2 + sparse + dense :]
    else:
        sparse_keys, dense_keys, ragged_keys = (_keys(flow.value(scope, each)) for each in inputs[2:5])
        defaults = inputs[5:]
    sparse_types = list(node.attr["sparse_types"].list.type)
    for at, (key, dtype) in enumerate(zip(sparse_keys, sparse_types, strict=False)):
        if key:
            yield Feature(key, dtype_name(dtype), Layout.VARIABLE, optional=True), sparse + at
    shapes = list(node.attr["dense_shapes"].list.shape)
    types = list(node.attr["Tdense"].list.type)
    for at, (key, dtype) in enumerate(zip(dense_keys, types, strict=False)):
        if key:
            shape = (shape_of(shapes[at]) if at < len(shapes) else None) or ()
            value = flow.value(scope, defaults[at]) if at < len(defaults) else None
            # An empty default means that the feature is required; any other is a default, known or not.
            optional = at < len(defaults) and not (value is not None and value.size == 0)
            yield Feature(key, dtype_name(dtype), Layout.FIXED, shape, optional=optional), 3 * sparse + at
    for at, (key, dtype) in enumerate(
        zip(ragged_keys, node.attr["ragged_value_types"].list.type, strict=False)
    ):
        if key:
            place = 3 * sparse + dense + at
            yield Feature(key, dtype_name(dtype), Layout.VARIABLE, optional=True), place


def _keys(value: Values | None) -> list[bytes]:
    return [] if value is None else [each for each in value.ravel() if isinstance(each, bytes)]
