"""What ``savedmodel-matrix inspect --json`` prints, as types. Its JSON Schema is generated from them."""

from __future__ import annotations

from typing import Any, Final, Literal

from savedmodel_matrix.commands.printed import Printed
from savedmodel_matrix.domain.expected_inputs import StepKind
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.models.preflight import prediction
from savedmodel_matrix.models.savedmodel import outside, randomness

INSPECT_FORMAT: Final = 1


class SignatureRow(Printed):
    """One signature; inputs and outputs are written like ``float32[?,8,8,1]``."""

    method: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    defaults: list[str]
    """Inputs with a default value in the model."""


class CallRow(Printed):
    """One call that a function was traced with, and takes."""

    shown: str
    """All arguments, as in Python: ``(x=float32[1,2], training=False)``."""
    inputs: dict[str, str]
    """The tensors in it by the name that a case gives them; components are ``NAME.indices`` and so on."""
    values: dict[str, bool | int | float | str | None]
    """The Python values in it, by parameter."""


class OpRow(Printed):
    """How often an op type is used."""

    in_graph: int
    in_functions: int
    since: str | None
    """The first minor release with this op, if the oldest known lacks it; "" if no TensorFlow has it."""


class ObjectsRow(Printed):
    """The contents of TensorFlow 2's object graph, as numbers of objects."""

    kinds: dict[str, int]
    identifiers: dict[str, int]
    registered: dict[str, int]
    """Names of registered classes."""
    optimizer_slots: int


class MetaGraphRow(Printed):
    """One graph of the model."""

    tags: list[str]
    tensorflow: str
    """The TensorFlow version that wrote it."""
    producer: int
    """GraphDef version."""
    min_consumer: int
    """The oldest GraphDef version that can read it."""
    signatures: dict[str, SignatureRow]
    callables: dict[str, list[CallRow]]
    """Functions by the path of their attribute, and the calls that each takes."""
    ops: dict[str, OpRow]
    declared_ops: list[str]
    functions: int
    collections: dict[str, int]
    """Number of entries in each collection."""
    init_op: str | None
    """The op that a session runs after restoring the variables."""
    restore_op: str | None
    objects: ObjectsRow | None
    """Null for a TensorFlow 1 graph."""


class StepRow(Printed):
    """A preprocessing step that the model itself applies to an input."""

    kind: StepKind
    does: str
    layer: str


class InputRow(Printed):
    """What the model expects of an input."""

    layout: str | None
    """"NHWC" or "NCHW", if the channels reveal it."""
    steps: list[StepRow]
    leads_to: list[str]
    """The ops that take the result."""


class PreparingRow(Printed):
    """A Keras preprocessing layer."""

    class_name: str
    name: str
    settings: dict[str, Any]
    """As written by Keras."""


class KerasRow(Printed):
    """Keras's metadata about the model."""

    major: int | None
    """Null for files from ``model.export``, which do not contain it."""
    version: str | None
    compiled: bool
    losses: list[str]
    lambdas: list[str]
    """Lambda layers, which contain bytecode of the Python version that wrote them."""
    preparing: list[PreparingRow]
    custom_classes: list[str]
    lost_classes: dict[Loader, list[str]]
    """Classes that each loader loses: the load_model of Keras 2 restores a stand-in for a layer or model,
    which runs what was traced, and the other loaders restore functions and variables only."""


class FilesRow(Printed):
    """The files of the model, present and missing."""

    variables_index: bool
    shards: int
    """Expected number of data files; 0 if unknown."""
    missing_shards: list[str]
    """The names of the first of them."""
    missing_shard_count: int
    damaged: list[str]
    """What is wrong with the files of the variables that are there: a sentence each."""
    assets: list[str]
    missing_assets: list[str]
    foreign_assets: list[str]
    """Assets outside the model's folder."""
    fingerprint: bool
    keras_metadata: bool


class OutsideRow(Printed):
    """A path outside the model that it reads; a relative one counts from the working folder."""

    path: str
    reads: outside.Reads
    when: outside.When
    ops: list[str]


class VaryingRow(Printed):
    """An op that makes an output vary between runs."""

    tags: list[str]
    signature: str
    output: str
    kind: randomness.Kind
    op: str
    node: str
    changes: str | None
    """The variable or table that the op changes."""


class PredictionRow(Printed):
    """The prediction for the model in one release."""

    tensorflow: str
    kind: prediction.Kind
    stage: prediction.Stage | None
    """The stage at which it fails; null if it loads and runs."""
    because: list[str]
    needs: list[str]
    """What it needs to load."""
    confidence: prediction.Confidence


class NoteRow(Printed):
    """What is worth knowing and does not affect loading."""

    says: str
    tensorflow: list[str]
    """The releases that it applies to."""


class InspectDocument(Printed):
    """What a model's files contain, and which releases should load it. No model code is executed."""

    format: Literal[1] = INSPECT_FORMAT
    model: str
    object_graph: bool
    """Whether TensorFlow 2 can load it as objects."""
    text: bool
    """Whether the file is ``saved_model.pbtxt``."""
    meta_graphs: list[MetaGraphRow]
    expects: dict[str, dict[str, InputRow]]
    """By signature and input, for the first 32 signatures whose graph can be followed."""
    keras: KerasRow | None
    files: FilesRow
    outside: list[OutsideRow]
    """The paths outside the model that it reads: where they are missing, it fails."""
    risky_ops: dict[str, str]
    """Ops with effects outside the model, and what they do."""
    varying: list[VaryingRow]
    loader: Loader
    packages: list[str]
    """Distributions that the predictions assume to be installed with TensorFlow."""
    predictions: list[PredictionRow]
    """One prediction for each minor release, oldest first."""
    notes: list[NoteRow]
