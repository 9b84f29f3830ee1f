"""``plan.json``: how far each model can be upgraded, what stops it, and what fixes it. All of it typed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.report.row import Row

UPGRADE_FORMAT: Final = 1


class How(StrEnum):
    """How an answer is known. What is predicted is never an answer."""

    MEASURED = "measured"
    INFERRED = "inferred"
    """It lies between two measured releases with the same answer, and preflight expects nothing else."""
    UNKNOWN = "unknown"


class ReleaseRow(Row):
    """A candidate, and what it asks of the environment."""

    tensorflow: str
    environment: str
    measured: bool
    """Whether any model was measured there."""
    unavailable: str | None
    """Why it cannot be measured on this machine."""
    pythons: list[str]
    """The minors that it has wheels for on this platform."""
    packages: dict[str, str]
    """The versions that its own metadata accepts; "" is any."""
    installed: dict[str, str]
    """The versions in its lock, of the same packages; empty if it is not locked."""
    cuda: str | None
    cudnn: str | None
    """What its GPU build was tested with."""


class StepRow(Row):
    """One model in one release."""

    tensorflow: str
    how: How
    answer: Answer | None
    """None if it is unknown."""
    outcome: Outcome | None
    """The next three are None unless it was measured."""
    verdict: Verdict | None
    noise_ratio: float | None
    predicted: str | None
    """What preflight predicts: "loads", "needs" or "fails"; None if the model cannot be read."""
    came_true: bool | None
    """None if it was not measured, or the outcome does not tell."""


class FixRow(Row):
    """A fix that ran and made the model agree with the baseline."""

    name: str
    tensorflow: str
    says: str


class BreakRow(Row):
    """A place where the answer changes: it holds in ``before``, and no longer in ``at``."""

    before: str
    at: str
    exact: bool
    """Whether every release between the two that can be measured was."""
    answer: Answer
    """The answer in ``at``."""
    reason: str | None
    cause: str | None
    """Id in docs/causes.md; None if it is unknown, or if nothing fails."""
    title: str | None
    fixes: list[FixRow]
    """Those that were run in ``at``."""


class HopRow(Row):
    """One step of the upgrade that is safe, as far as these inputs tell."""

    first: str
    last: str
    fix: FixRow | None
    """What has to be changed; None if nothing."""
    asks: list[str]
    """What it asks of Python, NumPy, protobuf, CUDA and others."""


class ModelRow(Row):
    """One case: how far its model can go."""

    case: str
    path: str
    furthest: str | None
    """The newest release up to which it agrees everywhere without a change; None if the baseline fails."""
    at_last: Answer | None
    """The answer in the last release."""
    fixed: bool
    """Whether a fix was run that makes it agree in the last release."""
    says: str
    steps: list[StepRow]
    breaks: list[BreakRow]
    hops: list[HopRow]
    needs: list[str]
    """Packages that preflight says it needs."""
    power: float | None
    weak: bool
    """Whether its inputs notice too little for agreement to prove much."""


class BlockerRow(Row):
    """What keeps models from the last release, and what fixes most of them with least work."""

    title: str
    cause: str | None
    cases: list[str]
    fix: str | None
    """The fix for most of them; None if none was found."""
    fixes: list[str]
    """The cases that it fixes."""


class UpgradeDocument(Row):
    """The answer of one plan of an upgrade."""

    format: Literal[1] = UPGRADE_FORMAT
    target: str
    run: str
    first: str
    last: str
    baseline: str
    releases: list[ReleaseRow]
    models: list[ModelRow]
    blockers: list[BlockerRow]
    """Those that hold back most models first."""
    order: list[str]
    """The cases in the order to upgrade: nothing to do first, then by blocker."""
    unknown: list[str]
    """What this machine and these inputs cannot tell."""
    surer: list[str]
    """What it would cost to know more."""
    exit_status: ExitStatus
