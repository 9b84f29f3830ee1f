"""Other inputs of a signature to try, where a first guess does not run or does not notice enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.models.inputs.wanted import has_free_floats
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.domain.input_sources import GenerateSpec
    from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec

_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
#: Scales of pictures and of sound, of probabilities, and of measurements that are not normalised.
_RANGES = ((0, 1), (-1, 1), (0, 255), (-10, 10), (-100, 100))
_LONGER = 8
#: A longer one is costly.
_SHORT = 128
_MORE_SAMPLES = 4
_SEEDS = (2, 3)


@dataclass(frozen=True)
class Candidate:
    """Inputs to try, and in words what differs from the first guess; "" for the guess itself."""

    spec: GenerateSpec
    says: str = ""


def rescaled(signature: Signature, wants: Mapping[str, Want], guess: Candidate) -> Iterator[Candidate]:
    """Yield other scales of the floats of which the graph says nothing: of inputs, and in their messages."""
    free = [
        name
        for name, each in signature.inputs.items()
        if name not in guess.spec.ranges and _is_free(each, wants.get(name, Want()))
    ]
    for low, high in _RANGES if free else ():
        ranges = {**guess.spec.ranges, **dict.fromkeys(free, (low, high))}
        yield _changed(guess, {"ranges": ranges}, f"floats from {low} to {high}")


def _is_free(spec: TensorSpec, want: Want) -> bool:
    return has_free_floats(want) if spec.dtype == STRING else spec.dtype in _FLOATS and want == Want()


def longer(guess: Candidate) -> Iterator[Candidate]:
    """Yield longer sequences, where the length is free."""
    spec = guess.spec
    if spec.length is not None and spec.length <= _SHORT:
        yield _changed(guess, {"length": spec.length * _LONGER}, f"length {spec.length * _LONGER}")


def varied(signature: Signature, found: Candidate) -> Iterator[Candidate]:
    """Yield more samples of a candidate, and other seeds."""
    more = _with_samples(signature, found.spec, _MORE_SAMPLES)
    if more:
        yield _changed(found, more, f"{_MORE_SAMPLES} times as many samples")
    for seed in _SEEDS:
        yield _changed(found, {"seed": seed}, f"seed {seed}")


def smaller(signature: Signature, guess: Candidate) -> Iterator[Candidate]:
    """Yield a single sample, for a model that does not take the guess."""
    one = _with_samples(signature, guess.spec, 1 / guess.spec.batch) if guess.spec.batch > 1 else {}
    if one:
        yield _changed(guess, one, "one sample")


def _changed(candidate: Candidate, update: Mapping[str, object], says: str) -> Candidate:
    together = f"{candidate.says}, {says}" if candidate.says else says
    return Candidate(candidate.spec.model_copy(update=dict(update)), together)


def _with_samples(signature: Signature, spec: GenerateSpec, times: float) -> dict[str, object]:
    """Return the keys that give every input with an open first size so many times its samples."""
    open_first = [
        name
        for name, each in signature.inputs.items()
        if each.kind is not Kind.OTHER and (each.shape is None or each.shape[:1] == (None,))
    ]
    if not open_first:
        return {}
    batch = int(spec.batch * times)

    def larger(sizes: dict[str, list[int]]) -> dict[str, list[int]]:
        return {
            name: [batch, *each[1:]] if name in open_first and each[:1] == [spec.batch] else each
            for name, each in sizes.items()
        }

    return {"batch": batch, "dims": larger(spec.dims), "shapes": larger(spec.shapes)}
