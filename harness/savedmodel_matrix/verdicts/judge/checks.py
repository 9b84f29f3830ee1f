"""What a check recorded in one cell, judged by the baseline's noise floor and by what else it found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import Named
from savedmodel_matrix.domain.check import (
    BatchPart,
    Check,
    CheckPart,
    CheckResult,
    CheckVerdict,
    ConcurrentPart,
    Difference,
    LeakPart,
    ReloadPart,
    RepeatPart,
)
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.verdicts.judge.growth import judge_leak, judge_open
from savedmodel_matrix.verdicts.judge.repeat import judge_repeat
from savedmodel_matrix.verdicts.judge.ruler import Found, Weighed, named, weigh

if TYPE_CHECKING:
    from savedmodel_matrix.domain.arrays import OutputId
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.verdicts.judge.ruler import Ruler

_RELEASED = "when the other is released"
_MOST_PLACES = 4
_NOT_RE = "not re-entrant"
_NOTHING = "nothing recorded: not selected, interrupted, or its session failed"
_UNSETTLED = "nothing to hold it against: even alone, one call after the other, {} changes"


def judge_check(
    check: Check, recording: Recording | None, part: CheckPart | None, plain: Recording | None, ruler: Ruler
) -> CheckResult:
    """Return what a check comes to in one cell.

    ``recording`` is the check's own and ``part`` what it measured; ``plain`` is the recording of the cell's
    outputs. None where there is none.
    """
    if recording is None:
        return CheckResult(check, CheckVerdict.NOT_RUN, _NOTHING)
    if not recording.is_recorded:
        return _unrecorded(check, recording, plain)
    part = part or _between(plain, recording)
    if part.problem is not None:
        return CheckResult(check, CheckVerdict.NOT_RUN, part.problem, "nothing to compare")
    return _judged(check, part, ruler)


def _judged(check: Check, part: CheckPart, ruler: Ruler) -> CheckResult:
    if isinstance(part, LeakPart):
        return judge_leak(part)
    # What raised the floor, threads and the splitting of batches, is here what is asked about.
    weighed = weigh(part, ruler, bare=check in (Check.BATCH, Check.THREADS))
    match part:
        case RepeatPart():
            return judge_repeat(part, weighed, ruler)
        case ConcurrentPart():
            return _concurrent(part, weighed)
        case ReloadPart():
            return _reload(part, weighed)
        case BatchPart():
            return _batch(part, weighed)
    return _fresh(weighed) if check is Check.FRESH_PROCESS else _threads(weighed)


def _unrecorded(check: Check, recording: Recording, plain: Recording | None) -> CheckResult:
    text = f"{recording.outcome}: {recording.reason}"
    alone = plain is not None and plain.is_recorded
    if alone and recording.outcome is Outcome.CRASHED:
        return CheckResult(check, CheckVerdict.FAILS, text, "crash", recording.log_tail)
    if alone and check is Check.CONCURRENT and recording.outcome is Outcome.TIMED_OUT:
        return CheckResult(check, CheckVerdict.FAILS, text, "deadlock", recording.log_tail)
    return CheckResult(check, CheckVerdict.NOT_RUN, text)


def _between(plain: Recording | None, recording: Recording) -> CheckPart:
    """Return what two recordings differ in, in the form that a check's part has."""
    if plain is None or not plain.is_recorded:
        return CheckPart(problem="the cell itself recorded no outputs to compare with")
    sides = [{output.id: output.array for output in each.outputs} for each in (plain, recording)]
    every = dict.fromkeys([*sides[0], *sides[1]])
    differences = [
        Difference(
            **output._asdict(),
            what="",
            position=None,
            reference=sides[0].get(output),
            array=sides[1].get(output),
        )
        for output in every
        if sides[0].get(output) != sides[1].get(output)
    ]
    return CheckPart(
        compared=len(every),
        different=len(differences),
        differences=tuple(differences),
        unsettled=tuple(Named(**each.id._asdict()) for each in (*plain.unstable, *recording.unstable)),
    )


def _passed(check: Check, weighed: Weighed, same: str) -> CheckResult:
    """Return the result of a check that found nothing real; ``same`` says what agrees, without a verb."""
    if weighed.unsettled:
        says = _UNSETTLED.format(named(weighed.unsettled))
        return CheckResult(check, CheckVerdict.NOT_RUN, says, "changes by itself")
    if not weighed.compared:
        return CheckResult(check, CheckVerdict.NOT_RUN, "nothing was compared", "nothing to compare")
    if weighed.noise:
        largest = max(weighed.noise, key=lambda each: each.ratio or 0.0)
        says = f"{same} agree but for rounding ({largest.size})"
        return CheckResult(check, CheckVerdict.FLOAT_NOISE, says)
    return CheckResult(check, CheckVerdict.PASSES, f"{same} agree bit for bit")


def _worst(found: list[Found]) -> Found:
    return max(found, key=lambda each: (each.ratio or float("inf"), each.output))


