"""What commands print: documents with ``--json``, and text.

All of it passes through here. Names and texts of models, definitions and other programs become data in it:
they control no terminal, reorder no text and forge no line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from tabulate import tabulate

from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Characters of a line of text; --json has all of them.
_LONGEST_LINE = 2000


class Printed(BaseModel):
    """A part of such a document. Readers of a format must accept unknown keys."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    def as_json(self) -> str:
        """Return the JSON on one line; characters that are not printable are escaped in it."""
        text = self.model_dump_json()
        return "".join(each if each.isprintable() else _escaped(each) for each in text)


@dataclass(frozen=True)
class Table:
    """Rows of cells, each of one or more lines."""

    rows: Sequence[Sequence[str | Sequence[str]]]
    headers: Sequence[str] = ()
    longest: int = 300
    """Characters of a line in a cell."""

    def lines(self) -> list[str]:
        """Return the table's lines."""
        rows = [
            ["\n".join(map(self._line, [cell] if isinstance(cell, str) else cell)) for cell in row]
            for row in self.rows
        ]
        style = "simple" if self.headers else "plain"
        return tabulate(rows, headers=self.headers, tablefmt=style, disable_numparse=True).split("\n")

    def _line(self, line: str) -> str:
        return shortened(visible(line), self.longest)


def text_of(parts: Iterable[str | Table]) -> str:
    """Return lines and tables as text for a terminal."""
    found: list[str] = []
    for part in parts:
        found += part.lines() if isinstance(part, Table) else [shortened(visible(part), _LONGEST_LINE)]
    return "\n".join(found)


def _escaped(character: str) -> str:
    # The standard library leaves DEL as it is.
    return json.dumps(character)[1:-1] if character > "\x7f" else f"\\u{ord(character):04x}"
