"""The request to the probe, as types; ``savedmodel_matrix.probe.__main__`` is the contract."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import JsonValue

from savedmodel_matrix.domain.arrays import Batch
from savedmodel_matrix.domain.call import Call
from savedmodel_matrix.domain.stored import Stored

REQUEST_FORMAT: Final = 2


class Measure(Stored):
    """What to measure: a file of the probe's ``measurements``, or ``program``, and its parameters."""

    kind: str
    program: str | None = None
    parameters: dict[str, JsonValue] = {}

    def to_json(self) -> dict[str, Any]:
        """Return the flat form that the probe reads."""
        return {"kind": self.kind, "program": self.program, **self.parameters}


class SettingRequest(Stored):
    """What varies at run time; see ``domain.definition.SettingDefinition``."""

    device: str | None = None
    intra_op_threads: int | None = None
    inter_op_threads: int | None = None
    jit_compile: bool = False
    grappler: bool = True
    seed: int | None = None
    deterministic: bool = False


class OutputsOf(Stored):
    """Inputs that are the outputs of another job: a readable name, and the path of its result."""

    name: str
    outputs_of: str


class SourceFile(Stored):
    """A file as it was when its digest was taken: size in bytes, times in ns; None if missing."""

    path: str
    size: int | None
    mtime_ns: int | None
    ctime_ns: int | None
    inode: int | None

    @classmethod
    def absent(cls, path: str) -> Self:
        """Return a file that was missing."""
        return cls(path=path, size=None, mtime_ns=None, ctime_ns=None, inode=None)


class CaseRequest(Stored):
    """One job."""

    result: str
    """Path of the recording to write."""
    key: str
    identity: dict[str, JsonValue]
    measure: Measure
    after: str | None = None
    """Path of a result whose failure becomes this job's outcome."""
    fresh_process: bool = False
    """Whether the job imports TensorFlow in its own process."""
    model: str | None = None
    """Folder of the SavedModel; None for a stage."""
    setting: SettingRequest
    loader: str | None = None
    imports: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    signature: str | None = None
    function: str | None = None
    endpoint: str | None = None
    call: Call | None = None
    feed: dict[str, bool | int | float] = {}
    one_row: bool = False
    reload: bool = False
    carry_on: bool = False
    batches: tuple[Batch, ...] | OutputsOf | None
    inputs_error: str | None
    runs: int
    time_limit_s: float
    memory_limit_bytes: int | None
    sources: tuple[SourceFile, ...] = ()
    """The files that the job's key stands for: if one changes meanwhile, there is no recording."""
    links: dict[str, str] = {}
    """By paths relative to the working folder, the files outside the model that it reads there."""

    def to_json(self) -> dict[str, Any]:
        """Return the form that the probe reads."""
        return {**self.model_dump(mode="json"), "measure": self.measure.to_json()}


class ProbeRequest(Stored):
    """One start of the probe."""

    format: Literal[2] = REQUEST_FORMAT
    objects: str
    imported: str
    isolation: Literal["auto", "fork", "process"] = "auto"
    parent: int | None = None
    """The process that starts the probe: the probe ends with it, also where that ends first."""
    owner: str | None = None
    """The process that half-written files are named after: the one that starts the probe."""
    tensorflow: bool
    scrub: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    variables: dict[str, str]
    cases: tuple[CaseRequest, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the form that the probe reads."""
        return {**self.model_dump(mode="json"), "cases": [case.to_json() for case in self.cases]}
