"""What a SavedModel expects of its inputs: what it declares, and what it does to them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UnreadableModelError
from harness.model.expectation import Expectations, InputExpectation
from harness.savedmodel.facts import read_facts
from harness.savedmodel.reader import Kind, TensorSpec

if TYPE_CHECKING:
    from pathlib import Path


def expectations_of(path: Path, signature: str) -> Expectations:
    """Return what the model in the directory ``path`` expects of the inputs of a signature.

    Nothing is executed, and what was not recognised is not stated. Raises UnreadableModelError for files
    that cannot be read, and for a signature that the model does not have.
    """
    facts = read_facts(path)
    graph = next((each for each in (facts.main, *facts.meta_graphs) if signature in each.signatures), None)
    if graph is None:
        raise UnreadableModelError(f"{path}: has no signature {signature!r}")
    inputs = graph.signatures[signature].inputs
    return Expectations(signature, {name: _input(name, spec) for name, spec in inputs.items()})


def _input(name: str, spec: TensorSpec) -> InputExpectation:
    return InputExpectation(
        name=name,
        dtype=spec.dtype,
        shape=spec.shape,
        dense=spec.kind is Kind.DENSE,
        layout=_layout(spec),
    )


def _layout(spec: TensorSpec) -> str:
    """Return the layout of a batch of images, told by where the one or three channels are."""
    if spec.shape is None or len(spec.shape) != 4:
        return ""
    channels_last, channels_first = spec.shape[3] in {1, 3}, spec.shape[1] in {1, 3}
    if channels_last == channels_first:
        return ""
    return "NHWC" if channels_last else "NCHW"
