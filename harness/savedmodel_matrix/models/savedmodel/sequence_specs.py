"""The features that an op parses out of serialized ``tf.SequenceExample`` messages.

Source: tensorflow/core/ops/parsing_ops.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.op_outputs import sequence_counts
from savedmodel_matrix.models.savedmodel.reader import dtype_name, shape_of
from savedmodel_matrix.models.savedmodel.wants import Feature, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope

_MOST_FEATURES = 5000
_KINDS = ("context_sparse", "context_dense", "context_ragged")
_KINDS_IN_LISTS = ("feature_list_sparse", "feature_list_dense", "feature_list_ragged")
#: The attributes with the element types, by kind.
_TYPES = {
    "context_sparse": "context_sparse_types",
    "context_dense": "Tcontext_dense",
    "context_ragged": "context_ragged_value_types",
    "feature_list_sparse": "feature_list_sparse_types",
    "feature_list_dense": "feature_list_dense_types",
    "feature_list_ragged": "feature_list_ragged_value_types",
}


def sequence_features_of(flow: Flow, scope: Scope, node: pb.NodeDef) -> list[tuple[Feature, int]]:
    """Return each feature that the op parses, and the place of its values among the op's outputs.

    Features whose keys are no constants of the graph are left out. Raises TangledError.
    """
    return list(_features(flow, scope, node))[:_MOST_FEATURES]


def _features(flow: Flow, scope: Scope, node: pb.NodeDef) -> Iterator[tuple[Feature, int]]:
    counts = sequence_counts(node)
    if sum(counts.values()) > _MOST_FEATURES:
        return
    keys = _keys(flow, scope, node, counts)
    for kind in (*_KINDS, *_KINDS_IN_LISTS):
        in_list = kind in _KINDS_IN_LISTS
        before = 0
        for output, count in counts.items():
            if output == f"{kind}_values":
                break
            before += count
        shapes = list(node.attr[f"{kind}_shapes"].list.shape)
        layout = Layout.FIXED if kind.endswith("dense") else Layout.VARIABLE
        types = node.attr[_TYPES[kind]].list.type
        for at, (key, dtype) in enumerate(zip(keys.get(kind, ()), types, strict=False)):
            if key:
                shape = (shape_of(shapes[at]) if at < len(shapes) else None) or ()
                optional = layout is Layout.VARIABLE
                yield Feature(key, dtype_name(dtype), layout, shape, optional, in_list=in_list), before + at


def _keys(flow: Flow, scope: Scope, node: pb.NodeDef, counts: dict[str, int]) -> dict[str, list[bytes]]:
    """Return the keys of each kind of feature, b"" for one that is no constant."""
    if node.op == "ParseSequenceExample":
        return {kind: list(node.attr[f"{kind}_keys"].list.s) for kind in (*_KINDS, *_KINDS_IN_LISTS)}
    inputs = [each for each in node.input if not each.startswith("^")][2:]
    found = {}
    if node.op == "ParseSequenceExampleV2":
        for kind, name in zip((*_KINDS, *_KINDS_IN_LISTS), inputs, strict=False):
            value = flow.value(scope, name)
            found[kind] = [] if value is None else [_key(each) for each in value.ravel()]
        return found
    for kind in (*_KINDS[:2], *_KINDS_IN_LISTS[:2]):
        count = counts[f"{kind}_values"]
        values = [flow.value(scope, name) for name in inputs[:count]]
        found[kind] = [_key(each.ravel()[0]) if each is not None and each.size else b"" for each in values]
        inputs = inputs[count:]
    return found


def _key(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
