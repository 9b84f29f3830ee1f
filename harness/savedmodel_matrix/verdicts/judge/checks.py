"""Judges a check's recording in one cell, by the baseline's noise floor and the check's other findings."""

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
_UNSETTLED = "cannot be judged: without the check, calls one after the other already differ in {}"


def judge_check(
    check: Check, recording: Recording | None, part: CheckPart | None, plain: Recording | None, ruler: Ruler
) -> CheckResult:
    """Return the result of a check in one cell.

    ``recording`` is the check's own and ``part`` its measurements; ``plain`` is the recording of the cell's
    outputs. Each is None if there is none.
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
    # Threads and batch splitting raise the floor; here they are the question, so the floor is not raised.
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
    """Return how two recordings differ, in the form of a check's part."""
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
    """Return the result of a check that found nothing real; ``same`` is the subject of "agree"."""
    if weighed.unsettled:
        says = _UNSETTLED.format(named(weighed.unsettled))
        return CheckResult(check, CheckVerdict.NOT_RUN, says, "changes by itself")
    if not weighed.compared:
        return CheckResult(check, CheckVerdict.NOT_RUN, "nothing was compared", "nothing to compare")
    if weighed.noise:
        largest = max(weighed.noise, key=lambda each: each.ratio or 0.0)
        says = f"{same} agree up to rounding (largest difference: {largest.size})"
        return CheckResult(check, CheckVerdict.FLOAT_NOISE, says)
    return CheckResult(check, CheckVerdict.PASSES, f"{same} agree bit for bit")


def _worst(found: list[Found]) -> Found:
    return max(found, key=lambda each: (each.ratio or float("inf"), each.output))


def _concurrent(part: ConcurrentPart, weighed: Weighed) -> CheckResult:
    check, threads = Check.CONCURRENT, part.threads
    if part.stacks is not None:
        where = _innermost(part.stacks)
        says = f"deadlock: {part.waiting} of {threads} threads never returned; they are waiting in {where}"
        return CheckResult(check, CheckVerdict.FAILS, says, "deadlock", part.stacks)
    if part.failed and not weighed.real:
        calls = f"{part.failed} of {part.calls} calls from {threads} threads"
        says = f"not re-entrant: {calls} raised an error"
        return CheckResult(
            check, CheckVerdict.FAILS, f"{says}, while none did in one thread: {part.errors[0]}", _NOT_RE
        )
    if weighed.real and not part.wrong:
        worst = _worst(weighed.real)
        says = (
            f"not re-entrant: after calls from {threads} threads a single thread gets a different result "
            f"('{worst.output}' differs by {worst.size})"
        )
        return CheckResult(check, CheckVerdict.FAILS, says, _NOT_RE)
    if weighed.real:
        another = f", {part.of_another} of them the result of another input" if part.of_another else ""
        worst = _worst(weighed.real)
        says = (
            f"not re-entrant: {part.wrong} of {part.calls} calls from {threads} threads got a wrong "
            f"result{another} ('{worst.output}' is off by {worst.size})"
        )
        if part.failed:
            says = f"{says}; {part.failed} calls raised an error: {part.errors[0]}"
        return CheckResult(check, CheckVerdict.FAILS, says, _NOT_RE)
    inputs = "the same input" if part.inputs == 1 else f"{part.inputs} inputs"
    return _passed(check, weighed, f"{part.calls} calls from {threads} threads with {inputs}")


def _innermost(stacks: str) -> str:
    """Return where several Python stacks end, each place once, those in the model's own code first."""
    places = re.findall(r'File "(?:[^"]*/)?([^"/]+)", line (\d+), in [^\n]*\n\s+([^\n]*)(?=\n\S|$)', stacks)
    found = dict.fromkeys(f"{file}:{line} ({text})" for file, line, text in places)
    return "; ".join(list(found)[:_MOST_PLACES]) or "native code"


def _reload(part: ReloadPart, weighed: Weighed) -> CheckResult:
    check = Check.RELOAD
    # By then it has been called twice. A change between calls says nothing about the other's release.
    weighed.unsettled = [each for each in weighed.unsettled if each.what != _RELEASED]
    loads = [each for each in weighed.real if each.what == "load"]
    if loads:
        worst = _worst(loads)
        says = (
            f"load {worst.position} gives a different result from the first load "
            f"('{worst.output}' differs by {worst.size})"
        )
        return CheckResult(check, CheckVerdict.FAILS, says, "state outlives the model")
    if weighed.real:
        worst = _worst(weighed.real)
        says = f"two loaded models affect each other ({worst.what}): '{worst.output}' differs by {worst.size}"
        return CheckResult(check, CheckVerdict.FAILS, says, "models disturb each other")
    grows = judge_open(part)
    if grows is not None:
        return grows
    return _passed(check, weighed, f"{part.cycles} loads, and two models loaded side by side,")


def _batch(part: BatchPart, weighed: Weighed) -> CheckResult:
    check = Check.BATCH
    if weighed.real:
        ways = list(dict.fromkeys(each.what for each in weighed.real))
        worst = _worst(weighed.real)
        says = (
            f"rows depend on the rest of the batch ({' and '.join(ways)}): "
            f"'{worst.output}' changes by {worst.size}"
        )
        return CheckResult(check, CheckVerdict.FAILS, says, "batch-dependent")
    passed = _passed(check, weighed, "rows run alone, together and in a different order")
    if passed.verdict in (CheckVerdict.PASSES, CheckVerdict.FLOAT_NOISE) and part.refusals:
        says = f"{passed.says}; the model does not accept every batch size: {part.refusals[0]}"
        return CheckResult(check, passed.verdict, says)
    return passed


def _threads(weighed: Weighed) -> CheckResult:
    if weighed.real:
        worst = _worst(weighed.real)
        says = f"a different number of threads changes '{worst.output}' by {worst.size}"
        return CheckResult(Check.THREADS, CheckVerdict.FAILS, says, "thread-dependent")
    return _passed(Check.THREADS, weighed, "one thread and many threads")


def _fresh(weighed: Weighed) -> CheckResult:
    # Here a change from run to run is not an excuse: the check asks whether processes agree, and they do not.
    real = weighed.real + weighed.unsettled
    if real:
        worst = _worst(real)
        alike = "; so do two runs in one process" if weighed.unsettled and not weighed.real else ""
        says = f"two processes differ in '{worst.output}' by {worst.size}{alike}"
        return CheckResult(Check.FRESH_PROCESS, CheckVerdict.FAILS, says, "process-dependent")
    return _passed(Check.FRESH_PROCESS, weighed, "two processes")


def changing(part: CheckPart | None) -> set[OutputId]:
    """Return the outputs that the check ``repeat`` saw change from call to call."""
    return set() if part is None else {each.id for each in part.differences}
