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
        raise ValueError("this is what every cell should do, so there is no problem to expect")
    if value is Outcome.SKIPPED:
        raise ValueError("a skipped cell has no result to expect: use [[exclude]]")
    return value


def _distinct(checks: list[Check]) -> list[Check]:
    if len(set(checks)) < len(checks):
        raise ValueError("lists a check twice")
    return checks


def _pinned(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[^=*,; ]+", text):
        raise ValueError("pin it exactly, as in 'basic-pitch==0.4.0': another version is a different model")
    return text


#: With fewer, the standard deviation is too uncertain: its relative error is 1 / sqrt(2 (n - 1)).
_FEWEST_REPLICATES = 8

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Glob = Annotated[str, Field(min_length=1)]
Reason = Annotated[str, Field(min_length=1)]
PythonMinor = Annotated[str, Field(pattern=r"^(auto|3\.\d+)$")]
Resolve = Annotated[str, BeforeValidator(_resolve), AfterValidator(_known_resolve)]
RequirementText = Annotated[str, AfterValidator(_requirement)]
Listed = BeforeValidator(_listed)


#: TensorFlow's import alone takes more than this, so a lower limit would record nothing but itself.
MemoryLimit = Annotated[ByteSize, Field(ge=100_000_000)]


class EnvironmentBlock(Table):
    """A product of lists: one environment for each combination."""

    tensorflow: Annotated[list[str], Listed, Field(min_length=1)]
    """Releases: exact ("2.9.3"), the newest patch of a minor ("2.9"), "latest", "rc" or "nightly"."""
    python: Annotated[list[PythonMinor], Listed, Field(min_length=1)] = ["auto"]
    """Minor versions ("3.11"), or "auto" for the newest that the release has wheels for."""
    build: Annotated[list[Build], Listed, Field(min_length=1)] = [Build.CPU]
    """"cpu", "gpu" or "nightly"."""
    resolve: Annotated[list[Resolve], Listed, Field(min_length=1)] = ["release"]
    """Dependencies as of shortly after the TensorFlow release ("release"), "today", or a date."""
    requirements: Annotated[list[list[RequirementText]], BeforeValidator(_alternatives)] = [[]]
    """Packages and pins installed with TensorFlow; a list of lists is an axis of alternatives."""
    without: Annotated[list[list[Name]], BeforeValidator(_alternatives)] = [[]]
    """Packages to leave out, to test whether they are needed; a list of lists is an axis."""
    beside: Annotated[list[list[RequirementText]], BeforeValidator(_alternatives)] = [[]]
    """Pins for the packages that stages require in their own files (PEP 723), which run in separate
    environments; a list of lists is an axis."""


class Include(EnvironmentBlock):
    """Environments added after the exclusions, with the reason."""

    reason: Reason


class Exclude(Table):
    """Cells to leave out; the report shows them with the reason."""

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
    memory_limit: MemoryLimit | None = None

    @model_validator(mode="after")
    def _changes_something_it_can(self) -> Self:
        installs = self.requirements is not None or self.resolve is not None
        if not installs and self.time_limit is None and self.memory_limit is None:
            raise ValueError("changes nothing: set requirements, resolve, time_limit or memory_limit")
        if installs and ("/" in self.cells or self.cases != "*"):
            raise ValueError(
                "requirements and resolve change what is installed for every setting and case: "
                "select whole environments (no '/' in cells, no cases)"
            )
        return self


class Expect(Table):
    """A known problem: shown as expected, and no reason for a run to fail until its date has passed."""

    cells: Glob
    """Glob on an environment's id, or with "/" on "ENVIRONMENT/SETTING"."""
    cases: Glob = "*"
    """Glob on the names of cases."""
    outcome: Annotated[Outcome, AfterValidator(_known_problem)] | None = None
    """The outcome of the failing cells, e.g. "load-failed"; matched exactly."""
    verdict: Annotated[Verdict, AfterValidator(_known_problem)] | None = None
    """The verdict against the baseline, e.g. "suspicious"; matched exactly, except that "diverged" also
    expects "suspicious"."""
    check: Check | None = None
    """The check that fails, e.g. "concurrent"."""
    reason: Reason
    owner: Annotated[str, Field(min_length=1)]
    """The person or team to ask about it."""
    until: Annotated[dt.date, BeforeValidator(_date)]
    """The last day on which it is expected."""

    @model_validator(mode="after")
    def _expects_one_thing(self) -> Self:
        if sum(given is not None for given in (self.outcome, self.verdict, self.check)) != 1:
            raise ValueError(
                "give exactly one of outcome, verdict and check: a failed cell has no verdict, and a check "
                "has its own result"
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
    """"cpu" hides every GPU; "gpu:0" shows only that one. Default: all devices that TensorFlow sees."""
    intra_op_threads: Annotated[int, Field(ge=1)] | None = None
    inter_op_threads: Annotated[int, Field(ge=1)] | None = None
    jit_compile: bool = False
    """Compile the signature with XLA."""
    grappler: bool = True
    """False switches TensorFlow's graph optimizer off."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Seed of Python, NumPy and TensorFlow, set before the model is loaded. It affects what is traced
    afterwards (Keras loaders), but not the random operations saved in the SavedModel."""
    deterministic: bool = False
    """Op determinism: operations without a deterministic implementation fail, and so do random ones without a
    seed. Before TensorFlow 2.8 this sets the variable TF_DETERMINISTIC_OPS, which only affects GPUs."""
    loader: Loader | None = None
    """How to load models; overrides each case's loader."""


class ToleranceDefinition(Table):
    """How far an output may be from the baseline's. Limits given here replace the noise floor."""

    rtol: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """|a - b| <= atol + rtol * |b| for every element; an omitted one is zero."""
    atol: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    ulp: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Largest distance in scaled units in the last place."""
    top1: Annotated[float, Field(gt=0, le=1)] | None = None
    """Smallest fraction of rows whose argmax must agree. On its own, it adds to the noise floor."""
    comparator: str | None = None
    """Name of an entry point of the group "savedmodel_matrix.comparators" that judges this output."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("limits nothing: set rtol, atol, ulp, top1 or comparator")
        if self.comparator is not None and len(self.model_fields_set) > 1:
            raise ValueError("a comparator replaces all other limits: remove rtol, atol, ulp and top1")
        return self

    @property
    def has_numbers(self) -> bool:
        """Whether it limits the numbers themselves, not just the agreement of rows."""
        return any(limit is not None for limit in (self.rtol, self.atol, self.ulp))


class CaseDefinition(Table):
    """A SavedModel, a signature and fixed inputs; optionally, stages before and after the model."""

    path: LocalPath
    """Folder of the SavedModel, relative to the project's root, or inside the package."""
    package: Annotated[str, AfterValidator(_pinned)] | None = None
    """A pinned package from the Python package index with the model; fetched without dependencies."""
    signature: str = "serving_default"
    function: str | None = None
    """An attribute of the loaded object to call instead of a signature, e.g. "__call__"."""
    endpoint: str | None = None
    """What the loader "tfsm-layer" calls for the signature: a function of the model that takes all inputs in
    one argument, e.g. "__call__". Inputs and outputs keep the signature's names. Default: the signature."""
    arguments: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], bool | int | float | str] = {}
    """Python values of the function's arguments, e.g. { training = false }. They choose one of the calls that
    it was traced with; the other arguments have their default values where such a call exists."""
    feed: dict[Annotated[str, Field(min_length=1)], bool | int | float] = {}
    """Values of placeholders of a TensorFlow 1 graph that are no inputs of the signature, by the tensor's
    name, e.g. { "keras_learning_phase:0" = false }."""
    one_row: bool = False
    """Call the model once for each row of a batch, so that rows do not affect each other."""
    reload: bool = False
    """Load the model again for each call, so that calls do not affect each other."""
    carry_on: bool = False
    """Let a batch find what the calls for earlier ones left in the model's variables and random states.
    Default: every batch begins with a newly loaded model if its graph writes variables or tables, or draws
    from a seed."""
    tags: list[str] | None = None
    """Tag set of the meta graph. Default: the only one, or "serve"."""
    loader: Loader = Loader.SAVED_MODEL
    """"saved_model" (tf.saved_model.load), "v1-session" (into a tf.compat.v1.Session), "keras" (tf.keras's
    load_model), "tf-keras" (that package's), or "tfsm-layer" (a layer of Keras 3)."""
    modules: list[LocalPath] = []
    """Local code: a .py file is imported before the model is loaded; a folder is added to sys.path."""
    imports: list[Annotated[str, Field(pattern=rf"^{DOTTED}$")]] = []
    """Installed modules to import before the model is loaded, for the operations or classes that they
    register, e.g. "tensorflow_text"."""
    libraries: list[LocalPath] = []
    """Custom-operation libraries (.so) to load before the model."""
    inputs: list[InputSource] = []
    """Where the batches come from. They are created once, and every cell gets the same bytes. If a stage runs
    before the model, they are that stage's inputs."""
    preprocess: Stage | None = None
    """The stage that makes the model's inputs from ``inputs``."""
    serve: Stage | None = None
    """What production does to make the model's inputs; to be compared with ``train``."""
    train: Stage | None = None
    """What training did to make the model's inputs; to be compared with ``serve``."""
    postprocess: Stage | None = None
    """The stage that processes the model's outputs."""
    runs: Annotated[int, Field(ge=1)] = 2
    """Runs of each batch in one process; an output that differs between them is called unstable."""
    checks: Annotated[list[Check], AfterValidator(_distinct)] = []
    """Checks of session behaviour to run in every cell: "repeat", "fresh-process", "concurrent", "reload",
    "leak", "batch", "threads". None by default: each loads the model at least once more."""
    time_limit: Annotated[float, Field(gt=0)] = 300.0
    """Seconds allowed for loading and running the case in one cell."""
    memory_limit: MemoryLimit | None = None
    """Resident memory allowed for the case in one cell, e.g. "4GiB"."""
    tolerance: dict[Glob, ToleranceDefinition] = {}
    """Limits by glob on the output's name; later ones win. Default: by element type. Outputs of
    ``postprocess`` are called "postprocess/NAME"."""

    @model_validator(mode="after")
    def _only_functions_take_values(self) -> Self:
        if self.arguments and self.function is None:
            raise ValueError("a signature takes tensors only: arguments are those of a function; name it")
        return self

    @model_validator(mode="after")
    def _one_pipeline_serves(self) -> Self:
        if (self.train is None) != (self.serve is None):
            raise ValueError("train and serve are compared with each other: give both, or only preprocess")
        if self.serve is not None and self.preprocess is not None:
            raise ValueError("serve and preprocess both make the model's inputs: give only one of them")
        if any(stage and stage.inputs for stage in (self.preprocess, self.serve, self.postprocess)):
            raise ValueError("only train may have its own inputs: the other stages use the case's")
        return self

    @property
    def serving(self) -> str | None:
        """The name of the stage that makes the model's inputs, if there is one."""
        if self.preprocess is not None:
            return "preprocess"
        return None if self.serve is None else "serve"

    @property
    def stages(self) -> dict[str, StageDefinition]:
        """The case's stages by name, in the order they run."""
        named = {
            "train": self.train,
            "preprocess": self.preprocess,
            "serve": self.serve,
            "postprocess": self.postprocess,
        }
        return {name: stage for name, stage in named.items() if stage is not None}


