"""What later runs read of the newest ``report.json``: one part of it, as types, read in one place.

The whole document is ``savedmodel_matrix.report.document.Report``. Importing that takes longer than a whole
run that changed nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from savedmodel_matrix.domain.proposal import ProposedCell
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe import sums

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from savedmodel_matrix.store.results import Results

#: The file in ``results/latest/`` with the checksums of the others.
SUMS = "checksums.json"
_MAIN = "report.json"


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
    """Return what the newest report says.

    None if there is none, if another version of this program wrote it, or if one of its files is not what
    was written: the report is then written again.
    """
    if not _as_written(results.latest):
        return None
    try:
        return NewestReport.model_validate_json((results.latest / _MAIN).read_bytes())
    except (OSError, ValidationError):
        return None


def is_intact(results: Results) -> bool:
    """Whether every file of the newest report is what was written; so it is if there is no report."""
    return _as_written(results.latest) or not any((results.latest / name).exists() for name in (_MAIN, SUMS))


def _as_written(folder: Path) -> bool:
    wanted: dict[str, str] = sums.read(str(folder / SUMS)) or {}
    try:
        found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in wanted}
    except OSError:
        return False
    return _MAIN in wanted and wanted == found


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write the checksums of a report's files, which makes it the newest report."""
    found = sums.of_folder(str(folder))
    sums.write(str(folder / SUMS), {name: found[name] for name in names})
