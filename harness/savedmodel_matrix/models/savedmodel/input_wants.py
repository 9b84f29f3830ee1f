"""What a SavedModel wants of the values of a signature's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.normalised import normalised
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.signature_graph import graph_of, readable
from savedmodel_matrix.models.savedmodel.vocabulary import Vocabularies
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.models.savedmodel.wants_trace import WantsTrace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.signature_graph import SignatureGraph

_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})


def wants_of(path: Path, signature: str) -> dict[str, Want]:
    """Return what the model in the directory ``path`` wants of each input of a signature, by name.

    Inputs of which it wants nothing that is known are left out. A sparse or ragged input has the wants of its
    values. Empty for a signature that the model does not have. Nothing is executed. Raises
    UnreadableModelError for files that cannot be read.
    """
    with readable(path):
        graph = graph_of(path, signature)
        return {} if graph is None else dict(_wants(graph, path))


def _wants(graph: SignatureGraph, path: Path) -> Iterator[tuple[str, Want]]:
    trace = WantsTrace(graph.flow, Vocabularies(graph.flow, path, graph.assets))
    for each, spec in sorted(graph.signature.inputs.items()):
        tensor = graph.values.get(each)
        if tensor is None:
            continue
        want = trace.want(tensor)
        if want == Want() and spec.kind is Kind.DENSE and spec.dtype in _FLOATS:
            want = normalised(graph.flow, graph.flow.graph, tensor)
        if want != Want():
            yield each, want
