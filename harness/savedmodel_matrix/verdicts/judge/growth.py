"""Judges growth with every load or call, from readings of memory, file descriptors and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import Check, CheckResult, CheckVerdict
from savedmodel_matrix.verdicts.compare.growth import settled_slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.check import LeakPart, ReloadPart
    from savedmodel_matrix.verdicts.compare.growth import Slope

#: Bytes. From 2.7 on, TensorFlow itself keeps less than this per load (names, traces, fragments);
#: docs/session-checks.md has the measurements.
LOAD_BAR = 512 << 10
#: Bytes for a single call. A model whose caches are warm keeps nothing.
CALL_BAR = 8 << 10


def judge_leak(part: LeakPart) -> CheckResult:
    """Return whether memory grows by more than the limits; ``part`` is that of the check ``leak``."""
    slopes = [
        ("load", settled_slope(part.loads), LOAD_BAR),
        ("call", _each(settled_slope(part.calls), part.calls_each), CALL_BAR),
    ]
    says, undecided = [], False
    leaks = []
    for what, slope, bar in slopes:
        if slope is None:
            says.append(f"too few memory readings per {what}")
            undecided = True
            continue
        text = f"{_size(slope.per_step)} per {what} ({_size(slope.low)} to {_size(slope.high)})"
        if slope.low > bar:
            leaks.append(f"memory grows by {text}")
        elif slope.high <= bar:
            settles = slope.low <= 0 or slope.per_step < bar / 100
            says.append(f"memory does not grow per {what}" if settles else f"memory grows by {text}")
        else:
            says.append(f"growth of {text} is too uncertain to compare with the limit of {_size(bar)}")
            undecided = True
    if leaks:
        return CheckResult(Check.LEAK, CheckVerdict.FAILS, "; ".join(leaks), "leaks")
    if undecided:
        return CheckResult(Check.LEAK, CheckVerdict.NOT_RUN, "; ".join(says), "not decided")
    small = any("grows" in each for each in says)
    if small:
        says.append(f"below the limits for a leak: {_size(LOAD_BAR)} per load, {_size(CALL_BAR)} per call")
    return CheckResult(Check.LEAK, CheckVerdict.PASSES, "; ".join(says))


def judge_open(part: ReloadPart) -> CheckResult | None:
    """Return the failure of a model that leaves descriptors or threads behind; None if neither grows."""
    grows = []
    for what, readings in (("file descriptors", part.descriptors), ("threads", part.threads)):
        slope = _counted(readings)
        if slope is not None and slope.low > 0:
            grows.append(f"{what}, {slope.per_step:.3g} per load ({slope.low:.3g} to {slope.high:.3g})")
    if not grows:
        return None
    says = f"not released: {'; '.join(grows)}"
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
