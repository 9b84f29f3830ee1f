"""``results/runs/``: one file for each round of a run, with its outcomes, verdicts and recording keys.

The round of the matrix itself is ``RUN-MATRIX.json``; rounds that follow it are
``RUN-MATRIX-QUESTION-NUMBER.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.store.atomic import read_stored, write_stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.store.results import Results

RUN_FORMAT: Literal[2] = 2

#: The question whose round is the matrix itself.
_MATRIX = "matrix"


class RunCell(Stored):
    """One cell and case."""

    environment: str
    setting: str
    case: str
    outcome: Outcome
    reason: str | None
    recording: str | None
    """Key of its recording."""
    verdict: Verdict | None = None
    """Against the baseline."""


class RunAttempt(Stored):
    """One fix that was tried for one failure."""

    environment: str
    """Of the cell that failed."""
    setting: str
    case: str
    cause: str
    kind: str
    value: str
    tried_in: str
    """The cell that it was tried in."""
    outcome: Outcome
    reason: str | None
    recording: str | None
    verdict: Verdict | None = None
    """Against the baseline."""


class RunSwap(Stored):
    """One model on the inputs of another cell; ``given`` is that cell, None for the baseline's pipeline."""

    environment: str
    setting: str
    case: str
    given: str | None
    outcome: Outcome
    recording: str | None


class Run(Stored):
    """One round of a run."""

    format: Literal[2] = RUN_FORMAT
    run: str
    matrix: str
    question: str
    number: int
    """Of the round among those of its question, from 1."""
    baseline: str
    cells: tuple[RunCell, ...] = ()
    attempts: tuple[RunAttempt, ...] = ()
    swaps: tuple[RunSwap, ...] = ()
    exit_status: int | None = None
    """Of the whole run; None where it was interrupted before its report."""


def run_path(results: Results, run: Run) -> Path:
    """Return where the file of a round lies."""
    rest = "" if run.question == _MATRIX else f"-{run.question}-{run.number}"
    return results.root / "runs" / f"{run.run}-{run.matrix}{rest}.json"


def write_run(results: Results, run: Run) -> None:
    """Write the file of a round, in place of an earlier one of the same round."""
    write_stored(run_path(results, run), run)


def read_runs(results: Results) -> Iterator[Run]:
    """Return every round of every run, the newest run first. What is damaged is left out.

    Raises:
        StoreError: for a file that another version of this program wrote.
    """
    for path in sorted((results.root / "runs").glob("*.json"), reverse=True):
        run = read_stored(path, Run)
        if run is not None:
            yield run
