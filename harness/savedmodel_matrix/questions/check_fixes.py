"""Fixes for failed checks: in another way of calling the model, does the check pass?

What may help comes from the model's graph (``knowledge.check_causes``). Each attempt is the same case,
called in another way, in a plan of its own. It is a fix only if the check ran there and passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import CheckVerdict
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.evidence.checked import check_results, explanations, ruler_of
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.collected import contents
from savedmodel_matrix.evidence.judged import judge_case, judged_outputs, verdict_of
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.knowledge.causes.base import RemedyKind
from savedmodel_matrix.questions.attempts import plan_of
from savedmodel_matrix.questions.interface import Asked, Round, shares_of
from savedmodel_matrix.questions.share import run_share
from savedmodel_matrix.questions.steps import Changed
from savedmodel_matrix.store.runs import Run, RunAttempt
from savedmodel_matrix.verdicts.judge.checks import judge_check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.check import Check, CheckResult
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.trait import Trait
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.verdicts.causes.behaviour import Explained
    from savedmodel_matrix.verdicts.judge.case import JudgedCase

_PASSED = (CheckVerdict.PASSES, CheckVerdict.FLOAT_NOISE)
_AGREES = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
_SEED = 1


@dataclass(frozen=True)
class CheckAttempt:
    """One way of calling a case whose check failed: ``variant`` of it in ``cell`` of the plan of attempts."""

    failed: CellId
    case: str
    check: Check
    kind: RemedyKind
    value: str
    cell: CellId
    variant: str


@dataclass(frozen=True)
class CheckTried:
    """An attempt that ran: what became of the check, and of the outputs against the unchanged case's."""

    attempt: CheckAttempt
    row: Collected
    mended: bool
    says: str


@dataclass(frozen=True)
class CheckFixes:
    """The attempts for all failed checks, with the results of those that ran, and what is left to run."""

    plan: Plan
    tried: tuple[CheckTried, ...]
    jobs: list[Job]


class CheckFixesQuestion:
    """One round: every failed check that the graph explains, with the model called in other ways."""

    name = "check-fixes"

    def next_round(self, asked: Asked, before: Sequence[Round]) -> Round | None:
        """Return the only round, if there is anything to try."""
        if before or not asked.request.fixes:
            return None
        found = _of(asked)
        says = f"trying fixes for failed checks: {count(len(found.jobs), 'run')} (--no-fixes leaves them out)"
        return Round(self.name, 1, shares_of(found.plan, found.jobs), says) if found.jobs else None

    def do(self, asked: Asked, number: int, environment: Environment, venv: Path, say: Progress) -> None:  # noqa: ARG002 - there is one round
        """Make one environment's attempts."""
        run_share(asked, _of(asked).plan, environment, venv, say)

    def written(self, asked: Asked, number: int) -> Run:
        """Return the outcome of every attempt."""
        return Run(
            run=asked.run,
            matrix=asked.plan.matrix,
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
            attempts=tuple(
                RunAttempt(
                    environment=each.attempt.failed.environment,
                    setting=each.attempt.failed.setting,
                    case=each.attempt.case,
                    cause=f"check {each.attempt.check}",
                    kind=each.attempt.kind,
                    value=each.attempt.value,
                    tried_in=str(each.attempt.cell),
                    outcome=each.row.outcome,
                    reason=each.says,
                    recording=None if each.row.recording is None else each.row.recording.key,
                )
                for each in _of(asked).tried
            ),
        )


def _of(asked: Asked) -> CheckFixes:
    return check_fixes(asked.project, asked.plan, collect(asked.project, asked.plan, asked.request.selection))


def check_fixes(project: Workspace, plan: Plan, collection: Collection) -> CheckFixes:
    """Return the attempts to fix the failed checks, with their results so far, from what is in the store."""
    attempts: dict[CheckAttempt, Changed] = {}
    judged: dict[str, JudgedCase] = {}
    for case, definition in plan.cases.items():
        if not definition.checks:
            continue
        rows = [row for row in collection.rows if row.case == case]
        recorded = {
            str(row.cell): RecordedOutputs.of(row.recording)
            for row in rows
            if row.outcome is Outcome.RECORDED and row.recording is not None
        }
        judged[case] = judge_case(plan, case, collection, recorded, str(plan.baseline), project.results.array)
        results = check_results(plan, case, rows, collection.checks, judged[case], project.results.array)
        for cell, collected, result in results:
            for explained in explanations(collection, case, collected, result):
                attempts |= dict(_attempts(plan, cell, case, result, explained))
    changed = _together(attempts)
    fixes = plan_of(plan, "check fixes", changed)
    if not attempts:
        return CheckFixes(fixes, (), [])
    found = collect(project, fixes, Selection())
    tried = [_tried(project, plan, collection, judged, each, found) for each in attempts]
    return CheckFixes(fixes, tuple(each for each in tried if each), pending(project, fixes, Selection()))


