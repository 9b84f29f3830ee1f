"""``bisect.json``: the first version with another answer, and what is to blame. All of it typed."""

from __future__ import annotations

from typing import Final, Literal

from savedmodel_matrix.domain.bisect import Predicate
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.report.row import Row
from savedmodel_matrix.report.upgrade.document import FixRow

BISECT_FORMAT: Final = 1


class MeasuredRow(Row):
    """One version, and its answer; None if it could not be judged."""

    version: str
    environment: str
    answer: str | None
    reason: str | None
    """Why it could not be judged, or why the case did not run."""


class PackageRow(Row):
    """A package whose version differs between the locks on both sides; None where it is missing."""

    name: str
    old: str | None
    new: str | None


class SwapRow(Row):
    """What happens with one package put back."""

    package: str
    old: str
    new: str
    answer: str | None
    """None if the environment could not be made or judged."""
    reason: str | None


class ChangeRow(Row):
    """A place where the answer changes."""

    before: str
    after: str
    exact: bool
    """Whether every version between the two that can be judged was."""
    unjudged: list[str]
    """The versions between the two that could not be judged."""
    answer_before: str
    answer_after: str
    reason: str | None
    cause: str | None
    """Id in docs/causes.md."""
    title: str | None
    packages: list[PackageRow]
    swaps: list[SwapRow]
    blame: str
    """What is to blame, in a sentence."""
    confounded: str | None
    """What else changes at the same place, if it had to."""
    known: list[str]
    """What the release notes of the minors between say that moves numbers or loading."""
    git: tuple[str | None, str | None]
    """``tf.version.GIT_VERSION`` on both sides."""
    fixes: list[FixRow]
    reproduce: str


class BisectDocument(Row):
    """The answer of one bisection."""

    format: Literal[1] = BISECT_FORMAT
    target: str
    run: str
    package: str
    predicate: Predicate
    asked: str
    """The predicate in words."""
    good: str
    bad: str
    measured: list[MeasuredRow]
    unmeasured: list[str]
    """Versions that were not measured, because the ones around them have the same answer."""
    changes: list[ChangeRow]
    problem: str | None
    """Why there is no answer."""
    exit_status: ExitStatus
