"""The question seam: rounds of measurements, each decided from the evidence so far, until it is answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Request
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.store.runs import Run


@dataclass(frozen=True)
class Asked:
    """What every question of a run works from: the matrix, the request, and the project's store."""

    project: Workspace
    plan: Plan
    """Includes the suggested cells if they are requested."""
    request: Request
    run: str


@dataclass(frozen=True)
class Share:
    """The work of one environment in a round."""

    environment: Environment
    work: tuple[str, ...]
    """One text for each recording to make; the same work always has the same text."""


@dataclass(frozen=True)
class Round:
    """One round of a question. ``number`` counts from 1."""

    question: str
    number: int
    shares: tuple[Share, ...]
    says: str
    """What is about to run, in one line; empty if the plan already says so."""


class Question(Protocol):
    """Decides what to measure, in rounds. It reads everything from the store, so a killed run resumes."""

    name: str

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the first round if there was none before, otherwise the next; None if it is answered."""
        ...

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:
        """Run one environment's share of a round, in the environment's own session."""
        ...

    def written(self, asked: Asked, number: int) -> Run:
        """Return the results of a round, for its file in ``results/runs/``. Verdicts come with the report."""
        ...


def ask(question: Question, asked: Asked, carry_out: Callable[[Round], None]) -> list[Round]:
    """Run the rounds of a question until it is answered, and return them.

    Work that was attempted without success is not attempted again, so this ends whatever a question returns.
    """
    rounds: list[Round] = []
    attempted: set[str] = set()
    while (found := question.next_round(asked, rounds)) is not None:
        shares = [
            replace(share, work=tuple(text for text in share.work if text not in attempted))
            for share in found.shares
        ]
        left = replace(found, shares=tuple(share for share in shares if share.work))
        if not left.shares:
            break
        carry_out(left)
        attempted.update(text for share in left.shares for text in share.work)
        rounds.append(left)
    return rounds


def shares_of(plan: Plan, jobs: Sequence[Job]) -> tuple[Share, ...]:
    """Return jobs of a plan by environment, in the order of the plan."""
    work: dict[str, list[str]] = {}
    for job in jobs:
        work.setdefault(job.cell.environment, []).append(_text(job))
    return tuple(
        Share(environment, tuple(work[name]))
        for name, environment in plan.environments.items()
        if name in work
    )


def _text(job: Job) -> str:
    given = "" if job.given is None else str(job.given.cell)
    return " ".join([str(job.cell), job.case, job.measurement, job.variant, given]).rstrip()