class NoiseFloorDefinition(Table):
    """How the noise of each output is measured: by replicates of the baseline with floats moved by one ULP.

    16 replicates are enough for screening. 59 bound the noise for a release: with probability 0.95 the
    largest of 59 is beyond the 95th percentile (Wilks, 1941).
    """

    replicates: Annotated[int, Field(ge=0, le=1000)] = 16
    """Replicates of each case in the baseline; with 0, verdicts use tolerances only."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1

    @model_validator(mode="after")
    def _enough_to_spread(self) -> Self:
        if 0 < self.replicates < _FEWEST_REPLICATES:
            raise ValueError(f"give at least {_FEWEST_REPLICATES} replicates, or 0 for no noise floor")
        return self


class PowerDefinition(Table):
    """What inputs have to notice: each weight in turn changes by 1 % and by 0.1 % in the baseline.

    Agreement of inputs that notice nothing proves nothing, and its verdict is shown as weak.
    """

    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Seconds to spend on it for each case; the largest weights come first, then a sample of the others. 0
    changes no weight. Default: as long as loading and running the case takes there."""
    min_power: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The least share of the tried weights in which a change of 1 % has to be noticed; below it, verdicts are
    weak."""
    required: bool = False
    """Whether a weak verdict, or one of unknown power, counts as a comparison that did not take place (exit
    status 4)."""

    @model_validator(mode="after")
    def _is_measured_if_required(self) -> Self:
        if self.required and self.seconds == 0:
            raise ValueError("required power has to be measured: give it more than 0 seconds")
        return self


class RandomDefinition(Table):
    """How random outputs are compared: as distributions, over many runs of a case in every cell.

    Only cases with such outputs run again.
    """

    runs: Annotated[int, Field(ge=0, le=10_000)] = 1000
    """Runs of each batch in each cell; with 0, random outputs are not compared."""
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    """Seconds after which no further run begins; fewer runs notice less, and the report says how much."""


class Definition(Table):
    """A complete ``matrices/NAME.toml``."""

    baseline: Glob
    """The cell that others are compared with: an id, or a glob that matches one environment."""
    environments: Annotated[list[EnvironmentBlock], Field(min_length=1)]
    exclude: list[Exclude] = []
    include: list[Include] = []
    override: list[Override] = []
    expect: list[Expect] = []
    """Known problems."""
    cover: Literal["all", "pairwise"] = "all"
    """"pairwise" runs a few cells that cover every pair of values of two axes, instead of all cells."""
    settings: Annotated[dict[Name, SettingDefinition], Field(min_length=1)] = {"default": SettingDefinition()}
    cases: Annotated[dict[Name, CaseDefinition], Field(min_length=1)]
    noise_floor: NoiseFloorDefinition = NoiseFloorDefinition()
    power: PowerDefinition = PowerDefinition()
    random: RandomDefinition = RandomDefinition()
    isolate: bool = False
    """Run models and stages without network, home folder and other files that they do not need (Linux)."""
