"""What became of the attempts to fix failures: which run and agree with the baseline, how the others fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.judged import judged_outputs, verdict_of

if TYPE_CHECKING:
    from savedmodel_matrix.domain.arrays import Output, Unstable
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.attempts import Attempt

    #: Verdicts against the baseline, by case and everything that was recorded of the outputs.
    Verdicts = dict[tuple[str, tuple[Output, ...], tuple[Unstable, ...]], Verdict]

#: What a verdict against the baseline says of a fix that runs.
SAYS = {
    None: "it runs; the baseline has no outputs to compare with",
    Verdict.IDENTICAL: "verified: identical to the baseline",
    Verdict.FLOAT_NOISE: "verified: matches the baseline within float noise",
    Verdict.SUSPICIOUS: "it runs, but may differ from the baseline by more than noise (suspicious)",
    Verdict.DIVERGED: "it runs, but differs from the baseline",
    Verdict.INCOMPARABLE: "it runs, but its outputs cannot be compared with the baseline's",
}


@dataclass(frozen=True)
class Tried:
    """An attempt that ran, or that never can: its outcome, and what it says of the fix."""

    attempt: Attempt
    row: Collected | None
    """Its cell and case; None if it never can run."""
    outcome: Outcome
    verdict: Verdict | None
    """Against the baseline."""
    says: str

    @property
    def mended(self) -> bool:
        """Whether the case runs, and agrees with the baseline as far as it has outputs."""
        agrees = self.verdict in (None, Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
        return self.outcome is Outcome.RECORDED and agrees


def became(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    attempt: Attempt,
    row: Collected,
    known: Verdicts | None = None,
) -> Tried | None:
    """Return what became of an attempt from its row in the plan of attempts; None if it did not run (yet).

    ``plan`` and ``collection`` are those of the matrix. ``known`` are the verdicts so far, to which this one
    is added: most attempts give the same bits, and large outputs take seconds to judge.
    """
    if row.outcome is Outcome.SKIPPED:
        return None
    rows = {each.cell: each for each in collection.rows if each.case == attempt.case}
    if row.outcome is not Outcome.RECORDED:
        how = "still" if row.outcome is rows[attempt.failed].outcome else "now"
        return Tried(attempt, row, row.outcome, None, f"{how} {row.outcome}: {row.reason}")
    if row.without_value:
        says = f"it runs, but reads uninitialised variables: {', '.join(row.without_value)}"
        return Tried(attempt, row, row.outcome, Verdict.INCOMPARABLE, says)
    verdict = _verdict(
        project, plan, collection, rows.get(plan.baseline), row, {} if known is None else known
    )
    return Tried(attempt, row, row.outcome, verdict, SAYS[verdict])


def _verdict(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    baseline: Collected | None,
    row: Collected,
    known: Verdicts,
) -> Verdict | None:
    if baseline is None or baseline.outcome is not Outcome.RECORDED:
        return None
    if baseline.recording is None or row.recording is None:
        return None
    pair = baseline.case, row.recording.outputs, row.recording.unstable
    if pair not in known:
        outputs = judged_outputs(
            plan,
            baseline.case,
            collection,
            row.recording,
            baseline.recording,
            project.results.array,
            same_inputs=True,
        )
        known[pair] = verdict_of(outputs)
    return known[pair]
