"""What ``savedmodel-matrix inspect --json`` prints, as types. Its JSON Schema is generated from them."""

from __future__ import annotations

from typing import Any, Final, Literal

from savedmodel_matrix.commands.printed import Printed
from savedmodel_matrix.domain.expected_inputs import StepKind
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.models.preflight import prediction
from savedmodel_matrix.models.savedmodel import randomness

INSPECT_FORMAT: Final = 1


class SignatureRow(Printed):
    """One signature; inputs and outputs are written like ``float32[?,8,8,1]``."""

    method: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    defaults: list[str]
    """Inputs for which the model carries a default value."""


class OpRow(Printed):
    """How often an op type is used."""

    in_graph: int
    in_functions: int
    since: str | None
    """The first minor release that has it, if the oldest known does not; "" if no TensorFlow has it."""


class ObjectsRow(Printed):
    """What the object graph of TensorFlow 2 holds, as numbers of objects."""

    kinds: dict[str, int]
    identifiers: dict[str, int]
    registered: dict[str, int]
    """Registered classes by name."""
    optimizer_slots: int


class MetaGraphRow(Printed):
    """One graph of the model."""

    tags: list[str]
    tensorflow: str
    """The version that wrote it."""
    producer: int
    """Version of the GraphDef."""
    min_consumer: int
    """The oldest GraphDef version that may read it."""
    signatures: dict[str, SignatureRow]
    ops: dict[str, OpRow]
    declared_ops: list[str]
    functions: int
    collections: dict[str, int]
    """Entries of each collection."""
    init_op: str | None
    """What a session runs after it has restored the variables."""
    restore_op: str | None
    objects: ObjectsRow | None
    """Null for a graph of TensorFlow 1."""


class StepRow(Printed):
    """Something that the model itself does to an input."""

    kind: StepKind
    does: str
    layer: str


class InputRow(Printed):
    """What the model expects of an input."""

    layout: str | None
    """"NHWC" or "NCHW", where the channels tell."""
    steps: list[StepRow]
    leads_to: list[str]
    """The ops that take the result."""


class PreparingRow(Printed):
    """A Keras layer that prepares data."""

    class_name: str
    name: str
    settings: dict[str, Any]
    """As Keras wrote them."""


class KerasRow(Printed):
    """What Keras wrote about the model."""

    major: int | None
    """Null for what ``model.export`` wrote, which does not say."""
    version: str | None
    compiled: bool
    losses: list[str]
    lambdas: list[str]
    """Lambda layers, which hold bytecode of the Python that wrote them."""
    preparing: list[PreparingRow]
    custom_classes: list[str]


class FilesRow(Printed):
    """The files of the model, present and missing."""

    variables_index: bool
    shards: int
    """Data files that there should be; 0 if nothing says how many."""
    missing_shards: list[str]
    assets: list[str]
    missing_assets: list[str]
    foreign_assets: list[str]
    """Assets outside the model's folder."""
    fingerprint: bool
    keras_metadata: bool


class VaryingRow(Printed):
    """An op that makes an output vary between runs."""

    tags: list[str]
    signature: str
    output: str
    kind: randomness.Kind
    op: str
    node: str
    changes: str | None
    """The variable or table that it changes."""


class PredictionRow(Printed):
    """What is expected of the model in one release."""

    tensorflow: str
    kind: prediction.Kind
    stage: prediction.Stage | None
    """When it fails; null if it loads and runs."""
    because: list[str]
    needs: list[str]
    """What would make it load."""
    notes: list[str]
    """Worth knowing, without a consequence for loading."""
    confidence: prediction.Confidence


class InspectDocument(Printed):
    """What a model's files say, and where it is expected to load. Nothing of it is executed."""

    format: Literal[1] = INSPECT_FORMAT
    model: str
    object_graph: bool
    """Whether TensorFlow 2 loads it as objects."""
    text: bool
    """Whether it is ``saved_model.pbtxt``."""
    meta_graphs: list[MetaGraphRow]
    expects: dict[str, dict[str, InputRow]]
    """By signature and input."""
    keras: KerasRow | None
    files: FilesRow
    risky_ops: dict[str, str]
    """Ops that reach outside the model, with what they do."""
    varying: list[VaryingRow]
    loader: Loader
    packages: list[str]
    """Distributions that the predictions assume beside TensorFlow."""
    predictions: list[PredictionRow]
    """One for each minor release, oldest first."""
