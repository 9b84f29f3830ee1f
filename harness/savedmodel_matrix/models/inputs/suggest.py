"""A first guess at a signature's inputs, for a definition that the user then corrects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.input_sources import GenerateSource, GenerateSpec
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec

_BATCH = 8
_IMAGE = 224  # the side length that most image models are trained on
_AUDIO = 16000  # a second of speech
_TOKENS = 128
_ROW = 16
_LARGEST = 1 << 22  # elements of one input; larger inputs get a batch size of 1


def suggest_inputs(signature: Signature) -> GenerateSource:
    """Return generated inputs that fill every unknown size of the signature with a guess.

    The batch size is 8, or 1 if inputs are large. These are only guesses: a model may reject them, and
    strings that hold serialized messages (``tf.Example``) cannot be guessed at all.
    """
    unknown: dict[str, tuple[bool, list[int]]] = {}
    shapes: dict[str, list[int]] = {}
    lengths: set[int] = set()
    largest = 0
    for name, declared in signature.inputs.items():
        if declared.shape is None:
            # A list of strings holds tf.Example messages; a list of numbers is most often a column.
            shapes[name] = [_BATCH] if declared.dtype == STRING else [_BATCH, 1]
            continue
        length = _length(name, declared)
        ragged = range(1, declared.ragged_rank + 1)
        axes = [
            axis for axis, size in enumerate(declared.shape) if size is None and axis and axis not in ragged
        ]
        if axes:
            lengths.add(length)
            unknown[name] = (declared.shape[0] is None, [length] * len(axes))
        largest = max(largest, math.prod(length if size is None else size for size in declared.shape[1:]))
    batch = 1 if largest * _BATCH > _LARGEST else _BATCH
    if len(lengths) <= 1:
        # One number says it all.
        length_of_all = next(iter(lengths), None)
        return GenerateSource(generate=GenerateSpec(seed=1, batch=batch, length=length_of_all, shapes=shapes))
    dims = {name: [batch, *sizes] if first else sizes for name, (first, sizes) in unknown.items()}
    return GenerateSource(generate=GenerateSpec(seed=1, batch=batch, dims=dims, shapes=shapes))


def _length(name: str, declared: TensorSpec) -> int:
    rank = len(declared.shape or ())
    lowered = name.lower()
    if declared.kind is Kind.SPARSE or declared.dtype == STRING:
        return 1  # a variable-length feature mostly has one value, and a row of texts has one text
    if any(word in lowered for word in ("audio", "wave", "sample", "pcm")):
        return _AUDIO
    if rank == 4 or "image" in lowered:
        return _IMAGE
    if declared.dtype in ("int32", "int64"):
        return _TOKENS
    return _ROW