def _concurrent(part: ConcurrentPart, weighed: Weighed) -> CheckResult:
    check, threads = Check.CONCURRENT, part.threads
    if part.stacks is not None:
        where = _innermost(part.stacks)
        says = f"deadlock: {part.waiting} of {threads} threads never came back; they wait in {where}"
        return CheckResult(check, CheckVerdict.FAILS, says, "deadlock", part.stacks)
    if part.failed and not weighed.real:
        says = f"not re-entrant: {part.failed} of {part.calls} calls in {threads} threads raised"
        return CheckResult(check, CheckVerdict.FAILS, f"{says}, and none alone: {part.errors[0]}", _NOT_RE)
    if weighed.real and not part.wrong:
        worst = _worst(weighed.real)
        says = (
            f"not re-entrant: after {threads} threads a single one gets another answer, '{worst.output}' by"
        )
        return CheckResult(check, CheckVerdict.FAILS, f"{says} {worst.size}", _NOT_RE)
    if weighed.real:
        another = f", {part.of_another} of them that of another input" if part.of_another else ""
        worst = _worst(weighed.real)
        says = (
            f"not re-entrant: {part.wrong} of {part.calls} calls in {threads} threads got a wrong "
            f"answer{another} ('{worst.output}' is off by {worst.size})"
        )
        if part.failed:
            says = f"{says}, and {part.failed} raised: {part.errors[0]}"
        return CheckResult(check, CheckVerdict.FAILS, says, _NOT_RE)
    one = ", all with the same input" if part.inputs == 1 else f" of {part.inputs} inputs"
    return _passed(check, weighed, f"{part.calls} calls in {threads} threads{one}")


def _innermost(stacks: str) -> str:
    """Return where several stacks of Python end, each place once, those that are the model's own first."""
    places = re.findall(r'File "(?:[^"]*/)?([^"/]+)", line (\d+), in [^\n]*\n\s+([^\n]*)(?=\n\S|$)', stacks)
    found = dict.fromkeys(f"{file}:{line} ({text})" for file, line, text in places)
    return "; ".join(list(found)[:_MOST_PLACES]) or "code that is not Python's"


def _reload(part: ReloadPart, weighed: Weighed) -> CheckResult:
    check = Check.RELOAD
    # It was asked twice by then: a call that a model answers otherwise says nothing of the other's release.
    weighed.unsettled = [each for each in weighed.unsettled if each.what != _RELEASED]
    loads = [each for each in weighed.real if each.what == "load"]
    if loads:
        worst = _worst(loads)
        says = f"load {worst.position} gives another answer than the first: '{worst.output}' by {worst.size}"
        return CheckResult(check, CheckVerdict.FAILS, says, "state outlives the model")
    if weighed.real:
        worst = _worst(weighed.real)
        says = f"two models disturb each other ({worst.what}): '{worst.output}' by {worst.size}"
        return CheckResult(check, CheckVerdict.FAILS, says, "models disturb each other")
    grows = judge_open(part)
    if grows is not None:
        return grows
    return _passed(check, weighed, f"{part.cycles} loads, and two models side by side,")


def _batch(part: BatchPart, weighed: Weighed) -> CheckResult:
    check = Check.BATCH
    if weighed.real:
        ways = list(dict.fromkeys(each.what for each in weighed.real))
        worst = _worst(weighed.real)
        says = f"rows depend on their batch ({' and '.join(ways)}): '{worst.output}' changes by {worst.size}"
        return CheckResult(check, CheckVerdict.FAILS, says, "batch-dependent")
    passed = _passed(check, weighed, "rows alone, together and in another order")
    if passed.verdict in (CheckVerdict.PASSES, CheckVerdict.FLOAT_NOISE) and part.refusals:
        says = f"{passed.says}; it does not take every size: {part.refusals[0]}"
        return CheckResult(check, passed.verdict, says)
    return passed


def _threads(weighed: Weighed) -> CheckResult:
    if weighed.real:
        worst = _worst(weighed.real)
        says = f"another number of threads changes '{worst.output}' by {worst.size}"
        return CheckResult(Check.THREADS, CheckVerdict.FAILS, says, "thread-dependent")
    return _passed(Check.THREADS, weighed, "one thread and many")


def _fresh(weighed: Weighed) -> CheckResult:
    # Of these, what changes from run to run is no excuse: processes were asked, and do not agree.
    real = weighed.real + weighed.unsettled
    if real:
        worst = _worst(real)
        alike = ", as two runs in one do" if weighed.unsettled and not weighed.real else ""
        says = f"two processes differ in '{worst.output}' by {worst.size}{alike}"
        return CheckResult(Check.FRESH_PROCESS, CheckVerdict.FAILS, says, "process-dependent")
    return _passed(Check.FRESH_PROCESS, weighed, "two processes")


def changing(part: CheckPart | None) -> set[OutputId]:
    """Return the outputs that the check ``repeat`` saw change from call to call."""
    return set() if part is None else {each.id for each in part.differences}
