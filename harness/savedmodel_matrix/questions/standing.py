"""How a case stands in an environment: whether it runs there, and agrees with the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.judged import judge_case, verdict_of
from savedmodel_matrix.questions.fixes import causes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.verdicts.causes.match import Match
    from savedmodel_matrix.verdicts.judge.case import JudgedCase

AGREE = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)


class Answer(StrEnum):
    """The answer of a case in one environment."""

    AGREES = "agrees"
    DIFFERS = "differs"
    FAILS = "fails"
    """It does not run there, and would not if it was tried again."""
    UNPROVEN = "unproven"
    """It runs, and none of its outputs could be compared."""


@dataclass(frozen=True)
class Standing:
    """How a case stands in one environment, from its recording there."""

    answer: Answer
    row: Collected
    verdict: Verdict | None
    ratio: float | None
    """The largest noise ratio of its outputs; None without a noise floor."""
    causes: Sequence[Match]
    """Of its failure, best first."""

    @property
    def cause(self) -> str | None:
        """The id of the failure's cause; None if it is unknown, or if nothing failed."""
        return self.causes[0].cause.id if self.causes else None


@dataclass(frozen=True)
class Standings:
    """How one case stands in every environment in which it was measured."""

    case: str
    of: dict[str, Standing]
    judged: JudgedCase

    def same(self, a: str, b: str) -> bool:
        """Whether the answers in two environments are the same, with the same cause or the same outputs."""
        one, other = self.of[a], self.of[b]
        if one.answer is not other.answer:
            return False
        if one.answer is Answer.FAILS:
            return (one.row.outcome, one.cause) == (other.row.outcome, other.cause)
        if one.answer is Answer.DIFFERS:
            return verdict_of(self.judged.judge(str(one.row.cell), str(other.row.cell))) in AGREE
        return True


def standings(project: Workspace, plan: Plan, collection: Collection) -> dict[str, Standings]:
    """Return how every case stands in the environments in which it was measured, in the baseline's setting.

    What failed for a reason that may be temporary (a crash, a timeout) counts as failed; what did not run
    has no standing.
    """
    setting = plan.baseline.setting
    found = {}
    for case in plan.cases:
        rows = [row for row in collection.rows if row.case == case and row.cell.setting == setting]
        recorded = {
            str(row.cell): RecordedOutputs.of(row.recording)
            for row in rows
            if row.outcome is Outcome.RECORDED and row.recording is not None
        }
        judged = judge_case(plan, case, collection, recorded, str(plan.baseline), project.results.array)
        of = {
            row.cell.environment: _standing(project, plan, collection, judged, row)
            for row in rows
            if row.outcome is not Outcome.SKIPPED
        }
        found[case] = Standings(case, of, judged)
    return found


def _standing(
    project: Workspace, plan: Plan, collection: Collection, judged: JudgedCase, row: Collected
) -> Standing:
    if row.outcome is not Outcome.RECORDED:
        causes = causes_of(project, plan, row, collection.ready[row.case])
        return Standing(Answer.FAILS, row, None, None, causes)
    baseline = CellId(plan.baseline.environment, plan.baseline.setting)
    if row.cell == baseline:
        return Standing(Answer.AGREES, row, Verdict.IDENTICAL, None, ())
    if str(baseline) not in judged.sound:
        return Standing(Answer.UNPROVEN, row, None, None, ())
    outputs = judged.judge(str(row.cell), str(baseline))
    if not outputs:
        return Standing(Answer.UNPROVEN, row, None, None, ())
    verdict = verdict_of(outputs)
    ratios = [each.ratio.worst for each in outputs if each.ratio is not None]
    answer = Answer.AGREES if verdict in AGREE else Answer.DIFFERS
    return Standing(answer, row, verdict, max(ratios, default=None), ())
