"""What later runs read of the newest ``report.json``: one part of it, as types, read in one place.

The whole document is ``savedmodel_matrix.report.document.Report``. Importing that takes longer than a whole
run that changed nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from savedmodel_matrix.domain.proposal import ProposedCell
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.store.atomic import read_stored

if TYPE_CHECKING:
    from savedmodel_matrix.store.results import Results


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class JudgedCell(_Part):
    """The verdict on one cell and case."""

    environment: str
    setting: str
    case: str
    verdict: Verdict | None


class JudgedAttempt(_Part):
    """The verdict on one fix that was tried."""

    environment: str
    setting: str
    case: str
    cause: str
    kind: str
    tried_in: str
    verdict: Verdict | None


class NewestReport(_Part):
    """The part of a report that later runs read."""

    format: Literal[1] = 1
    matrix: str
    content: str
    """Digest of everything the report was made from."""
    remedies_done: bool
    exit_status: int
    cells: tuple[JudgedCell, ...]
    remedies: tuple[JudgedAttempt, ...]
    proposals: tuple[ProposedCell, ...]


def newest_report(results: Results) -> NewestReport | None:
    """Return what the newest report says, or None if there is none.

    Raises:
        StoreError: if another version of this program wrote it.
    """
    return read_stored(results.latest / "report.json", NewestReport)
