"""Explains each case: one sentence, the evidence behind it, and cells that would tell more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.report.document import ExplanationRow
from savedmodel_matrix.verdicts.attribute.evidence import evidence
from savedmodel_matrix.verdicts.attribute.explain import explain
from savedmodel_matrix.verdicts.attribute.factors import effective_factors
from savedmodel_matrix.verdicts.attribute.sentence import sentence
from savedmodel_matrix.verdicts.attribute.separate import proposals
from savedmodel_matrix.verdicts.judge.clusters import clusters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected
    from savedmodel_matrix.report.document import ClassRow, DivergenceRow
    from savedmodel_matrix.verdicts.attribute.explanation import Explanation
    from savedmodel_matrix.verdicts.attribute.separate import Proposal

#: Per pair that cannot be told apart; most of them turn out to have no wheel.
_PROPOSED = 20


@dataclass
class CaseExplanation:
    """The sentence on one case, its explanations, and cells that would tell more about it."""

    says: str
    explanations: list[ExplanationRow] = field(default_factory=list)
    proposals: list[Proposal[str]] = field(default_factory=list)


def explain_case(
    plan: Plan,
    case: str,
    rows: Sequence[Collected],
    class_rows: Sequence[ClassRow],
    divergence_rows: Sequence[DivergenceRow],
    libraries: Mapping[str, Mapping[str, str]],
) -> CaseExplanation:
    """Return what explains the classes, the real differences and the failures of a case.

    All rows belong to this case; ``libraries`` has, per cell, those that its pipelines use.
    """
    found = CaseExplanation("")
    factors = {
        str(row.cell): {**libraries.get(str(row.cell), {}), **_factors(plan, row)}
        for row in rows
        if _effective(row)
    }
    parts = [
        *_of_outputs(case, factors, class_rows, divergence_rows, found),
        *_of_outcomes(case, factors, rows, found),
    ]
    found.says = "; ".join(parts) or "not selected"
    return found


def _of_outputs(
    case: str,
    factors: Mapping[str, Mapping[str, str]],
    class_rows: Sequence[ClassRow],
    divergence_rows: Sequence[DivergenceRow],
    found: CaseExplanation,
) -> list[str]:
    members = {row.cells[0]: row.cells for row in class_rows}
    count = sum(len(cells) for cells in members.values())
    if not members:
        return []
    if count == 1:
        return ["ran in one cell only, so there is nothing to compare"]
    if len(members) == 1:
        return [f"identical in all {count} cells that ran"]
    if not any(row.output for row in divergence_rows):
        return [f"ran in {count} cells, but no output can be compared: all are nondeterministic"]
    verdicts: dict[frozenset[str], Verdict] = {}
    for row in divergence_rows:
        pair = frozenset({row.a, row.b})
        verdicts[pair] = worst([row.verdict, verdicts.get(pair, Verdict.IDENTICAL)])
    groups = clusters(list(members), lambda a, b: verdicts.get(frozenset({a, b})))
    bits = explain(factors, {cell: name for name, cells in members.items() for cell in cells})
    if len(groups) == 1:
        _add(case, "bits", bits, factors, found)
        # The aliases of these factors are in the evidence only: nobody needs them for a decision.
        varies = (
            f"varies with {joined(bits.smallest[0].factors)}"
            if bits.sets
            else "varies without a recorded cause"
        )
        return [f"equal up to rounding in all {count} cells that ran; the rounding {varies}"]
    named = {cell: group[0] for group in groups for first in group for cell in members[first]}
    results = explain(factors, named)
    _add(case, "results", results, factors, found)
    _add(case, "bits", bits, factors, found)
    # The worst of the pairs that separate clusters decides how sure it is.
    severe = worst(verdicts.values())
    sure = "may differ" if severe is Verdict.SUSPICIOUS else "differs"
    return [f"{sure} by more than rounding: {sentence(results, what='the results')}"]


def _of_outcomes(
    case: str, factors: Mapping[str, Mapping[str, str]], rows: Sequence[Collected], found: CaseExplanation
) -> list[str]:
    wanted = [row for row in rows if row.required]
    failed = Counter(row.outcome.value for row in wanted if row.outcome is not Outcome.RECORDED)
    if not failed:
        return []
    counted = ", ".join(f"{count} {outcome}" for outcome, count in failed.items())
    text = f"{failed.total()} of {len(wanted)} cells did not run ({counted})"
    known = {str(row.cell): row.outcome.value for row in wanted if str(row.cell) in factors}
    if len(set(known.values())) < 2:
        return [text]
    # Less is known about a case that never ran; a factor that only some cells report would explain anything.
    common = set.intersection(*(set(factors[cell]) for cell in known))
    told = {cell: {name: factors[cell][name] for name in common} for cell in known}
    outcomes = explain(told, known)
    _add(case, "outcomes", outcomes, told, found)
    return [f"{text}: {sentence(outcomes, what='the outcome')}"]


def _add(
    case: str,
    about: str,
    explanation: Explanation[str],
    factors: Mapping[str, Mapping[str, str]],
    found: CaseExplanation,
) -> None:
    found.explanations.append(
        ExplanationRow(
            case=case,
            about=about,
            kind=explanation.kind.value,
            sets=[list(each.factors) for each in explanation.sets],
            confirmed=not explanation.vacuous,
            evidence=evidence(explanation),
        )
    )
    if about != "bits":  # nobody needs to know what changes the last bit
        found.proposals += proposals(explanation, factors, most=_PROPOSED)


def _effective(row: Collected) -> bool:
    # A cell that has outputs always has factors, if only its build: its class has to be explained.
    if row.recording is None:
        return False
    return row.outcome is Outcome.RECORDED or bool(row.recording.effective.model_fields_set)


def _factors(plan: Plan, row: Collected) -> dict[str, str]:
    assert row.recording is not None, "only cells that say what was in effect have factors"  # noqa: S101
    return effective_factors(row.recording.effective, plan.environments[row.cell.environment].build)