def _attempts(
    plan: Plan, cell: CellId, case: str, result: CheckResult, explained: Explained
) -> Iterator[tuple[CheckAttempt, Changed]]:
    definition, setting = plan.cases[case], plan.settings[cell.setting]
    same = Changed(
        plan.environments[cell.environment],
        (cell.setting, setting),
        (case, definition.model_copy(update={"checks": [result.check]})),
        plan.limits[cell, case],
        plan.given.get((cell, case)),
    )
    for kind in explained.cause.fixes:
        changed, value = _apply(kind, same, explained.traits)
        if changed is not None:
            place = CellId(cell.environment, changed.setting[0])
            yield CheckAttempt(cell, case, result.check, kind, value, place, changed.case[0]), changed


def _apply(kind: RemedyKind, same: Changed, traits: Sequence[Trait]) -> tuple[Changed | None, str]:
    """Return the case called in another way, and the way's value; None if that changes nothing."""
    (setting_name, setting), (name, case) = same.setting, same.case
    update: Mapping[str, object] = {}
    value = ""
    if kind is RemedyKind.DETERMINISTIC:
        if setting.deterministic:
            return None, value
        sure = setting.model_copy(update={"deterministic": True, "seed": _SEED})
        return replace(same, setting=(f"{setting_name}+deterministic", sure)), value
    if kind is RemedyKind.FEED:
        fed = {f"{each.subject}:0": off for each in traits if (off := switched_off(each)) is not None}
        value = ", ".join(f"{tensor} = {str(off).lower()}" for tensor, off in fed.items())
        update = {"feed": {**case.feed, **fed}} if fed else {}
    elif kind is RemedyKind.ONE_ROW and not case.one_row:
        update = {"one_row": True}
    elif kind is RemedyKind.RELOAD and not case.reload:
        update = {"reload": True}
    changed = case.model_copy(update=dict(update))
    return (None if changed == case else replace(same, case=(f"{name}+{kind}", changed))), value


def switched_off(trait: Trait) -> bool | int | float | None:
    """Return the value of a placeholder for inference; None if its default is that already, or unknown."""
    value = trait.value
    if isinstance(value, bool):
        return False if value else None
    if isinstance(value, int):
        return 0 if value == 1 else None
    if value is None or not 0 < value < 1:
        return None
    # Dropout takes the share to keep or, under another name, the share to drop.
    return 1.0 if "keep" in trait.subject.lower() else 0.0


def _together(attempts: Mapping[CheckAttempt, Changed]) -> dict[tuple[CellId, str], Changed]:
    """Return the changed case of each place, with the checks of all attempts there."""
    found: dict[tuple[CellId, str], Changed] = {}
    for attempt, changed in attempts.items():
        name, case = changed.case
        place = attempt.cell, attempt.variant
        before = found[place].case[1].checks if place in found else []
        checks = list(dict.fromkeys([*before, *case.checks]))
        found[place] = replace(changed, case=(name, case.model_copy(update={"checks": checks})))
    return found


def _tried(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    judged: Mapping[str, JudgedCase],
    attempt: CheckAttempt,
    found: Collection,
) -> CheckTried | None:
    """Return what became of an attempt; None if it did not run (yet)."""
    row = next(each for each in found.rows if (each.cell, each.case) == (attempt.cell, attempt.variant))
    collected = found.checks.get((attempt.cell, attempt.variant, attempt.check))
    if row.outcome is Outcome.SKIPPED:
        return None
    if row.outcome is not Outcome.RECORDED or row.recording is None:
        return CheckTried(attempt, row, mended=False, says=f"now {row.outcome}: {row.reason}")
    if collected is None or collected.recording is None:
        return None
    read = project.results.array
    ruler = ruler_of(plan, attempt.case, collection.checks, judged[attempt.case], read)
    result = judge_check(attempt.check, collected.recording, collected.part, row.recording, ruler)
    if result.verdict not in _PASSED:
        says = "still fails" if result.verdict is CheckVerdict.FAILS else "has no result"
        return CheckTried(attempt, row, mended=False, says=f"the check {says}: {result.says}")
    agrees = _verdict(project, plan, collection, attempt, row) in _AGREES
    # A newly loaded model answers its first request as before. All other fixes change what is computed.
    if attempt.kind is RemedyKind.RELOAD and not agrees:
        return CheckTried(attempt, row, mended=False, says="the check passes, but the outputs are others")
    outputs = "the outputs are the same" if agrees else "the outputs change with it"
    return CheckTried(attempt, row, mended=True, says=f"verified: the check passes; {outputs}")


def _verdict(
    project: Workspace, plan: Plan, collection: Collection, attempt: CheckAttempt, row: Collected
) -> Verdict:
    """Return the verdict on the outputs against the same cell's without the fix."""
    place = attempt.failed, attempt.case
    before = next(each.recording for each in collection.rows if (each.cell, each.case) == place)
    if before is None or row.recording is None:
        return Verdict.INCOMPARABLE
    if contents(before) == contents(row.recording):
        return Verdict.IDENTICAL
    if attempt.kind is RemedyKind.RELOAD:
        # Later batches may have been answered from what earlier ones left behind.
        own, fixed = ([e for e in contents(each) if e[0].batch == 0] for each in (before, row.recording))
        return Verdict.IDENTICAL if own and own == fixed else Verdict.DIVERGED
    return verdict_of(
        judged_outputs(
            plan, attempt.case, collection, row.recording, before, project.results.array, same_inputs=True
        )
    )
