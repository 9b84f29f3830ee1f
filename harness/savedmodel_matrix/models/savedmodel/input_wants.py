"""What a SavedModel wants of the values of a signature's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from google.protobuf.message import DecodeError

from savedmodel_matrix.domain.expected_inputs import StepKind
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import assets_by_node, content_of, meta_graphs_in
from savedmodel_matrix.models.savedmodel.flow import Flow, tensor_of
from savedmodel_matrix.models.savedmodel.functions import read_functions
from savedmodel_matrix.models.savedmodel.reader import Kind, damaged, model_file, signature_of
from savedmodel_matrix.models.savedmodel.steps import steps_of
from savedmodel_matrix.models.savedmodel.vocabulary import Vocabularies
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.models.savedmodel.wants_trace import WantsTrace
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.flow import Tensor

_SIGNATURES = pb.WholeMetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER

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
    file = model_file(path)
    walk = Walk()
    try:
        for view in meta_graphs_in(walk, content_of(file)):
            found = next((each for name, each in walk.entries(view, _SIGNATURES) if name == signature), None)
            if found is not None:
                return dict(_wants(walk, view, path, signature, walk.parse(pb.SignatureDef, found)))
    except (DamagedError, DecodeError, ValueError) as error:
        raise damaged(file, error) from error
    return {}


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


def _wants(
    walk: Walk, view: memoryview, path: Path, name: str, message: pb.SignatureDef
) -> Iterator[tuple[str, Want]]:
    flow = Flow(walk, view, [info.name for info in message.outputs.values() if info.name])
    trace = WantsTrace(flow, Vocabularies(flow, path, assets_by_node(walk, view)))
    declared = read_functions(walk, view).put_together(name, signature_of(message))
    for each, spec in sorted(declared.inputs.items()):
        # The parts of a sparse tensor are its indices, values and shape; of a ragged one its values first.
        values = 1 if spec.parts and "indices" in spec.components else 0
        info = message.inputs[spec.parts[values] if spec.parts else each]
        tensor = info.coo_sparse.values_tensor_name or info.name
        if info.HasField("composite_tensor") and info.composite_tensor.components:
            tensor = info.composite_tensor.components[0].name
        want = trace.want(tensor_of(tensor)) if tensor else Want()
        if tensor and want == Want() and spec.kind is Kind.DENSE and spec.dtype in _FLOATS:
            want = _normalised(flow, tensor_of(tensor))
        if want != Want():
            yield each, want
