"""Explains each case: one sentence, the evidence behind it, and cells that would tell more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.report.document import ExplanationRow
from savedmodel_matrix.verdicts.attribute.compared import Known, compared
from savedmodel_matrix.verdicts.attribute.evidence import evidence
from savedmodel_matrix.verdicts.attribute.explain import explain
from savedmodel_matrix.verdicts.attribute.names import is_set
from savedmodel_matrix.verdicts.attribute.options import options_of
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

#: What an explanation is about.
BITS, RESULTS, OUTCOMES, IMPORTED = "bits", "results", "outcomes", "outcomes after the import"


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
    locked: Mapping[str, Mapping[str, str]],
) -> CaseExplanation:
    """Return what explains the classes, the real differences and the failures of a case.

    All rows belong to this case; ``libraries`` has, per cell, those that its pipelines use, and ``locked``,
    per environment, the packages of its lock.
    """
    found = CaseExplanation("")
    known = {str(row.cell): _known(plan, row, libraries, locked) for row in rows}
    parts = [
        *_of_outputs(case, known, class_rows, divergence_rows, found),
        *_of_outcomes(case, known, rows, found),
    ]
    found.says = "; ".join(parts) or "not selected"
    return found


def _of_outputs(
    case: str,
    known: Mapping[str, Known],
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
        return [f"ran in {count} cells, and no output can be compared run by run: all are nondeterministic"]
    verdicts: dict[frozenset[str], Verdict] = {}
    for row in divergence_rows:
        pair = frozenset({row.a, row.b})
        verdicts[pair] = worst([row.verdict, verdicts.get(pair, Verdict.IDENTICAL)])
    groups = clusters(list(members), lambda a, b: verdicts.get(frozenset({a, b})))
    class_of = {cell: name for name, cells in members.items() for cell in cells}
    factors = compared({cell: known[cell] for cell in class_of}, unknown_is_a_value=True).factors
    bits = explain(factors, class_of)
    if len(groups) == 1:
        _add(case, BITS, bits, factors, found)
        varies = f"varies with {_in_short(bits)}" if bits.sets else "varies without a recorded cause"
        return [f"equal up to rounding in all {count} cells that ran; the rounding {varies}"]
    named = {cell: group[0] for group in groups for first in group for cell in members[first]}
    results = explain(factors, named)
    _add(case, RESULTS, results, factors, found)
    _add(case, BITS, bits, factors, found)
    # The worst of the pairs that separate clusters decides how sure it is.
    severe = worst(verdicts.values())
    sure = "may differ" if severe is Verdict.SUSPICIOUS else "differs"
    return [f"{sure} by more than rounding: {sentence(results, what='the results')}"]


def _in_short(bits: Explanation[str]) -> str:
    """Return the first set of factors, and others that the user set independently of it.

    The rest, and the aliases, are in the evidence only: nobody needs them for a decision.
    """
    first, *rest = bits.smallest
    moved = {*first.factors, *first.followers}
    others = [each for each in rest if all(map(is_set, each.factors)) and not moved.issuperset(each.factors)]
    return joined([joined(each.factors) for each in (first, *others)], "or")


def _of_outcomes(
    case: str, known: Mapping[str, Known], rows: Sequence[Collected], found: CaseExplanation
) -> list[str]:
    wanted = [row for row in rows if row.required]
    failed = Counter(row.outcome.value for row in wanted if row.outcome is not Outcome.RECORDED)
    if not failed:
        return []
    counted = ", ".join(f"{count} {outcome}" for outcome, count in failed.items())
    text = f"{failed.total()} of {len(wanted)} cells did not run ({counted})"
    # A cell that was skipped has not been tried, so nothing about it is known to matter.
    tried = [row for row in wanted if row.outcome is not Outcome.SKIPPED]
    if not (says := _of_some(case, OUTCOMES, tried, known, found)):
        return [text]
    imported = [row for row in tried if _imported(row)]
    if len(imported) < len(tried) and (more := _of_some(case, IMPORTED, imported, known, found)):
        says += f"; among the {len(imported)} cells that imported TensorFlow, {more}"
    return [f"{text}: {says}"]


def _of_some(
    case: str, about: str, rows: Sequence[Collected], known: Mapping[str, Known], found: CaseExplanation
) -> str:
    """Return what the outcomes of some cells change with; nothing if all have the same one."""
    outcomes = {str(row.cell): row.outcome.value for row in rows}
    if len(set(outcomes.values())) < 2:
        return ""
    told = compared({cell: known[cell] for cell in outcomes}, unknown_is_a_value=False)
    explanation = explain(told.factors, outcomes, unseen=told.unseen)
    _add(case, about, explanation, told.factors, found)
    return sentence(explanation, what="the outcome")


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
            together=[list(each.factors) for each in explanation.bundles if len(each.factors) > 1],
            confirmed=not explanation.vacuous,
            evidence=evidence(explanation),
        )
    )
    if about != BITS:  # nobody needs to know what changes the last bit
        found.proposals += proposals(explanation, factors, most=_PROPOSED)


def _imported(row: Collected) -> bool:
    """Whether a cell imported TensorFlow, and so says what was in effect.

    The recording may be that of a stage, whose own environment says nothing about the cell's.
    """
    return row.recording is not None and "tensorflow" in row.recording.effective.model_fields_set


def _known(
    plan: Plan,
    row: Collected,
    libraries: Mapping[str, Mapping[str, str]],
    locked: Mapping[str, Mapping[str, str]],
) -> Known:
    environment, setting = plan.environments[row.cell.environment], plan.settings[row.cell.setting]
    # A setting without a loader leaves the choice to the case.
    loaded = setting.model_copy(update={"loader": setting.loader or plan.cases[row.case].loader})
    return Known(
        options_of(environment, loaded, plan.limits.get((row.cell, row.case))),
        setting.variables,
        row.recording.effective if row.recording is not None and _imported(row) else Effective(),
        locked.get(environment.id),
        libraries.get(str(row.cell), {}),
    )
