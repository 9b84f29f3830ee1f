"""The formats of a report. To add one, add a file with an implementation of ``Format`` and name it here.

Other packages add theirs as entry points of the group ``savedmodel_matrix.formats``: each names an object
with the attributes of ``Format``.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.report.formats.json_document import JSON
from savedmodel_matrix.report.formats.markdown import MARKDOWN
from savedmodel_matrix.report.formats.terminal import TERMINAL
from savedmodel_matrix.store.newest_report import write_sums

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.report.document import Report
    from savedmodel_matrix.report.formats.interface import Format

GROUP = "savedmodel_matrix.formats"

#: Ours. JSON is last, so that it exists only if the others are written.
FORMATS: tuple[Format, ...] = (TERMINAL, MARKDOWN, JSON)


def write_report(report: Report, folder: Path) -> None:
    """Write a report into ``folder`` in every format, those of other packages included.

    Raises:
        DefinitionError: if a format of another package cannot be loaded or fails. ``report.json`` is then not
            written, so that the next run writes the reports again.
    """
    *first, last = FORMATS
    for each in first:
        each.write(report, folder)
    files = [name for each in FORMATS for name in each.files]
    problems = []
    for point in entry_points(group=GROUP):
        try:
            theirs = point.load()
            theirs.write(report, folder)
            files += [name for name in theirs.files if (folder / name).stat()]
        except Exception as error:  # another package's code may raise anything
            source = f" of {point.dist.name}" if point.dist else ""
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            problems.append(f"report format '{point.name}'{source} failed: {reason}")
    if problems:
        raise DefinitionError(problems)
    last.write(report, folder)
    write_sums(folder, files)
