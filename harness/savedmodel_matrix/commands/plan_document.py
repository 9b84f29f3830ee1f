"""What ``savedmodel-matrix plan --json`` prints, as types. Its JSON Schema is generated from them."""

from __future__ import annotations

from typing import Final, Literal

from savedmodel_matrix.commands.printed import Printed
from savedmodel_matrix.models.preflight.prediction import Confidence, Kind, Stage

PLAN_FORMAT: Final = 1


class PredictedCase(Printed):
    """The preflight prediction for a case in one cell."""

    setting: str
    case: str
    kind: Kind
    stage: Stage | None
    """The stage at which it fails; null if it loads and runs."""
    because: list[str]
    needs: list[str]
    """What it needs to load: mostly distributions."""
    confidence: Confidence


class PlannedStages(Printed):
    """A separate environment for stages of the cases."""

    environment: str
    lock: str
    """"current", "missing", "stale", "unresolvable" or "damaged"."""


class PlannedEnvironment(Printed):
    """What a run would do in one environment."""

    environment: str
    status: Literal["planned", "excluded", "unavailable"]
    unavailable: str | None = None
    """Why the environment cannot exist on this platform."""
    included_because: str | None = None
    to_run: int
    """Cells × cases that are selected and not recorded yet."""
    selected: int
    """Cells × cases that are selected."""
    noise_floors: int
    """Cases whose noise floor will be measured here."""
    checks: int
    """Checks to run."""
    predictions: list[PredictedCase]
    """One for each cell and case whose model can be read now; models in unfetched packages cannot."""
    stage_environments: list[PlannedStages]
    interpreter: bool | None = None
    """Whether an interpreter of this Python version is installed; if not, uv downloads one."""
    lock: str | None = None
    """"current", "missing", "stale", "unresolvable" or "damaged"; null if the environment is not planned."""
    lock_problem: str | None = None
    installed: bool | None = None
    """Whether the environment exists and matches its lock."""
    download_mb: int | None = None
    """Size of the packages in MB (10**6 bytes), without subtracting what uv has cached; null if unknown."""


class ExcludedCell(Printed):
    """A cell and case that the definition leaves out."""

    cell: str
    case: str
    reason: str


class PlanDocument(Printed):
    """What a run of a matrix would do now."""

    format: Literal[1] = PLAN_FORMAT
    matrix: str
    baseline: str
    settings: list[str]
    cases: list[str]
    environments: list[PlannedEnvironment]
    excluded: list[ExcludedCell]
    replicates: int | None
    """Number of replicates for the noise floor; null if none is measured."""
    fixes_to_try: int
    """Cells × cases in which fixes for the recorded failures will be tried."""
    to_run: int
    recorded: int
    not_self_contained: list[str]
    """What models read outside themselves: a sentence for each case that does."""
    remarks: list[str]
