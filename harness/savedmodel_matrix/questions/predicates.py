"""What a bisection asks of a version, as a value: versions with equal values have the same answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.bisect import Predicate
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.measurements.command import UNKNOWN, CommandMeasurement, CommandPart
from savedmodel_matrix.questions.standing import Answer, standings

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from savedmodel_matrix.domain.bisect import Bisect
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.evidence.recorded import Evidence
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.standing import Standing, Standings

GOOD, BAD = "good", "bad"
_COMMAND = CommandMeasurement()
#: What they say of an environment that cannot be made is nothing about the package.
_NO_ANSWER = (Outcome.INSTALL_FAILED, Outcome.UNAVAILABLE, Outcome.SKIPPED)


def command_jobs(plan: Plan, command: str) -> list[Job]:
    """Return the command's job in every environment, once: it is the same for every case."""
    case = next(iter(plan.cases))
    return [
        Job(job.cell, case, plan.limits[job.cell, case], _COMMAND.name, command)
        for job in plan.jobs()
        if job.case == case and job.cell.setting == plan.baseline.setting
    ]


@dataclass(frozen=True)
class Judged:
    """What became of one version."""

    answer: Hashable
    """None if it cannot be judged."""
    reason: str | None
    """Why not, or why it did not run; for a command, what it ended with."""
    may_change: bool = False
    """Whether its environment could not be made, which another attempt may change."""


def judged(
    project: Workspace, plan: Plan, bisect: Bisect, collection: Collection, evidence: Evidence
) -> dict[str, Judged]:
    """Return what became of every environment that was measured; several cases are judged together."""
    if bisect.predicate is Predicate.COMMAND:
        return _of_command(plan, bisect, collection, evidence)
    found = standings(project, plan, collection)
    made = {}
    for name in plan.environments:
        rows = [own.of[name].row for own in found.values() if name in own.of]
        if not rows:
            continue
        values = tuple(_of_case(bisect, own, name, str(plan.baseline)) for own in found.values())
        reason = next((row.reason for row in rows if row.outcome is not Outcome.RECORDED), None)
        unmade = any(row.outcome in _NO_ANSWER for row in rows)
        made[name] = Judged(None if None in values else values, reason, unmade)
    return made


def _of_command(plan: Plan, bisect: Bisect, collection: Collection, evidence: Evidence) -> dict[str, Judged]:
    assert bisect.command is not None, "it goes with the predicate"  # noqa: S101
    failed = {row.cell.environment: row for row in collection.rows if row.outcome in _NO_ANSWER}
    found: dict[str, Judged] = {}
    for job in command_jobs(plan, bisect.command):
        name, recording = job.cell.environment, evidence.recording(job)
        if recording is not None and recording.outcome is Outcome.RECORDED:
            found[name] = _of_status(_COMMAND.read(recording, job))
        elif recording is not None:
            found[name] = Judged(str(recording.outcome), recording.reason)
        elif name in failed and failed[name].outcome is not Outcome.SKIPPED:
            found[name] = Judged(None, failed[name].reason, may_change=True)
    return found


def _of_status(part: CommandPart) -> Judged:
    last = part.output.strip().rpartition("\n")[2]
    reason = f"exit status {part.exit_status}{f': {last}' if last else ''}" if part.exit_status else None
    answer = None if part.exit_status == UNKNOWN else BAD if part.exit_status else GOOD
    return Judged(answer, reason)


def _of_case(bisect: Bisect, own: Standings, environment: str, baseline: str) -> Hashable:
    standing = own.of.get(environment)
    if standing is None or standing.row.outcome in _NO_ANSWER:
        return None
    if standing.row.outcome is not Outcome.RECORDED:
        return None if bisect.predicate not in (Predicate.OUTCOME, Predicate.VERDICT) else _failure(standing)
    return _OF_RECORDED[bisect.predicate](bisect, own, standing, baseline)


def _failure(standing: Standing) -> Hashable:
    return f"{standing.row.outcome}{f' ({standing.cause})' if standing.cause else ''}"


def _outcome(_bisect: Bisect, _own: Standings, standing: Standing, _baseline: str) -> Hashable:
    return str(standing.row.outcome)


def _verdict(_bisect: Bisect, _own: Standings, standing: Standing, _baseline: str) -> Hashable:
    return None if standing.answer is Answer.UNPROVEN else str(standing.answer)


def _bits(_bisect: Bisect, _own: Standings, standing: Standing, _baseline: str) -> Hashable:
    if standing.verdict is None:
        return None
    return "the same bits" if standing.verdict is Verdict.IDENTICAL else "other bits"


def _decision(_bisect: Bisect, own: Standings, standing: Standing, baseline: str) -> Hashable:
    if str(standing.row.cell) == baseline:
        return "the same decisions"
    judged = own.judged.judge(str(standing.row.cell), baseline)
    changed = any(each.divergence.decision_changed for each in judged)
    return "other decisions" if changed else "the same decisions"


def _noise(bisect: Bisect, _own: Standings, standing: Standing, baseline: str) -> Hashable:
    if str(standing.row.cell) == baseline or standing.verdict is Verdict.IDENTICAL:
        return f"at most {bisect.over:g} times the noise"
    if standing.ratio is None:
        return None
    return f"{'more than' if standing.ratio > bisect.over else 'at most'} {bisect.over:g} times the noise"


_OF_RECORDED: Mapping[Predicate, Callable[[Bisect, Standings, Standing, str], Hashable]] = {
    Predicate.OUTCOME: _outcome,
    Predicate.VERDICT: _verdict,
    Predicate.BITS: _bits,
    Predicate.DECISION: _decision,
    Predicate.NOISE: _noise,
}
