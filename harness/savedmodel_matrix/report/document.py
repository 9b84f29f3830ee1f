"""``report.json``: the types that write and read it. Its JSON Schema is generated from them."""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal

from savedmodel_matrix.domain.check import Check, CheckVerdict
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.pipelines.document import (
    EntryRow,
    FindingRow,
    SkewRow,
    StageRow,
)
from savedmodel_matrix.report.row import Row
from savedmodel_matrix.verdicts.judge.caveat import Caveat
from savedmodel_matrix.verdicts.judge.known_problems import Standing
from savedmodel_matrix.verdicts.judge.output import Decision, Measure

REPORT_FORMAT: Final = 1


class EnvironmentRow(Row):
    """One environment of the plan."""

    id: str
    tensorflow: str
    python: str
    build: str
    resolve: str
    requirements: list[str]
    without: list[str] = []
    interpreter: str | None = None
    """Full version of the interpreter, once the environment exists."""
    lock: str | None = None
    """Content digest of the installed lock."""
    unavailable: str | None = None
    """Why there is no wheel for it, if there is none."""
    included_because: str | None = None
    remark: str | None = None
    """What the user should know about its lock."""


class SettingRow(Row):
    """One setting; secret variables are masked."""

    name: str
    variables: dict[str, str]
    device: str | None
    intra_op_threads: int | None
    inter_op_threads: int | None
    jit_compile: bool
    grappler: bool
    seed: int | None = None
    deterministic: bool = False
    """Whether operations had to be deterministic."""
    loader: str | None = None
    """How models are loaded, in place of what each case says."""


class NoticedRow(Row):
    """In how many weights a change of one size is noticed."""

    level: float
    """The change, relative to the weight's root mean square."""
    noticed: int
    tried: int


class PowerRow(Row):
    """What the inputs of a case notice: each weight in turn changed in the baseline."""

    power: float | None
    """The share of the tried weights in which the largest change is noticed; None if none was tried."""
    weak: bool
    """Whether that is less than the matrix's ``min_power``."""
    levels: list[NoticedRow]
    """The largest change first."""
    weights: int
    """Float weights that the outputs depend on, tried or not."""
    left_out: int
    """Other variables that they depend on: integers, and those that are zero throughout."""
    unused: int = 0
    """Variables of the signature or function that no output depends on."""
    blind_to: list[str]
    """The weights in which not even the largest change is noticed."""
    says: str


class CaseRow(Row):
    """One case, with digests of its model and inputs."""

    name: str
    says: str = ""
    """One sentence: the result of the case, and why."""
    path: str
    package: str | None
    archive: dict[str, str] | None
    """Name and SHA-256 of the package file that the model is taken from."""
    signature: str | None
    function: str | None
    model: str | None
    inputs: str | None
    batches: int | None
    power: PowerRow | None = None
    """None if the matrix does not measure noise floors, or changes no weight."""


class PhaseRow(Row):
    """The cost of one phase."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


class PredictionRow(Row):
    """What preflight predicted for one cell and case, without TensorFlow."""

    kind: str
    """"loads", "needs" or "fails"."""
    because: list[str]
    needs: list[str]
    confidence: str
    came_true: bool | None
    """None if there is no outcome, or if the outcome does not tell."""


class CellRow(Row):
    """The result of one cell and case."""

    environment: str
    setting: str
    case: str
    outcome: Outcome
    reason: str | None
    recording: str | None
    """Key of the recording, whatever its outcome."""
    required: bool
    """Whether the matrix counts on it: selected, not excluded, and a wheel exists."""
    selected: bool = True
    """Whether this run was asked for it (``--only``, ``--case``)."""
    class_: str | None = None
    """Letter of the class of bit-identical cells it is in, for this case."""
    verdict: Verdict | None = None
    """Against the baseline; the worst of all deterministic outputs."""
    power: float | None = None
    """That of the case, beside every verdict."""
    weak: bool = False
    """Whether it agrees with the baseline on inputs that notice too little for that to prove anything."""
    skew: Verdict | None = None
    """Of the outputs on serving's preprocessing against those on training's, if the case names both."""
    not_compared: list[str] = []
    """Outputs of the case that are nondeterministic in some cell, and were not compared as distributions."""
    distributions: list[str] = []
    """Random outputs that were compared with the baseline's as distributions."""
    prediction: PredictionRow | None = None
    expected: str | None = None
    """Why this outcome or verdict is expected, if the matrix says so."""
    phases: dict[str, PhaseRow] = {}

    @property
    def cell(self) -> str:
        """The cell's readable id."""
        return f"{self.environment}/{self.setting}"

    @property
    def is_left_out(self) -> bool:
        """Whether a partial run left it out, and no earlier run recorded it."""
        return not self.selected and self.recording is None


