"""The parts of ``report.json`` on the pipelines around models."""

from __future__ import annotations

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.row import Row


class StageRow(Row):
    """The result of one pipeline around the model of one cell and case."""

    environment: str
    setting: str
    case: str
    stage: str
    """"preprocess", "serve", "train" or "postprocess"."""
    outcome: Outcome
    reason: str | None
    recording: str | None
    beside: str | None
    """The side environment that it ran in, if not the cell's own."""
    class_: str | None
    """Letter of the class of cells whose pipelines made the same bits."""
    libraries: dict[str, str]
    """The libraries that it used, with their versions."""
    unstable: list[str]
    """What differed between two calls on the same input."""
    wrote: list[str]
    """Inputs that it wrote to."""
    remarks: list[str]

    @property
    def cell(self) -> str:
        """The cell's readable id."""
        return f"{self.environment}/{self.setting}"


class EntryRow(Row):
    """Where a difference comes from: cells whose pipeline made something different from the baseline's."""

    case: str
    stage: str
    cells: list[str]
    libraries: list[str]
    """The libraries that changed, as "Pillow 9.5.0 → 11.3.0"."""
    inputs: str
    """How the pipelines' results differ."""
    end_to_end: Verdict | None
    """The verdict on all outputs, against the baseline's."""
    given_baselines: Verdict | None
    """Of the model in these cells on the baseline's input, against the baseline; None if it did not run."""
    baseline_given_theirs: Verdict | None
    """The verdict on the baseline's model with these cells' input, against their own outputs."""
    says: str


class FindingRow(Row):
    """What a pipeline passes to a model that conflicts with what the model's files say about its input."""

    case: str
    cells: list[str]
    id: str
    input: str
    confidence: str
    """"certain", "likely" or "hint"."""
    says: str


class DiagnosisRow(Row):
    """One named difference between training and serving, with the proof: what remains after a correction."""

    id: str
    title: str
    train: str
    serve: str
    mends: str
    tensors: list[str]
    batches: list[int]
    steps: list[str]
    before: float
    """Relative L2 distance of serving from training, for the worst batch; the same holds for those below."""
    residual: float
    """The same after the correction."""
    max_abs_before: float
    max_abs_after: float
    where: str
    """In which part of the tensors the two differ; "" if everywhere."""
    proof: str
    """What shows the cause if that is not a correction."""
    left: str
    """What a correction that removes only most of the difference leaves."""
    usually: str
    """How the difference usually arises."""
    line: str
    """The line of code to change."""
    harmless: bool
    """Whether it is a difference in rounding that libraries cannot avoid."""
    ties: list[str]
    """Explanations with another meaning that fit as well."""
    experiment: str
    """What would tell them apart."""


class SkewRow(Row):
    """Training's preprocessing in the baseline compared with serving's in some cells, on the same input."""

    case: str
    cells: list[str]
    identical: bool
    other_data: bool
    """Whether the two were given different raw data."""
    diagnoses: list[DiagnosisRow]
    unexplained: list[str]
    """Tensors that differ by more than rounding, without a diagnosis."""
    worst: list[str]
    """Of each tensor, the three elements that differ most, side by side."""
    verdict: Verdict | None
    """Of the model's outputs on serving's result, against those on training's."""
    rows: int
    """Decisions (argmax over the last axis of floats) that were compared."""
    decisions_changed: int
    max_abs: float | None
    says: str
