"""Inputs that are the components of one sparse or ragged tensor, as the ops that take them say.

A graph of TF 1 has placeholders for indices, values and shape, and its signature states three dense inputs.
Sources: tensorflow/core/ops/{sparse_ops,ragged_conversion_ops,ragged_array_ops}.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.flow import TangledError
from savedmodel_matrix.models.savedmodel.known_shape import declared_shape
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.shapes import weight_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope
    from savedmodel_matrix.models.savedmodel.reader import Shape

_TRIPLE = {"indices": 0, "values": 1, "dense_shape": 2}
#: The places of indices, values and shape among an op's inputs.
_SPARSE = {
    "SparseToDense": {"indices": 0, "values": 2, "dense_shape": 1},
    **dict.fromkeys(
        (
            *("SparseTensorDenseMatMul", "SparseTensorDenseAdd", "SparseReorder", "SparseFillEmptyRows"),
            *("SparseReduceSum", "SparseReduceMax", "SparseSoftmax", "SparseSlice", "SparseDenseCwiseMul"),
            *("SparseDenseCwiseDiv", "SparseDenseCwiseAdd"),
        ),
        _TRIPLE,
    ),
}
_SPLITS_FIRST = frozenset({"RaggedTensorToSparse", "RaggedTensorToVariant", "RaggedGather"})
#: The size of an axis that nothing tells.
_WIDTH = 16


@dataclass(frozen=True)
class Together:
    """Inputs that are one tensor: their names by component, and its shape; the first size is the batch's."""

    kind: Kind
    parts: Mapping[str, str]
    shape: Shape


def found_together(flow: Flow, inputs: Mapping[str, str]) -> list[Together]:
    """Return what the graph puts together; ``inputs`` are the inputs' names by that of their placeholder."""
    ops = {*_SPARSE, *_SPLITS_FIRST, "RaggedTensorToTensor"}
    found: list[Together] = []
    taken: set[str] = set()
    try:
        for scope, node in flow.everywhere(ops):
            each = _put_together(flow, scope, node, inputs)
            if each is not None and taken.isdisjoint(each.parts.values()):
                found.append(each)
                taken.update(each.parts.values())
    except TangledError:  # what was found until then is right
        pass
    return found


def _put_together(flow: Flow, scope: Scope, node: pb.NodeDef, inputs: Mapping[str, str]) -> Together | None:
    given = [each for each in node.input if not each.startswith("^")]
    kind, places = Kind.RAGGED, dict(_places(node))
    if node.op in _SPARSE:
        kind, places = Kind.SPARSE, _SPARSE[node.op]
    if not places or max(places.values()) >= len(given):
        return None
    parts: dict[str, str] = {}
    rank = None
    for component, place in places.items():
        origin = flow.origin(scope, given[place])
        name = None if origin is None or origin[0] != flow.graph else inputs.get(origin[1].name)
        if name is None or origin is None or name in parts.values():
            return None
        parts[component] = name
        declared = declared_shape(origin[1])
        if component in {"indices", "dense_shape"} and declared is not None:
            rank = declared[-1] if rank is None else rank
    if kind is Kind.RAGGED:
        return Together(kind, parts, (None,) * len(parts))
    sizes: list[int | None] = [None, *[_WIDTH] * ((rank or 2) - 1)]
    if node.op == "SparseTensorDenseMatMul" and len(given) > 3:
        table = weight_shape(flow, scope, given[3])
        if table is not None and len(table) == 2 and not node.attr["adjoint_a"].b:
            sizes[-1] = table[1 if node.attr["adjoint_b"].b else 0] or _WIDTH
    return Together(kind, parts, tuple(sizes))


def _places(node: pb.NodeDef) -> Iterator[tuple[str, int]]:
    """Yield the places of the flat values and the row splits among a ragged op's inputs."""
    if node.op == "RaggedTensorToTensor":
        types = list(node.attr["row_partition_types"].list.s)
        if set(types) != {b"ROW_SPLITS"}:
            return
        yield "flat_values", 1
        first, levels = 3, len(types)
    elif node.op in _SPLITS_FIRST:
        first, levels = 0, node.attr["PARAMS_RAGGED_RANK" if node.op == "RaggedGather" else "RAGGED_RANK"].i
        yield "flat_values", levels
    else:
        return
    for level in range(min(levels, len(node.input))):
        yield f"row_splits_{level}", first + level
