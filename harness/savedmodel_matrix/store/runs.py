"""``results/runs/``: one file for each round of a run, with its outcomes, verdicts and recording keys.

The file of the matrix round is ``RUN-MATRIX.json``. The files of the rounds that follow are
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

#: The question whose only round runs the matrix itself.
_MATRIX = "matrix"


class RunCell(Stored):
    """One cell and case."""

    environment: str
    setting: str
    case: str
    outcome: Outcome
    reason: str | None
    recording: str | None
    """Key of the recording."""
    verdict: Verdict | None = None
    """Against the baseline."""


class RunStep(Stored):
    """One step of a fix."""

    kind: str
    value: str


class RunAttempt(Stored):
    """One fix that was tried for one failure: one step, or several together."""

    environment: str
    """The environment of the failed cell."""
    setting: str
    case: str
    cause: str
    kind: str
    value: str
    together: tuple[RunStep, ...] = ()
    """The other steps, if it takes several."""
    tried_in: str
    """The cell that the fix was tried in."""
    outcome: Outcome
    reason: str | None
    recording: str | None
    verdict: Verdict | None = None
    """Against the baseline."""


class RunSwap(Stored):
    """A model on the inputs of another cell, or a stage in another process.

    ``given`` is that cell, None for the baseline's pipeline, or the stage and what its process changes.
    """

    environment: str
    setting: str
    case: str
    given: str | None
    outcome: Outcome
    recording: str | None


class RunOutside(Stored):
    """A model that reads files outside itself, run as where they are missing or with them inside it."""

    case: str
    what: str
    outcome: Outcome
    reason: str | None
    recording: str | None


class Run(Stored):
    """One round of a run."""

    format: Literal[2] = RUN_FORMAT
    run: str
    matrix: str
    question: str
    number: int
    """The round's number within its question, from 1."""
    baseline: str
    cells: tuple[RunCell, ...] = ()
    attempts: tuple[RunAttempt, ...] = ()
    swaps: tuple[RunSwap, ...] = ()
    outside: tuple[RunOutside, ...] = ()
    distributions: tuple[RunCell, ...] = ()
    """Cells and cases that ran many times, because of random outputs."""
    exit_status: int | None = None
    """The exit status of the whole run; None if the run was interrupted before its report."""


def run_path(results: Results, run: Run) -> Path:
    """Return the path of a round's file."""
    rest = "" if run.question == _MATRIX else f"-{run.question}-{run.number}"
    return results.root / "runs" / f"{run.run}-{run.matrix}{rest}.json"


def write_run(results: Results, run: Run) -> None:
    """Write a round's file, replacing an earlier file of the same round."""
    write_stored(run_path(results, run), run)


def read_runs(results: Results) -> Iterator[Run]:
    """Return every round of every run, newest run first. Damaged files are skipped.

    Raises:
        StoreError: if another version of this program wrote a file.
    """
    for path in sorted((results.root / "runs").glob("*.json"), reverse=True):
        run = read_stored(path, Run)
        if run is not None:
            yield run
