"""A bisection: measure the versions that decide, put packages back, and write the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.commands.run import asked_of, carried_out
from savedmodel_matrix.commands.say import say
from savedmodel_matrix.commands.written import write_answer
from savedmodel_matrix.planning.bisect import completed
from savedmodel_matrix.questions import OF_BISECTION
from savedmodel_matrix.questions.interface import ask
from savedmodel_matrix.report.bisect.build import build_bisection
from savedmodel_matrix.report.bisect.text import answer, sections

if TYPE_CHECKING:
    from savedmodel_matrix.commands.run import Place
    from savedmodel_matrix.domain.exit_status import ExitStatus
    from savedmodel_matrix.domain.selection import Request
    from savedmodel_matrix.environments.index import PackageIndex
    from savedmodel_matrix.planning.workspace import Workspace


def bisect_versions(project: Workspace, request: Request, place: Place) -> ExitStatus:
    """Find the first version with another answer, and write and print it.

    ``request`` has a bisection. Writes ``bisect.json`` and ``bisect.md`` into ``results/latest/``.

    Raises:
        UsageError: for a target or versions that are not there.
        PackageError: if the index does not know the package, or does not answer.
        MachineError: if models are to be isolated and cannot be on this machine.
        OSError: if ``results/`` cannot be written.
    """
    assert request.bisect is not None, "it is what was asked for"  # noqa: S101
    bisect = completed(project, request.bisect, _index, say)
    asked = asked_of(project, "", request.model_copy(update={"bisect": bisect}))
    for question in OF_BISECTION:
        ask(question, asked, lambda found: carried_out(asked, found, place))
    document = build_bisection(project, asked.plan, bisect, run=asked.run)
    title = f"Bisection of {bisect.package}: {bisect.target}"
    write_answer(project, "bisect", document, title, answer(document), list(sections(document)))
    return document.exit_status


def _index() -> PackageIndex:
    from savedmodel_matrix.environments.index import SimpleIndex  # noqa: PLC0415 - TensorFlow is bisected without it

    return SimpleIndex()
