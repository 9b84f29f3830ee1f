"""Judges how a model behaves over repeated calls, by the shape of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.check import Check, CheckResult, CheckVerdict
from savedmodel_matrix.domain.wording import count, listed
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of
from savedmodel_matrix.verdicts.judge.ruler import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
    from savedmodel_matrix.domain.check import RepeatPart
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.ruler import Ruler, Weighed

#: An output has settled if at least this many calls at the end are equal; fewer prove nothing.
_SETTLED = 3
#: Steps that agree to this fraction of their size are the same step, added in floats.
_SAME_STEP = 1e-2
_MOST_NAMED = 4
#: What is compared (``probe/checks/repeat.py``): a further call, and the first one in another order.
CALL, _ORDER = "call", "in another order"
_DEPENDS = "depends on the order of requests"


def judge_repeat(part: RepeatPart, weighed: Weighed, ruler: Ruler) -> CheckResult:
    """Return the result of the check ``repeat``: how each output changes, and which variables change."""
    check, runs, changed = Check.REPEAT, part.runs, part.changed_variables
    outputs = list(dict.fromkeys(each.output for each in weighed.real if each.what == CALL))
    in_order = {each.output: each for each in weighed.real if each.what == _ORDER}
    patterns: dict[tuple[str, str], list[str]] = {}
    batches = {each.batch for each in part.differences}
    often = "with every call" if len(batches) < 2 else "with every round of the inputs"
    for output in outputs:
        says, kind = _pattern(_series(part, output), ruler.read, often)
        if kind == "random" and changed:  # there is a better reason than chance
            says, kind = f"differs {often}", "state"
        if kind == "settles" and output in in_order:
            says, kind = _DEPENDS, "order-dependent"
        patterns.setdefault((says, kind), []).append(_of_batch(output))
    for output in in_order:
        if output not in outputs:
            patterns.setdefault((_DEPENDS, "order-dependent"), []).append(_of_batch(output))
    parts = [f"{listed(names, _MOST_NAMED)} {says}" for (says, _), names in patterns.items()]
    kinds = list(dict.fromkeys(kind for _, kind in patterns))
    after = [each for each in weighed.real if each.what not in (CALL, _ORDER)]
    if after:
        parts.append(f"'{after[0].output}' differs by {after[0].size} {after[0].what}")
        kinds.append("another signature")
    if changed:
        parts.append(f"calls change the variables {listed(changed, _MOST_NAMED)}")
        kinds = kinds or ["state"]
        if not outputs:
            parts.append("the outputs do not show it")
    if parts:
        return CheckResult(check, CheckVerdict.FAILS, "; ".join(parts), " and ".join(kinds))
    if weighed.noise:
        largest = max(weighed.noise, key=lambda each: each.ratio or 0.0)
        says = f"{runs} calls differ only by rounding ({named(weighed.noise)}: {largest.size})"
        return CheckResult(check, CheckVerdict.FLOAT_NOISE, says)
    refused = [each for each in part.others if each.problem is not None]
    if refused:
        first = refused[0]
        says = f"{runs} calls agree bit for bit; signature '{first.signature}' writes too, and was not called"
        return CheckResult(check, CheckVerdict.PASSES, f"{says}: {first.problem}")
    still = f", and none of {part.variables} variables changes" if part.variables else ""
    return CheckResult(check, CheckVerdict.PASSES, f"{runs} calls agree bit for bit{still}")


def _of_batch(output: OutputId) -> str:
    return f"'{output}'" + (f" of batch {output.batch}" if output.batch else "")


def _series(part: RepeatPart, output: OutputId) -> list[ArrayEntry | None]:
    """Return what each call returned for an output, from the first on; None where it returned nothing."""
    own = [each for each in part.differences if each.id == output and each.what == CALL]
    later = {each.position: each.array for each in own}
    return [later.get(call, own[0].reference) for call in range(1, part.runs + 1)]


def _pattern(
    series: Sequence[ArrayEntry | None], read: Callable[[ArrayEntry], Array], often: str
) -> tuple[str, str]:
    """Return how a series changes: the end of a sentence, and one word."""
    calls = len(series)
    last = max(i for i in range(calls) if series[i] != series[-1]) + 1
    if calls - last >= _SETTLED:
        return f"settles after {count(last, 'call')} (a cache or a warm-up)", "settles"
    for period in range(2, calls // 2 + 1):
        if all(series[i] == series[i + period] for i in range(calls - period)):
            return f"repeats every {period} calls", "cycle"
    values = _numbers(series, read)
    if values is not None:
        steps = np.diff(values, axis=0)
        step = np.median(steps, axis=0)
        if step.any() and np.abs(steps - step).max() <= _SAME_STEP * np.abs(step).max():
            return f"changes by {_signed(step)} {often} (a counter)", "counter"
        moved = (values - values[0]).reshape(calls, -1).mean(1)
        if (np.diff(moved) > 0).all() or (np.diff(moved) < 0).all():
            size = float(np.abs(values[-1] - values[0]).max())
            return f"drifts {often}, by {size:.3g} over {calls} calls (accumulating state)", "drift"
    if len(set(series)) == calls:
        return "differs on every call (random, such as dropout left on)", "random"
    return "changes from call to call without a pattern", "changes"


def _numbers(series: Sequence[ArrayEntry | None], read: Callable[[ArrayEntry], Array]) -> Array | None:
    """Return a series as one float64 array, calls first; None if it has no numbers or its shape changes."""
    entries = [entry for entry in series if entry is not None]
    if len(entries) < len(series) or len({(entry.dtype, entry.shape) for entry in entries}) > 1:
        return None
    element = element_of(entries[0].dtype)
    if element.kind not in (Kind.FLOAT, Kind.INTEGER):
        return None
    flat = [element.load(np.ascontiguousarray(read(entry)).reshape(-1)) for entry in entries]
    return np.where(np.isfinite(stacked := np.stack(flat).astype(float)), stacked, 0.0)


def _signed(step: Array) -> str:
    least, most = float(step.min()), float(step.max())
    if least == most or abs(most - least) <= _SAME_STEP * max(abs(least), abs(most)):
        return f"{np.median(step):+.3g}"
    return f"{least:+.3g} to {most:+.3g}"
