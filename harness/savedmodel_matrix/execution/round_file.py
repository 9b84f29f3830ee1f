"""The file of a round: all that the sessions of one round share, named by one environment variable.

It lies in ``results/logs/RUN-MATRIX/QUESTION-NUMBER/``, with each environment's log (``ENVIRONMENT.log``) and
its progress (``ENVIRONMENT.jsonl``) in the same folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from savedmodel_matrix.domain.environment import Environment
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.selection import Request
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.store.atomic import read_stored, write_stored

if TYPE_CHECKING:
    from pathlib import Path

#: Names the file of the round in the sessions that an executor starts.
RUN_VARIABLE = "SAVEDMODEL_MATRIX_RUN"
ROUND_FORMAT: Literal[1] = 1


class RoundFile(Stored):
    """What one round's sessions have to know, whatever executor runs them."""

    format: Literal[1] = ROUND_FORMAT
    run: str
    matrix: str
    request: Request
    question: str
    number: int
    """Of the round among those of its question, from 1."""
    environments: tuple[Environment, ...]
    """Those with something to do in this round."""
    parent: int | None
    """Process id of the executor on this host, with which its sessions end; None where they outlive it."""


def write_round(path: Path, file: RoundFile) -> None:
    """Write the file of a round."""
    write_stored(path, file)


def read_round(path: Path) -> RoundFile:
    """Return the file of a round.

    Raises:
        StoreError: if it is not there, or was written by another version of this program.
    """
    file = read_stored(path, RoundFile)
    if file is None:
        raise StoreError(f"{RUN_VARIABLE} names {path}, which is no file of a round; unset {RUN_VARIABLE}")
    return file


def log_path(round_path: Path, environment: str) -> Path:
    """Return where an environment's output in a round lies."""
    return round_path.parent / f"{environment}.log"


def events_path(round_path: Path, environment: str) -> Path:
    """Return where an environment's progress in a round lies."""
    return round_path.parent / f"{environment}.jsonl"
