"""A first guess at a signature's inputs, for a definition that the user then corrects."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.input_sources import GenerateSource, GenerateSpec
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from savedmodel_matrix.models.savedmodel.reader import Shape, Signature, TensorSpec
    from savedmodel_matrix.models.savedmodel.signature_graph import FittingShapes
    from savedmodel_matrix.models.savedmodel.wants import Want

_BATCH = 8
_IMAGE = 224  # the side length that most image models are trained on
_AUDIO = 16000  # a second of speech
_TOKENS = 128
_ROW = 16
_LARGEST = 1 << 22  # elements of one input; larger inputs get a batch size of 1


#: Lengths that models are often made for, tried where the guess does not fit; then every small one.
_COMMON = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512, 1024, 2048, 4096, _AUDIO, 48000)
_SMALLEST = range(1, 65)


def suggest_inputs(
    signature: Signature,
    fitting: FittingShapes | None = None,
    wants: Mapping[str, Want] | None = None,
) -> GenerateSource:
    """Return generated inputs that fill every unknown size of the signature with a guess.

    The batch size is 8, or 1 if inputs are large. ``fitting`` tells which shapes the graph takes: where a
    guess does not fit, sizes are tried until one does. What nothing fits keeps its guess. ``wants`` are what
    the graph wants of the inputs' values: what indexes a table is a sequence, also as floats.
    """
    indices = {name for name, each in (wants or {}).items() if each.below is not None}
    guess = _guessed(signature, indices)
    if fitting is None:
        return guess
    shapes = shapes_of(signature, guess.generate)
    if fitting.misfit(shapes, useful=True) is None:
        return guess
    found = next(
        (each for each in _candidates(signature, shapes, fitting) if not fitting.misfit(each, useful=True)),
        None,
    )
    if found is None:
        return guess
    own = {
        name: [size or 0 for size in shape or ()]
        for name, shape in found.items()
        if shape != shapes[name] or signature.inputs[name].shape is None
    }
    kept = guess.generate.model_copy(
        update={
            "shapes": {**guess.generate.shapes, **own},
            "dims": {name: sizes for name, sizes in guess.generate.dims.items() if name not in own},
        }
    )
    return GenerateSource(generate=kept)


def shapes_of(
    signature: Signature, spec: GenerateSpec, kinds: Collection[Kind] = (Kind.DENSE,)
) -> dict[str, Shape | None]:
    """Return the shapes that ``generate`` makes of the inputs of these kinds."""
    found: dict[str, Shape | None] = {}
    for name, declared in signature.inputs.items():
        if declared.kind not in kinds:
            continue
        if name in spec.shapes or declared.shape is None:
            found[name] = tuple(spec.shapes.get(name, ()))
            continue
        sizes = iter(spec.dims.get(name, ()))
        found[name] = tuple(
            size if size is not None else next(sizes, spec.batch if axis == 0 else spec.length)
            for axis, size in enumerate(declared.shape)
        )
    return found


def _candidates(
    signature: Signature, guess: Mapping[str, Shape | None], fitting: FittingShapes
) -> Iterator[dict[str, Shape | None]]:
    """Yield shapes to try: first each input on its own, then all with the same length and batch."""
    alone: dict[str, Shape | None] = {}
    for name in guess:
        tried = chain([guess[name]], _of_one(signature.inputs[name], fitting.declared(name)))
        fits = (each for each in tried if fitting.misfit({name: each}, useful=True) is None)
        alone[name] = next(fits, guess[name])
    yield alone
    for batch in (_BATCH, 1):
        yield {name: _with(each, signature.inputs[name], batch, None) for name, each in alone.items()}
        for length in (*_COMMON, *_SMALLEST):
            yield {name: _with(guess[name], signature.inputs[name], batch, length) for name in guess}


def _of_one(spec: TensorSpec, declared: Shape | None) -> Iterator[Shape]:
    """Yield shapes of one input: those that the signature leaves open, then those of the graph itself."""
    for shape in (spec.shape, declared):
        if shape is None:
            continue
        open_axes = [axis for axis, size in enumerate(shape) if size is None]
        batches = (_BATCH, 1) if 0 in open_axes else (None,)
        lengths = (_ROW, *_COMMON, *_SMALLEST) if any(open_axes) else (None,)
        for batch in batches:
            for length in lengths:
                yield tuple(
                    size if size is not None else (batch if axis == 0 else length)
                    for axis, size in enumerate(shape)
                )
    if not spec.shape:  # TF 1.0 wrote an empty shape for an unknown one
        yield from ((_BATCH,), (_BATCH, 1), (), (1,), (1, 1))
        yield from ((_BATCH, size) for size in (_ROW, *_COMMON, *_SMALLEST))


def _with(shape: Shape | None, spec: TensorSpec, batch: int, length: int | None) -> Shape | None:
    """Return a shape with another batch and, if it is not None, length in the sizes that are left open."""
    if shape is None or spec.shape is None or len(shape) != len(spec.shape):
        return shape
    return tuple(
        size if known is not None else (batch if axis == 0 else size if length is None else length)
        for axis, (size, known) in enumerate(zip(shape, spec.shape, strict=True))
    )


def _guessed(signature: Signature, indices: Collection[str]) -> GenerateSource:
    unknown: dict[str, tuple[bool, list[int]]] = {}
    shapes: dict[str, list[int]] = {}
    lengths: set[int] = set()
    largest = 0
    for name, declared in signature.inputs.items():
        if declared.shape is None:
            # A list of strings holds tf.Example messages; a list of numbers is most often a column.
            shapes[name] = [_BATCH] if declared.dtype == STRING else [_BATCH, 1]
            continue
        length = _length(name, declared, is_index=name in indices)
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


def _length(name: str, declared: TensorSpec, *, is_index: bool) -> int:
    rank = len(declared.shape or ())
    lowered = name.lower()
    if declared.kind is Kind.SPARSE or declared.dtype == STRING:
        return 1  # a variable-length feature mostly has one value, and a row of texts has one text
    if any(word in lowered for word in ("audio", "wave", "sample", "pcm")):
        return _AUDIO
    if rank == 4 or "image" in lowered:
        return _IMAGE
    if is_index or declared.dtype in ("int32", "int64"):
        return _TOKENS
    return _ROW