class MinTolerance(Row):
    """The smallest tolerances that would pass: each alone, with the other zero.

    None if no finite tolerance would: a NaN, an infinity or a missing element on one side.
    """

    atol: float | None
    rtol: float | None


class BeforeRow(Row):
    """What stands before the head of an output that hides small changes, compared by its own noise."""

    output: str
    """Such as "probs before softmax"."""
    verdict: Verdict
    max_abs: float | None
    noise_ratio: float | None


class DivergenceRow(Row):
    """One output of one case, compared between two classes of cells; ``b`` is the reference."""

    case: str
    batch: int | None
    output: str
    a: str
    """First cell of the class."""
    b: str
    verdict: Verdict
    reason: str | None
    """Why it is incomparable, or what mismatches apart from numbers."""
    elements: int | None
    different: int | None
    """Elements that are not bit-equal."""
    beyond: int | None
    """Elements beyond the tolerance."""
    judged_by: Measure
    rtol: float | None
    atol: float | None
    max_abs: float | None
    max_rel: float | None
    rel_l2: float | None
    rms: float | None
    cosine: float | None
    snr_db: float | None
    top1_agreement: float | None
    top5_agreement: float | None
    kl: float | None
    scaled_ulp: float | None
    nan_mismatches: int | None
    inf_mismatches: int | None
    min_tolerance: MinTolerance | None
    noise_ratio: float | None = None
    """The difference as a multiple of the noise between two runs: the larger of the two below. None without
    a noise floor."""
    noise_overall: float | None = None
    noise_peak: float | None = None
    decision_changed: bool
    decision: Decision | None = None
    """How serious the changed decision is."""
    decision_margin: float | None = None
    """The largest margin, in noise ratios, by which the maximum of a row moved; None if none did."""
    before: BeforeRow | None = None
    """What stands before its head, if both cells recorded it: ``verdict`` is the worse of the two."""


class DistributionRow(Row):
    """One random output of one case in one cell, compared with the baseline's as a distribution."""

    environment: str
    setting: str
    case: str
    batch: int
    output: str
    verdict: Verdict | None
    """``float-noise`` if nothing shows another distribution; None if too few runs were made to tell."""
    says: str
    runs: int
    baseline_runs: int
    p: float | None
    """The probability that two samples of one distribution differ as much, not counting the other comparisons
    of the report."""
    shift: float | None
    """The largest difference of an element's means, in standard deviations."""
    spread: float | None
    """How many times as much the elements spread as in the baseline, on average; None of labels."""
    detectable_shift: float | None
    """The shift of one element, in standard deviations, that would have been found in 9 of 10 cases."""
    detectable_spread: float | None
    """The relative change of one element's spread that would have been found likewise; None of labels."""

    @property
    def cell(self) -> str:
        """The cell's readable id."""
        return f"{self.environment}/{self.setting}"


class OutputRow(Row):
    """One output of one case in the baseline, before any comparison."""

    case: str
    batch: int
    output: str
    dtype: str
    shape: list[int]
    caveats: dict[Caveat, str]
    """Why its agreement proves less than it seems to, and how that was seen."""
    sigma: float | None
    """Its noise, in its own unit: the root mean square of its elements' standard deviations."""
    raised: float | None
    """The factor by which benign settings (threads, batch size) raise the noise."""
    detectable: float | None
    """The smallest relative change of the whole output that can be told from noise."""
    no_floor: str | None
    """Why a float output has no noise floor, if it has none."""
    before: str | None = None
    """What stands before its head and is judged as well, because the output hides small changes."""


class CheckRow(Row):
    """The result of one check of session behaviour in one cell and case."""

    environment: str
    setting: str
    case: str
    check: Check
    verdict: CheckVerdict
    kind: str | None
    """The finding in one word or two."""
    says: str
    because: list[str] = []
    """What in the model's graph explains the failure; empty if the graph does not tell."""
    advice: list[str] = []
    """What a person can change."""
    details: str | None
    """Details that do not fit into a sentence, such as the stacks of threads in a deadlock."""
    required: bool
    """Whether the cell recorded the case, so that the check should have run."""
    recording: str | None
    """Key of the check's recording."""
    expected: str | None = None
    """Why its failure is expected, if the matrix says so."""

    @property
    def cell(self) -> str:
        """The cell's readable id."""
        return f"{self.environment}/{self.setting}"


class ExplanationRow(Row):
    """The recorded factors that explain the results of one case, as far as this matrix can tell."""

    case: str
    about: str
    """What is explained: "bits" (classes), "results" (differences beyond rounding), "outcomes", or "outcomes
    after the import": of the cells that imported TensorFlow, about which more is known than about others."""
    kind: str
    """"one group", "explained", "ambiguous" or "unexplained"."""
    sets: list[list[str]]
    """The minimal sets of factors, smaller ones first."""
    together: list[list[str]] = []
    """Factors that always change together in these cells; in ``sets``, the first one stands for all."""
    confirmed: bool
    """Whether any two cells agree on the smallest set, so that something confirms it."""
    evidence: list[str]


