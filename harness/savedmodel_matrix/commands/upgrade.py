"""The plan of an upgrade: measure the releases that decide, try fixes, and write the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.commands.run import asked_of, carried_out
from savedmodel_matrix.commands.say import say
from savedmodel_matrix.commands.written import write_answer
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.questions import OF_UPGRADE
from savedmodel_matrix.questions.fixes import mending_of
from savedmodel_matrix.questions.interface import ask
from savedmodel_matrix.questions.upgrade import narrowed
from savedmodel_matrix.report.upgrade.build import build_upgrade
from savedmodel_matrix.report.upgrade.text import answer, sections

if TYPE_CHECKING:
    from savedmodel_matrix.commands.run import Place
    from savedmodel_matrix.domain.selection import Request
    from savedmodel_matrix.planning.workspace import Workspace

_MEANINGS = {
    ExitStatus.OK: "every case agrees with the baseline in the last release",
    ExitStatus.DIVERGED: "in the last release, a case differs from the baseline by more than noise",
    ExitStatus.INCOMPLETE: "a case does not run in the last release as it is, or is not shown to agree there",
}


def plan_upgrade(project: Workspace, request: Request, place: Place) -> ExitStatus:
    """Measure what decides, try fixes where a model stops, and write and print the answer.

    ``request`` has an upgrade. Writes ``plan.json`` and ``plan.md`` into ``results/latest/``.

    Raises:
        UsageError: for a target or releases that are not there.
        MachineError: if models are to be isolated and cannot be on this machine.
        OSError: if ``results/`` cannot be written.
    """
    assert request.upgrade is not None, "it is what was asked for"  # noqa: S101
    asked = asked_of(project, "", request)
    tried: set[str] = set()
    for question in OF_UPGRADE:
        for found in ask(question, asked, lambda found: carried_out(asked, found, place)):
            tried.update(share.environment.id for share in found.shares)
    collection = collect(project, asked.plan, Selection())
    document = build_upgrade(
        project,
        asked.plan,
        collection,
        narrowed(project, asked.plan, tried),
        mending_of(project, asked.plan, collection),
        target=request.upgrade.target,
        run=asked.run,
    )
    title = f"Upgrade plan: {request.upgrade.target}"
    write_answer(project, "plan", document, title, answer(document), list(sections(document)))
    status = document.exit_status
    say(f"\nExit status {status}: {_MEANINGS[status]}")
    return status
