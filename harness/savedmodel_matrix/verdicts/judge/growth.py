"""What grows with every load or call: verdicts from readings of memory, descriptors and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import Check, CheckResult, CheckVerdict
from savedmodel_matrix.verdicts.compare.growth import settled_slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.check import LeakPart, ReloadPart
    from savedmodel_matrix.verdicts.compare.growth import Slope

#: Bytes. What TensorFlow itself keeps of every load (names, traces, fragments) is less, from 2.7 on:
#: docs/session-checks.md has the measurements.
LOAD_BAR = 512 << 10
#: Bytes, of a single call. A loaded model at rest keeps nothing.
CALL_BAR = 8 << 10


def judge_leak(part: LeakPart) -> CheckResult:
    """Return whether memory grows by more than the bars; the part is that of the check ``leak``."""
    slopes = [
        ("load", settled_slope(part.loads), LOAD_BAR),
        ("call", _each(settled_slope(part.calls), part.calls_each), CALL_BAR),
    ]
    says, undecided = [], False
    leaks = []
    for what, slope, bar in slopes:
        if slope is None:
            says.append(f"too few readings of memory per {what}")
            undecided = True
            continue
        text = f"{_size(slope.per_step)} per {what} ({_size(slope.low)} to {_size(slope.high)})"
        if slope.low > bar:
            leaks.append(f"memory grows by {text}")
        elif slope.high <= bar:
            settles = slope.low <= 0 or slope.per_step < bar / 100
            says.append(f"memory settles per {what}" if settles else f"memory grows by {text}")
        else:
            says.append(f"memory: {text} is not decided against {_size(bar)}")
            undecided = True
    if leaks:
        return CheckResult(Check.LEAK, CheckVerdict.FAILS, "; ".join(leaks), "leaks")
    if undecided:
        return CheckResult(Check.LEAK, CheckVerdict.NOT_RUN, "; ".join(says), "not decided")
    small = any("grows" in each for each in says)
    if small:
        says.append(f"less than the {_size(LOAD_BAR)} per load or {_size(CALL_BAR)} per call of a leak")
    return CheckResult(Check.LEAK, CheckVerdict.PASSES, "; ".join(says))


def judge_open(part: ReloadPart) -> CheckResult | None:
    """Return the failure of a model that keeps descriptors or threads with every load; None if none grow."""
    grows = []
    for what, readings in (("file descriptors", part.descriptors), ("threads", part.threads)):
        slope = _counted(readings)
        if slope is not None and slope.low > 0:
            grows.append(f"{slope.per_step:.3g} {what} per load ({slope.low:.3g} to {slope.high:.3g})")
    if not grows:
        return None
    says = f"keeps {' and '.join(grows)}"
    return CheckResult(Check.RELOAD, CheckVerdict.FAILS, says, "keeps what it opens")


def _counted(readings: Sequence[int | None]) -> Slope | None:
    counts = [each for each in readings if each is not None]
    return settled_slope(counts) if len(counts) == len(readings) else None


def _each(slope: Slope | None, calls: int) -> Slope | None:
    if slope is None:
        return None
    return type(slope)(slope.per_step / calls, slope.low / calls, slope.high / calls)


def _size(size: float) -> str:
    if abs(size) >= 1000 << 10:
        return f"{size / (1 << 20):.3g} MiB"
    return f"{size / (1 << 10):.3g} KiB"
