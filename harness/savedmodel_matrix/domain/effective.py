"""What was in effect while a case ran, as the probe found it (``savedmodel_matrix.probe.effective``)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from savedmodel_matrix.domain.stored import Stored


class KerasInEffect(Stored):
    """The package behind ``tf.keras``: its distribution, version, and major version (2 or 3)."""

    distribution: str = Field(alias="from")
    version: str | None
    major: int


class Gpu(Stored):
    """One GPU that TensorFlow sees; older releases do not report the details."""

    name: str | None
    compute_capability: str | None


class Initialisation(Stored):
    """What initialised a TensorFlow 1 model, and what it reads that has no value.

    ``unknown`` is the reason if this could not be determined; the other fields are then empty.
    """

    unknown: str | None = None
    ran: str | None = None
    """The kind of initialiser that ran: "main_op", "legacy_init_op" or "table_initializer"."""
    op: str | None = None
    passed_over: tuple[str, ...] = ()
    collections: dict[str, int] = {}
    """Number of entries in each relevant collection."""
    uninitialised_variables: tuple[str, ...] = ()
    uninitialised_tables: tuple[str, ...] = ()
    missing_assets: tuple[str, ...] = ()


class Effective(Stored):
    """Versions, processor, libraries and switches. None means that the value cannot be determined here.

    A field that the probe did not report is not in ``model_fields_set``: an environment without
    TensorFlow reports only the interpreter's part, and a probe that died early reports nothing.

    Every field can be the cause of a difference between cells, except those in ``NOT_FACTORS``.
    """

    NOT_FACTORS: ClassVar[dict[str, str]] = {
        "onednn_known_by": "how the probe found out, not what was in effect",
        "initialisation": "what loading the model came to, not what it depends on",
    }

    python: str | None = None
    python_implementation: str | None = None
    os: str | None = None
    os_release: str | None = None
    libc: str | None = None
    machine: str | None = None
    numpy: str | None = None
    distributions: dict[str, str] = {}
    """Version of every installed distribution, by normalised name."""
    cpu_model: str | None = None
    cpu_flags: tuple[str, ...] | None = None
    usable_cpus: int | None = None
    tensorflow: str | None = None
    tensorflow_git: str | None = None
    keras: KerasInEffect | None = None
    tf_keras: str | None = None
    protobuf: str | None = None
    h5py: str | None = None
    onednn: bool | None = None
    onednn_known_by: str | None = None
    onednn_isa_cap: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    variables: dict[str, str | None] = {}
    intra_op_threads: int | str | None = None
    inter_op_threads: int | str | None = None
    grappler: bool | None = None
    xla: str | None = None
    devices: tuple[str, ...] = ()
    gpus: tuple[Gpu, ...] | None = None
    gpu_driver: str | None = None
    tf32: bool | None = None
    seed: int | None = None
    op_determinism: bool | None = None
    loader: str | None = None
    initialisation: Initialisation | None = None

    @model_serializer(mode="wrap")
    def _only_reported(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Serialise only reported fields: any other would count as reported once it is read back."""
        return {name: value for name, value in dump(self).items() if name in self.model_fields_set}
