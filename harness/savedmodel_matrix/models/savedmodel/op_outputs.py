"""The places of named outputs among all outputs of an op.

A function's body names a tensor by the output and a number in it: ``n:dense_values:1``. A graph counts all
outputs: ``n:5``. Sources: tensorflow/core/ops/{parsing_ops,array_ops,sparse_ops,string_ops}.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

_SPLIT = ("indices", "values", "shape")
#: Outputs of one tensor each, by op. An op that is missing here has one output, or one list of them.
_SINGLE = {
    "Unique": ("y", "idx"),
    "UniqueV2": ("y", "idx"),
    "UniqueWithCounts": ("y", "idx", "count"),
    "SparseReorder": ("output_indices", "output_values"),
    "SparseFillEmptyRows": (
        "output_indices",
        "output_values",
        "empty_row_indicator",
        "reverse_index_map",
    ),
    "SparseSlice": ("output_indices", "output_values", "output_shape"),
    "SparseConcat": ("output_indices", "output_values", "output_shape"),
    "StringSplit": _SPLIT,
    "StringSplitV2": _SPLIT,
    "UnicodeDecode": ("row_splits", "char_values"),
    "UnicodeDecodeWithOffsets": ("row_splits", "char_values", "char_to_byte_starts"),
    "TopKV2": ("values", "indices"),
    "DynamicPartition": ("outputs",),
}


def parsed_counts(node: pb.NodeDef) -> dict[str, int]:
    """Return how many tensors each output of an op that parses ``tf.Example`` has, in order; else {}."""
    attributes = node.attr
    if node.op == "ParseExample":
        sparse, dense, ragged = attributes["Nsparse"].i, attributes["Ndense"].i, 0
    elif node.op == "ParseSingleExample":
        sparse, dense, ragged = attributes["num_sparse"].i, len(attributes["Tdense"].list.type), 0
    elif node.op == "ParseExampleV2":
        sparse, dense = attributes["num_sparse"].i, len(attributes["Tdense"].list.type)
        ragged = len(attributes["ragged_value_types"].list.type)
    else:
        return {}
    return {
        "sparse_indices": sparse,
        "sparse_values": sparse,
        "sparse_shapes": sparse,
        "dense_values": dense,
        "ragged_values": ragged,
        "ragged_row_splits": ragged,
    }


def place(node: pb.NodeDef | None, output: str, number: int) -> int:
    """Return the place, among all outputs of a node, of a tensor of one named output."""
    if node is None:
        return number
    before = 0
    for name, count in (parsed_counts(node) or dict.fromkeys(_SINGLE.get(node.op, ()), 1)).items():
        if name == output:
            return before + number
        before += count
    return number
