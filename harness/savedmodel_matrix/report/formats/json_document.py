"""``report.json``: the document itself, for scripts. ``schemas/report.schema.json`` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.report.document import Report


class JsonDocument:
    """The typed document as JSON."""

    name = "json"
    files = ("report.json",)

    def write(self, report: Report, folder: Path) -> None:
        """Write ``report.json``."""
        write_text(folder / "report.json", report.model_dump_json(indent=1, by_alias=True) + "\n")


JSON = JsonDocument()
