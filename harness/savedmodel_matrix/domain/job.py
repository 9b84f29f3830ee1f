"""One measurement of one case in one cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.arrays import Batch
    from savedmodel_matrix.domain.cell import CellId

#: The measurement of every cell and case: what the model returns.
OUTPUTS = "outputs"


@dataclass(frozen=True)
class Limits:
    """The limits of one case in one cell: wall time in seconds and resident memory in bytes."""

    time_limit_s: float
    memory_limit_bytes: int | None


@dataclass(frozen=True)
class Given:
    """Model inputs made by another cell's pipeline."""

    cell: CellId
    batches: Sequence[Batch] = field(repr=False)


@dataclass(frozen=True)
class Job:
    """One measurement of one case in one cell.

    ``measurement`` is the name of a ``savedmodel_matrix.measurements`` kind. ``variant`` distinguishes jobs
    of one kind, e.g. by stage or check. ``given`` replaces the case's inputs.
    """

    cell: CellId
    case: str
    limits: Limits
    measurement: str = OUTPUTS
    variant: str = ""
    given: Given | None = None
