"""The round file: everything that the sessions of one round share, named by one environment variable.

It is in ``results/logs/RUN-MATRIX/QUESTION-NUMBER/``, together with each environment's log
(``ENVIRONMENT.log``) and progress (``ENVIRONMENT.jsonl``).
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

#: The variable that names the round file in the sessions that an executor starts.
RUN_VARIABLE = "SAVEDMODEL_MATRIX_RUN"
ROUND_FORMAT: Literal[1] = 1


class RoundFile(Stored):
    """What the sessions of one round need to know, whichever executor runs them."""

    format: Literal[1] = ROUND_FORMAT
    run: str
    matrix: str
    request: Request
    question: str
    number: int
    """The round's number within its question, from 1."""
    environments: tuple[Environment, ...]
    """Environments with work in this round."""
    parent: int | None
    """Process id of the executor on this host, whose end ends its sessions; None if they outlive it."""


def write_round(path: Path, file: RoundFile) -> None:
    """Write a round file."""
    write_stored(path, file)


def read_round(path: Path) -> RoundFile:
    """Read a round file.

    Raises:
        StoreError: if it does not exist, or another version of this program wrote it.
    """
    file = read_stored(path, RoundFile)
    if file is None:
        raise StoreError(f"{RUN_VARIABLE} names {path}, which is not a round file; unset {RUN_VARIABLE}")
    return file


def log_path(round_path: Path, environment: str) -> Path:
    """Return the path of an environment's log in a round."""
    return round_path.parent / f"{environment}.log"


def events_path(round_path: Path, environment: str) -> Path:
    """Return the path of an environment's progress file in a round."""
    return round_path.parent / f"{environment}.jsonl"
