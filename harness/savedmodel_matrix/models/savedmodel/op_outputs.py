"""The places of named outputs among all outputs of an op.

A function's body names a tensor by the output and a number in it: ``n:dense_values:1``. A graph counts all
outputs: ``n:5``. Sources: tensorflow/core/ops/{parsing_ops,array_ops,sparse_ops,string_ops}.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

SEQUENCE_PARSERS = frozenset({"ParseSequenceExample", "ParseSequenceExampleV2", "ParseSingleSequenceExample"})
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


def sequence_counts(node: pb.NodeDef) -> dict[str, int]:
    """Return the same for an op that parses ``tf.SequenceExample``."""
    if node.op not in SEQUENCE_PARSERS:
        return {}
    attributes = node.attr
    parts: dict[str, int] = {}
    for part in ("context", "feature_list"):
        sparse = len(attributes[f"{part}_sparse_types"].list.type)
        parts |= dict.fromkeys((f"{part}_sparse_{each}" for each in ("indices", "values", "shapes")), sparse)
        dense = "Tcontext_dense" if part == "context" else "feature_list_dense_types"
        parts[f"{part}_dense_values"] = len(attributes[dense].list.type)
        if part == "feature_list" and node.op != "ParseSingleSequenceExample":
            parts[f"{part}_dense_lengths"] = parts[f"{part}_dense_values"]
        ragged = len(attributes[f"{part}_ragged_value_types"].list.type)
        splits = ("row_splits",) if part == "context" else ("outer_splits", "inner_splits")
        parts |= dict.fromkeys((f"{part}_ragged_{each}" for each in ("values", *splits)), ragged)
    return parts


def place(node: pb.NodeDef | None, output: str, number: int) -> int:
    """Return the place, among all outputs of a node, of a tensor of one named output."""
    if node is None:
        return number
    before = 0
    for name, count in (
        parsed_counts(node) or sequence_counts(node) or dict.fromkeys(_SINGLE.get(node.op, ()), 1)
    ).items():
        if name == output:
            return before + number
        before += count
    return number
