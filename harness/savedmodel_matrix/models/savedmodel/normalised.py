"""The scale and centre of floats that a graph normalises itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.expected_inputs import StepKind
from savedmodel_matrix.models.savedmodel.steps import steps_of
from savedmodel_matrix.models.savedmodel.wants import Want

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope, Tensor

#: Steps after which the values are still on the input's scale.
_KEEPS_SCALE = frozenset(
    {StepKind.CAST, StepKind.RESIZE, StepKind.CROP, StepKind.TRANSPOSE, StepKind.REVERSE}
)
#: Keras's Rescaling for 0 to 1, and for -1 to 1.
_PIXELS = (255.0, 127.5)


def normalised(flow: Flow, scope: Scope, tensor: Tensor) -> Want:
    """Return the scale and centre that the first arithmetic on a tensor undoes.

    A factor of 1/255 or 1/127.5 is that of pixels from 0 to 255.
    """
    steps, _ = steps_of(flow, tensor, scope)
    known = next((each for each in steps if each.kind not in _KEEPS_SCALE), None)
    if known is None or known.kind is not StepKind.AFFINE or 0.0 in known.scale:
        return Want()
    scale, offset = np.broadcast_arrays(known.scale, known.offset)
    if any(np.allclose(np.abs(scale) * pixels, 1, rtol=1e-3) for pixels in _PIXELS):
        return Want(lowest=0.0, highest=255.0)
    return Want(centre=tuple((-offset / scale).tolist()), deviation=tuple((1 / np.abs(scale)).tolist()))
