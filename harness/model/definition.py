"""The keys of a matrix definition. The JSON Schema for editors is generated from these types."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal, Self

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    model_validator,
)

from harness.model.plan import Build
from harness.model.sources import InputSource  # noqa: TC001 - pydantic reads it at run time


class Keys(BaseModel):
    """A table of the definition: unknown keys are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _alternatives(value: object) -> object:
    # ["a", "b"] is one set of requirements; [["a"], ["a", "b"]] is an axis of two sets.
    if isinstance(value, list) and not any(isinstance(item, list) for item in value):
        return [value]
    return value


def _requirement(text: str) -> str:
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"not a requirement: {error}".splitlines()[0]) from error
    return text


def _resolve(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value


def _known_resolve(text: str) -> str:
    if text not in {"release", "today"}:
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            raise ValueError("use 'release', 'today' or a date such as 2024-01-31") from None
    return text


def _pinned(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[^=*,; ]+", text):
        raise ValueError("pin it exactly, as in 'basic-pitch==0.4.0': another version is another model")
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Glob = Annotated[str, Field(min_length=1)]
Reason = Annotated[str, Field(min_length=1)]
PythonMinor = Annotated[str, Field(pattern=r"^(auto|3\.\d+)$")]
Resolve = Annotated[str, BeforeValidator(_resolve), AfterValidator(_known_resolve)]
RequirementText = Annotated[str, AfterValidator(_requirement)]
Listed = BeforeValidator(_listed)


class EnvironmentBlock(Keys):
    """A product of lists; one environment for each combination."""

    tensorflow: Annotated[list[str], Listed, Field(min_length=1)]
    """Releases: exact ("2.9.3"), the newest patch of a minor ("2.9"), "latest", "rc" or "nightly"."""
    python: Annotated[list[PythonMinor], Listed, Field(min_length=1)] = ["auto"]
    """Minors ("3.11"), or "auto" for the newest that the release has wheels for."""
    build: Annotated[list[Build], Listed, Field(min_length=1)] = [Build.CPU]
    """"cpu", "gpu" or "nightly"."""
    resolve: Annotated[list[Resolve], Listed, Field(min_length=1)] = ["release"]
    """Dependencies as of shortly after the TensorFlow release ("release"), "today", or a date."""
    requirements: Annotated[list[list[RequirementText]], BeforeValidator(_alternatives)] = [[]]
    """Packages and pins beside TensorFlow; a list of lists is an axis of alternatives."""


class Include(EnvironmentBlock):
    """Environments added after the exclusions, with the reason why."""

    reason: Reason


class Exclude(Keys):
    """Cells that are left out, shown in the report with the reason."""

    cells: Glob
    """Glob on an environment's id, or with "/" on "ENVIRONMENT/SETTING"."""
    cases: Glob = "*"
    """Glob on the names of cases."""
    reason: Reason


class Override(Keys):
    """Changes to the cells that a glob selects; later ones win."""

    cells: Glob
    """Glob on an environment's id, or with "/" on "ENVIRONMENT/SETTING"."""
    cases: Glob = "*"
    """Glob on the names of cases; for the limits only."""
    requirements: list[RequirementText] | None = None
    """Packages and pins added to the environment."""
    resolve: Resolve | None = None
    time_limit: Annotated[float, Field(gt=0)] | None = None
    memory_limit: ByteSize | None = None

    @model_validator(mode="after")
    def _changes_something_it_can(self) -> Self:
        installs = self.requirements is not None or self.resolve is not None
        if not installs and self.time_limit is None and self.memory_limit is None:
            raise ValueError("changes nothing: give requirements, resolve, time_limit or memory_limit")
        if installs and ("/" in self.cells or self.cases != "*"):
            raise ValueError(
                "requirements and resolve change what is installed, for every setting and case: "
                "select whole environments (no '/' in cells, no cases)"
            )
        return self


class SettingDefinition(Keys):
    """What varies at run time without a reinstall."""

    variables: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    """Environment variables, set before TensorFlow is imported."""
    device: Annotated[str, Field(pattern=r"^(cpu|gpu:\d+)$")] | None = None
    """"cpu" hides every GPU; "gpu:0" shows that one only. Default: whatever TensorFlow sees."""
    intra_op_threads: Annotated[int, Field(ge=1)] | None = None
    inter_op_threads: Annotated[int, Field(ge=1)] | None = None
    jit_compile: bool = False
    """Run the signature compiled by XLA."""
    grappler: bool = True
    """False switches TensorFlow's graph optimizer off."""


class ToleranceDefinition(Keys):
    """How far an output may be from the baseline's: |a - b| <= atol + rtol * |b| in every element."""

    rtol: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    atol: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class CaseDefinition(Keys):
    """A SavedModel, a signature and fixed inputs."""

    path: Annotated[str, Field(min_length=1)]
    """Folder of the SavedModel: relative to the project's root, or inside the package."""
    package: Annotated[str, AfterValidator(_pinned)] | None = None
    """A pinned package of the language's index that carries the model; fetched without dependencies."""
    signature: str = "serving_default"
    function: str | None = None
    """An attribute of the loaded object to call instead of a signature, e.g. "__call__"."""
    tags: list[str] | None = None
    """Tag set of the meta graph; default: the only one, or "serve"."""
    loader: Literal["saved_model"] = "saved_model"
    inputs: list[InputSource] = []
    """Where the batches come from; made once, and every cell gets the same bytes."""
    runs: Annotated[int, Field(ge=1)] = 2
    """Runs of each batch in one process; outputs that differ between them are called unstable."""
    time_limit: Annotated[float, Field(gt=0)] = 300.0
    """Seconds for loading and running the case in one cell."""
    memory_limit: ByteSize | None = None
    """Resident memory for the case in one cell, e.g. "4GiB"."""
    tolerance: dict[Glob, ToleranceDefinition] = {}
    """By glob on the output's name, later ones win; default: by element type."""


class Definition(Keys):
    """A whole ``matrices/NAME.toml``."""

    baseline: Glob
    """The cell others are measured against: an id, or a glob that matches one environment."""
    environments: Annotated[list[EnvironmentBlock], Field(min_length=1)]
    exclude: list[Exclude] = []
    include: list[Include] = []
    override: list[Override] = []
    settings: Annotated[dict[Name, SettingDefinition], Field(min_length=1)] = {"default": SettingDefinition()}
    cases: Annotated[dict[Name, CaseDefinition], Field(min_length=1)]
