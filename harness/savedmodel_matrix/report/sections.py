"""Answers of planning and bisecting as text: a few sentences, then sections of tables and lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tabulate import tabulate

from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")
_LONGEST = 600
_LONGEST_CELL = 100


class Section(NamedTuple):
    """A heading, a table, and lines; any may be empty."""

    title: str
    table: Sequence[Sequence[str]] = ()
    headers: Sequence[str] = ()
    lines: Sequence[str] = ()


def as_terminal(answer: Iterable[str], sections: Iterable[Section]) -> str:
    """Return the answer for a terminal."""
    parts = [_line(each) for each in answer]
    for section in sections:
        text = section.title
        if section.table:
            rows = [[_cell(cell) for cell in row] for row in section.table]
            table = tabulate(rows, headers=section.headers, tablefmt="simple", disable_numparse=True)
            text += f"\n{table}"
        parts.append(text + "".join(f"\n  {_line(each)}" for each in section.lines))
    return "\n\n".join(parts)


def as_markdown(title: str, answer: Iterable[str], sections: Iterable[Section]) -> str:
    """Return the answer as Markdown. Texts of models are escaped: they are data, not markup."""
    parts = [f"# {_escaped(title)}", *(_escaped(each) for each in answer)]
    for section in sections:
        parts.append(f"## {_escaped(section.title)}")
        if section.table:
            rows = [[_escaped(_cell(cell)) for cell in row] for row in section.table]
            headers = [_escaped(each) for each in section.headers]
            parts.append(tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True))
        if section.lines:
            parts.append(
                "\n".join(f"{_indent(each)}- {_escaped(_line(each.strip()))}" for each in section.lines)
            )
    return "\n\n".join(parts) + "\n"


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _line(text: str) -> str:
    return shortened(visible(text), _LONGEST)


def _cell(text: str) -> str:
    return shortened(visible(text), _LONGEST_CELL)


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", visible(text))
