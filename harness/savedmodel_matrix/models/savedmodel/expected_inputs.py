"""What a SavedModel expects of its inputs: its declarations, and its own preprocessing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.domain.expected_inputs import Expectations, InputExpectation, StepKind
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import content_of, meta_graphs_in, read_facts
from savedmodel_matrix.models.savedmodel.flow import Flow, tensor_of
from savedmodel_matrix.models.savedmodel.reader import Kind, TensorSpec, damaged, model_file
from savedmodel_matrix.models.savedmodel.steps import steps_of
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.facts import ModelFacts

_SIGNATURES = pb.WholeMetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
#: The tag under which TensorFlow Transform saves its graphs (tensorflow_transform/saved/constants.py).
_TRANSFORM = "transform"
#: A batch of rows, columns and channels.
_IMAGE_RANK = 4


def expectations_of(
    path: Path, signature: str, facts: ModelFacts | None = None, walk: Walk | None = None
) -> Expectations:
    """Return what the model in the directory ``path`` expects of the inputs of a signature.

    Nothing is executed, and steps that are not recognised are left out. ``facts`` are the facts of the same
    model; without them, they are read. ``walk`` bounds the time for several signatures together. Raises
    UnreadableModelError for files that cannot be read, and for a signature that the model does not have.
    """
    facts = facts or read_facts(path)
    order = [facts.meta_graphs.index(facts.main), *range(len(facts.meta_graphs))]
    index = next((each for each in order if signature in facts.meta_graphs[each].signatures), None)
    if index is None:
        raise UnreadableModelError(f"{path}: the model has no signature {signature!r}")
    graph = facts.meta_graphs[index]
    declared = graph.signatures[signature]
    inputs = {name: _declared(name, spec) for name, spec in declared.inputs.items()}
    file = model_file(path)
    try:
        walk = walk or Walk()
        view = meta_graphs_in(walk, content_of(file))[index]
        inputs = _followed(walk, view, signature, inputs)
    except (DamagedError, DecodeError, ValueError) as error:
        raise damaged(file, error) from error
    return Expectations(
        signature=signature,
        inputs=inputs,
        layers=facts.keras.preparing if facts.keras is not None else (),
        transformed=tuple(declared.outputs) if _TRANSFORM in graph.tags else (),
    )


def _followed(
    walk: Walk, view: memoryview, signature: str, inputs: dict[str, InputExpectation]
) -> dict[str, InputExpectation]:
    """Return the inputs, with the graph's steps on the dense ones."""
    message = next(each for name, each in walk.entries(view, _SIGNATURES) if name == signature)
    parsed = walk.parse(pb.SignatureDef, message)
    flow = Flow(walk, view, [info.name for info in parsed.outputs.values() if info.name])
    followed = dict(inputs)
    for name, expected in inputs.items():
        tensor = parsed.inputs[name].name
        if expected.dense and tensor:
            steps, leads_to = steps_of(flow, tensor_of(tensor))
            if expected.shape is not None and len(expected.shape) != _IMAGE_RANK:
                # The op that crops images also cuts columns out of a table.
                cut = next((at for at, step in enumerate(steps) if step.kind is StepKind.CROP), len(steps))
                decoded = any(step.kind is StepKind.DECODE for step in steps[:cut])
                steps = steps if decoded else steps[:cut]
            followed[name] = replace(expected, steps=steps, leads_to=leads_to)
    return followed


def _declared(name: str, spec: TensorSpec) -> InputExpectation:
    return InputExpectation(
        name=name,
        dtype=spec.dtype,
        shape=spec.shape,
        dense=spec.kind is Kind.DENSE,
        layout=_layout(spec),
    )


def _layout(spec: TensorSpec) -> str:
    """Return the layout of a batch of images, from the place of its one or three channels."""
    if spec.shape is None or len(spec.shape) != _IMAGE_RANK or spec.dtype == "string":
        return ""
    channels_last, channels_first = spec.shape[3] in {1, 3}, spec.shape[1] in {1, 3}
    if channels_last == channels_first:
        return ""
    return "NHWC" if channels_last else "NCHW"
