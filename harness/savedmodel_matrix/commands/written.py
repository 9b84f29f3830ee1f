"""Write an answer as JSON and Markdown into ``results/latest/``, and print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.commands.say import say
from savedmodel_matrix.report.sections import as_markdown, as_terminal
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.report.sections import Section


def write_answer(
    project: Workspace,
    name: str,
    document: BaseModel,
    title: str,
    answer: Sequence[str],
    sections: Sequence[Section],
) -> None:
    """Write ``NAME.json`` and ``NAME.md``, and print the answer.

    Raises:
        OSError: if ``results/`` cannot be written.
    """
    latest = project.results.latest
    latest.mkdir(parents=True, exist_ok=True)
    write_text(latest / f"{name}.json", document.model_dump_json(indent=1) + "\n")
    write_text(latest / f"{name}.md", as_markdown(title, answer, sections))
    say(f"{as_terminal(answer, sections)}\n\nReports: results/latest/{name}.md, {name}.json")