class ProposalRow(Row):
    """A cell that would tell apart two explanations that both fit so far."""

    environment: str
    setting: str
    """The cell that it equals except for ``change`` (factor and value)."""
    change: dict[str, str]
    separates: list[str]
    cases: list[str]
    """The cases for which it would decide."""
    added: bool
    """Whether this run already had it (``--separate``)."""


class CauseRow(Row):
    """The cause of one failure, from the knowledge base; None throughout if it is unknown."""

    environment: str
    setting: str
    case: str
    cause: str | None
    """Id of the entry (docs/causes.md)."""
    title: str
    explanation: str | None
    source: str | None
    candidates: list[str]
    """What may fix it, tried or not."""
    useful: str | None
    """For an unknown cause, the part of the traceback that is worth searching for."""


class StepRow(Row):
    """One step of a fix."""

    kind: str
    value: str


class RemedyRow(Row):
    """One fix that was tried in a fresh cell for one failure, of one step or several, and its result."""

    environment: str
    setting: str
    case: str
    cause: str
    kind: str
    value: str
    together: list[StepRow] = []
    """The other steps, if it takes several."""
    tried_in: str
    """The cell in which it was tried."""
    outcome: Outcome
    verdict: Verdict | None
    """Against the baseline."""
    mended: bool
    says: str


class CheckFixRow(Row):
    """Another way of calling a model whose check failed, and what became of the check."""

    environment: str
    setting: str
    case: str
    check: Check
    kind: str
    value: str
    tried_in: str
    """The cell in which it was tried."""
    outcome: Outcome
    mended: bool
    says: str


class UntriedRow(Row):
    """A fix that would have been next for one failure and was not tried, and why not."""

    environment: str
    setting: str
    case: str
    cause: str
    kind: str
    value: str
    together: list[StepRow] = []
    """The other steps, if it takes several."""
    because: str


class ExpectationRow(Row):
    """A known problem that the matrix declares, and whether it still occurs."""

    cells: str
    cases: str
    expects: str
    """The outcome, the verdict, or the check that fails."""
    reason: str
    owner: str
    until: dt.date
    standing: Standing
    covers: int
    """How many cells × cases it covers; none once it has expired."""


class OutsideRow(Row):
    """A case whose model reads files outside itself, so that it fails where they are missing."""

    case: str
    says: str
    """All of it, in a few sentences."""
    paths: list[str]
    missing: list[str]
    """Those that are missing on this machine."""
    tried_in: str
    """The cell in which changed copies of the model ran."""
    hidden: Outcome | None
    """What happens where the files are missing; None if that was not tried."""
    hidden_reason: str | None
    fix: str | None
    """The folder of the model with the files among its assets, if it works."""
    verdict: Verdict | None
    """Of that model's outputs, against the baseline."""


class ClassRow(Row):
    """Cells whose outputs of one case are bit-identical."""

    case: str
    name: str
    cells: list[str]


class Report(Row):
    """All results of one run of one matrix."""

    format: Literal[1] = REPORT_FORMAT
    matrix: str
    not_self_contained: list[OutsideRow] = []
    run: str
    """The run that made this report; later runs with the same results keep it."""
    content: str
    """Digest of everything the report was made from."""
    baseline: str
    environments: list[EnvironmentRow]
    settings: list[SettingRow]
    cases: list[CaseRow]
    cells: list[CellRow]
    classes: list[ClassRow]
    divergences: list[DivergenceRow]
    distributions: list[DistributionRow] = []
    causes: list[CauseRow]
    remedies: list[RemedyRow]
    untried: list[UntriedRow] = []
    """Fixes that would have been next and were not tried."""
    check_fixes: list[CheckFixRow] = []
    remedies_done: bool
    """Whether every fix that can be tried was tried; ``--no-fixes`` leaves them out."""
    stages: list[StageRow] = []
    entries: list[EntryRow] = []
    skews: list[SkewRow] = []
    findings: list[FindingRow] = []
    explanations: list[ExplanationRow]
    proposals: list[ProposalRow]
    expectations: list[ExpectationRow]
    outputs: list[OutputRow]
    checks: list[CheckRow] = []
    """How cases behave in a session, if they ask for checks."""
    replicates: int | None
    """How many replicates measured the noise of each output; None if that was not asked for."""
    remarks: list[str]
    faults: list[str]
    """Tracebacks of failures of the harness itself."""
    exit_status: int
