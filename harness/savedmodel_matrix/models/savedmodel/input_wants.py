"""What a SavedModel wants of the values of a signature's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.expected_inputs import StepKind
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.signature_graph import graph_of, readable
from savedmodel_matrix.models.savedmodel.steps import steps_of
from savedmodel_matrix.models.savedmodel.vocabulary import Vocabularies
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.models.savedmodel.wants_trace import WantsTrace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.flow import Flow, Tensor
    from savedmodel_matrix.models.savedmodel.signature_graph import SignatureGraph

_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
#: Steps after which the values are still on the input's scale.
_KEEPS_SCALE = frozenset(
    {StepKind.CAST, StepKind.RESIZE, StepKind.CROP, StepKind.TRANSPOSE, StepKind.REVERSE}
)
#: Keras's Rescaling for 0 to 1, and for -1 to 1.
_PIXELS = (255.0, 127.5)


def wants_of(path: Path, signature: str) -> dict[str, Want]:
    """Return what the model in the directory ``path`` wants of each input of a signature, by name.

    Inputs of which it wants nothing that is known are left out. A sparse or ragged input has the wants of its
    values. Empty for a signature that the model does not have. Nothing is executed. Raises
    UnreadableModelError for files that cannot be read.
    """
    with readable(path):
        graph = graph_of(path, signature)
        return {} if graph is None else dict(_wants(graph, path))


def _normalised(flow: Flow, tensor: Tensor) -> Want:
    """Return the scale and centre that the graph's own first arithmetic undoes.

    A factor of 1/255 or 1/127.5 is that of pixels from 0 to 255.
    """
    steps, _ = steps_of(flow, tensor)
    known = next((each for each in steps if each.kind not in _KEEPS_SCALE), None)
    if known is None or known.kind is not StepKind.AFFINE or 0.0 in known.scale:
        return Want()
    scale, offset = np.broadcast_arrays(known.scale, known.offset)
    if any(np.allclose(np.abs(scale) * pixels, 1, rtol=1e-3) for pixels in _PIXELS):
        return Want(lowest=0.0, highest=255.0)
    return Want(centre=tuple((-offset / scale).tolist()), deviation=tuple((1 / np.abs(scale)).tolist()))


def _wants(graph: SignatureGraph, path: Path) -> Iterator[tuple[str, Want]]:
    trace = WantsTrace(graph.flow, Vocabularies(graph.flow, path, graph.assets))
    for each, spec in sorted(graph.signature.inputs.items()):
        tensor = graph.values.get(each)
        if tensor is None:
            continue
        want = trace.want(tensor)
        if want == Want() and spec.kind is Kind.DENSE and spec.dtype in _FLOATS:
            want = _normalised(graph.flow, tensor)
        if want != Want():
            yield each, want
