"""Which suggested cells are worth adding: only those that can exist, and as few as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.questions.separate import changed_environment
from savedmodel_matrix.report.document import ProposalRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.knowledge.releases import ReleaseTable
    from savedmodel_matrix.verdicts.attribute.separate import Proposal

    #: A case, and the two explanations that both fit it so far.
    Question = tuple[str, tuple[str, str]]


def proposal_rows(
    plan: Plan, releases: ReleaseTable, proposed: Mapping[str, Sequence[Proposal[str]]]
) -> list[ProposalRow]:
    """Return the few cells that answer every question that can be answered, the most useful first.

    ``proposed`` has the proposals of each case.
    """
    cells = {str(cell): cell for cell in plan.cells()}
    answers: dict[tuple[str, tuple[tuple[str, str], ...]], set[Question]] = {}
    for case, each in proposed.items():
        for proposal in each:
            environment = plan.environments[cells[proposal.base].environment]
            changed = changed_environment(releases, environment, proposal.change)
            if changed is not None and changed.id not in plan.environments:
                key = proposal.base, tuple(proposal.change.items())
                answers.setdefault(key, set()).add((case, proposal.separates))
    rows = []
    while open_questions := set().union(*answers.values()):
        # The first of the best: proposals are in order of how likely they are to work.
        base, change = max(answers, key=lambda key: len(answers[key]))
        answered = answers[base, change]
        separates = sorted({names for _, names in answered})[0]
        rows.append(
            ProposalRow(
                environment=cells[base].environment,
                setting=cells[base].setting,
                change=dict(change),
                separates=list(separates),
                cases=sorted({case for case, _ in answered}),
                added=False,
            )
        )
        answers = {key: rest for key, found in answers.items() if (rest := found - answered)}
        assert len(set().union(*answers.values())) < len(open_questions)  # noqa: S101 - it ends
    return rows
