"""Scaling by statistics that a side computes from the data itself: recomputed, not fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NOTHING_FITTED,
    Fix,
    is_numeric,
    numbers,
    on_serve,
    on_train,
    short,
)
from savedmodel_matrix.verdicts.diagnose.prove import agree, may_be_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Scaling by statistics of fewer values than this makes everything the same.
_LEAST = 4
#: Statistics computed in float32 move values by about this much, and a second z-score would undo that.
_BEYOND_ROUNDING = 1e-5


class Over(NamedTuple):
    """The axes of a statistic, and their description."""

    name: str
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Scaling:
    """``(x - shift) / size``, with both computed over some axes of the array itself."""

    kind: str
    over: Over
    ddof: int = 0

    @property
    def name(self) -> str:
        """The scaling in words."""
        divisor = " with the sample standard deviation (ddof=1)" if self.ddof else ""
        return f"{self.kind} {self.over.name}{divisor}"

    def constants(self, x: Array) -> tuple[Array, Array]:
        """Return the subtrahend and the divisor; a divisor of zero becomes one."""
        axes = self.over.axes
        zero = np.zeros(1)
        if self.kind == "z-score":
            shift, size = x.mean(axes, keepdims=True), x.std(axes, keepdims=True, ddof=self.ddof)
        elif self.kind == "min-max":
            shift, size = x.min(axes, keepdims=True), np.ptp(x, axes, keepdims=True)
        elif self.kind == "min-max to -1..1":
            half = np.ptp(x, axes, keepdims=True) / 2
            shift, size = x.min(axes, keepdims=True) + half, half
        elif self.kind == "centring":
            shift, size = x.mean(axes, keepdims=True), np.ones(1)
        elif self.kind == "division by the maximum":
            shift, size = zero, np.abs(x).max(axes, keepdims=True)
        elif self.kind == "unit length":
            shift, size = zero, np.sqrt(np.square(x).sum(axes, keepdims=True))
        else:
            low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=axes, keepdims=True)
            shift, size = middle, high - low
        return shift, np.where(size == 0, 1.0, size)

    def apply(self, array: Array) -> Array:
        """Return the array scaled, as float64."""
        x = numbers(array)
        shift, size = self.constants(x)
        return (x - shift) / size

    def rounding(self, array: Array) -> Array:
        """Return the largest intermediate number, which determines the rounding, in units of the result."""
        x = numbers(array)
        _, size = self.constants(x)
        found: Array = np.abs(x).max(self.over.axes, keepdims=True) / size
        return found


_KINDS = (
    *("z-score", "min-max", "min-max to -1..1", "scaling by median and quartiles"),
    *("division by the maximum", "unit length", "centring"),
)


def scalings(array: Array) -> Iterator[Scaling]:
    """Yield every scaling that an array of this shape may have, from the finest to the coarsest."""
    axes = tuple(range(array.ndim))
    overs = []
    if array.ndim > 2:
        overs.append(Over("of each sample and channel", axes[1:-1]))
    if array.ndim > 1:
        overs += [Over("per column", axes[:-1]), Over("of each sample", axes[1:])]
    if array.ndim > 2:
        overs.append(Over("per channel (axis 1)", (0, *axes[2:])))
    overs.append(Over("over the whole array", axes))
    # If an axis has one entry, two of them are the same, and the coarser one gives the name.
    named = {
        frozenset(axis for axis in axes if axis not in over.axes and array.shape[axis] > 1): over
        for over in overs
    }
    for over in named.values():
        if np.prod([array.shape[axis] for axis in over.axes]) < _LEAST:
            continue
        for kind in _KINDS:
            yield Scaling(kind, over)
            if kind == "z-score":
                yield Scaling(kind, over, ddof=1)


def scaling_of(array: Array) -> Scaling | None:
    """Return the scaling that leaves the array unchanged: it must already have been applied."""
    for scaling in scalings(array):
        if scaling.kind != "centring" and agree(array, scaling.apply(array)):
            return scaling
    return None


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield corrections that scale one side again, by its own statistics."""
    if not (is_numeric(pair.train) and is_numeric(pair.serve)) or pair.train.shape != pair.serve.shape:
        return
    if not (np.isfinite(numbers(pair.train)).all() and np.isfinite(numbers(pair.serve)).all()):
        return
    if not may_be_lines(pair.train, pair.serve):
        return
    for scaling in scalings(pair.train):
        for side, changed, aim in (("serve", pair.serve, pair.train), ("train", pair.train, pair.serve)):
            scale = scaling.rounding(changed)
            if not agree(aim, scaling.apply(changed), scale):
                continue
            other = scaling_of(changed)
            if other == scaling:
                continue
            train, serve = (scaling, other) if side == "serve" else (other, scaling)
            words = [
                each.name if each else _as_it_is(array, pair)
                for each, array in ((train, pair.train), (serve, pair.serve))
            ]
            name = _id(train, serve, changed, pair)
            yield Fix(
                id=name,
                title=f"{words[0]} in training, {words[1]} in serving",
                train=words[0],
                serve=words[1],
                mends=_mends(name, words[0]),
                apply=(on_serve if side == "serve" else on_train)(scaling.apply),
                cost=NOTHING_FITTED + 0.1 * (scaling.kind == "centring") + 2.5 * (other is None),
                scale=scale,
                least=_BEYOND_ROUNDING,
            )


def _id(train: Scaling | None, serve: Scaling | None, unknown: Array, pair: Pair) -> str:
    if train and serve:
        if train.kind != serve.kind:
            return "scaling"
        return "statistics-axis" if train.over != serve.over else "ddof"
    known = train or serve
    assert known is not None, "one of the two is what was applied"  # noqa: S101
    if known.kind == "z-score" and _raw_name(unknown, pair) is None and _looks_standardised(unknown):
        return "per-batch-statistics"
    return "scaling"


def _mends(name: str, train: str) -> str:
    if name == "per-batch-statistics" and not train.startswith("z-score"):
        return "in serving, apply the constants saved by training instead of computing them from each batch"
    if name == "ddof":
        return "in serving, divide by the same standard deviation as training (NumPy's ddof)"
    return f"in serving, scale like training: {train}"


def _looks_standardised(array: Array) -> bool:
    x = numbers(array)
    return bool(abs(x.mean()) < 1 and 0.25 < x.std() < 4)


def _as_it_is(array: Array, pair: Pair) -> str:
    x = numbers(array)
    numbers_of_it = f"mean {short(x.mean())}, std {short(x.std())}"
    raw = _raw_name(array, pair)
    if raw is not None:
        return f"no scaling ({numbers_of_it})"
    fixed = (
        "constants not computed from this batch" if _looks_standardised(array) else "no scaling of this batch"
    )
    return f"{fixed} ({numbers_of_it})"


def _raw_name(array: Array, pair: Pair) -> str | None:
    for name, raw in pair.raw.items():
        if raw.shape == array.shape and is_numeric(raw) and agree(raw, array):
            return name
    return None
