"""``results/runs/``: one file for each round of a run, with its outcomes, verdicts and recording keys.

The round of the matrix itself is ``RUN-MATRIX.json``; rounds that follow it are
``RUN-MATRIX-QUESTION-NUMBER.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.store.atomic import read_json, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.store.results import Results

RUN_FORMAT: Literal[2] = 2

#: The question whose round is the matrix itself.
_MATRIX = "matrix"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class RunCell(_Row):
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


class RunAttempt(_Row):
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


class RunSwap(_Row):
    """One model on the inputs of another cell; ``given`` is that cell, None for the baseline's pipeline."""

    environment: str
    setting: str
    case: str
    given: str | None
    outcome: Outcome
    recording: str | None


class Run(_Row):
    """One round of a run."""

    format: Literal[2] = RUN_FORMAT
    run: str
    matrix: str
    question: str
    number: int
    """Of the round among those of its question, from 1."""
    baseline: str
    cells: list[RunCell] = []
    attempts: list[RunAttempt] = []
    swaps: list[RunSwap] = []
    exit_status: int | None = None
    """Of the whole run; None where it was interrupted before its report."""


def run_path(results: Results, run: Run) -> Path:
    """Return where the file of a round lies."""
    rest = "" if run.question == _MATRIX else f"-{run.question}-{run.number}"
    return results.root / "runs" / f"{run.run}-{run.matrix}{rest}.json"


def write_run(results: Results, run: Run) -> None:
    """Write the file of a round, in place of an earlier one of the same round."""
    write_text(run_path(results, run), run.model_dump_json(indent=1) + "\n")


def read_runs(results: Results) -> Iterator[Run]:
    """Return every round of every run, the newest run first. What is damaged is left out.

    Raises:
        StoreError: for a file of another format.
    """
    for path in sorted((results.root / "runs").glob("*.json"), reverse=True):
        found = read_json(path, RUN_FORMAT)
        if found is None:
            continue
        if found["format"] != RUN_FORMAT:
            raise StoreError(
                f"{path} has format {found['format']} of an older version, and this one reads {RUN_FORMAT}: "
                f"delete {path.parent}, whose runs no longer count, and run the matrix again"
            )
        try:
            yield Run.model_validate(found)
        except ValidationError:
            continue
