"""Finds the cheapest proven correction of one tensor: single ones, then chains of up to three."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections import (
    choices,
    encodings,
    hours,
    layout,
    lookups,
    missing,
    mixtures,
    order,
    rounding,
    samples,
    sequences,
    statistics,
    text,
    values,
)
from savedmodel_matrix.verdicts.diagnose.pair import FITTED, Fix, Pair, is_numeric, numbers
from savedmodel_matrix.verdicts.diagnose.prove import agree, applied_to, distance, follows, is_proven

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.verdicts.diagnose.pair import Array
    from savedmodel_matrix.verdicts.diagnose.prove import Distance


Propose = Callable[[Pair], "Iterator[Fix]"]
#: Those that may also be the last of several steps.
_LAST: tuple[Propose, ...] = tuple(
    family.propose
    for family in (
        *(layout, statistics, encodings, values, rounding, missing),
        *(hours, sequences, samples, order, text),
    )
)
#: These fit many numbers or read raw files, which takes too long after every first step.
_FAMILIES = (*_LAST, *(family.propose for family in (lookups, mixtures, choices)))
_OPENING = tuple(family.propose for family in (layout, encodings, sequences, order, text))
#: Steps that leave the same share but for rounding.
_SAME = 1e-4
#: A step that leaves no more than this share of the difference is shown with what is left.
_MOST_LEFT = 0.1
#: A smaller relative difference is rounding, of which another order of operations may remove most.
_BEYOND_ROUNDING = 1e-5
#: Proven corrections that cost no more than the cheapest and this are explanations as good as it.
_NEARLY = 0.5
#: What tells explanations apart, the cheapest first: the ids of which one is enough, and what to do.
_EXPERIMENTS = (
    ({"decimal-comma", "csv-types"}, "look at one raw value as it is written"),
    (
        {"scaling", "statistics-axis", "ddof", "per-batch-statistics"},
        "run both stages on one half of the batch: statistics of the batch change, constants do not",
    ),
)
_OTHERWISE = "run both stages on another batch, with other extremes and in another order"
#: How many first steps are tried before another correction. More are not worth the time.
_OPENERS = 6
#: A first step is worth continuing if the sides then correlate at least this closely.
_FOLLOWS = 0.97


@dataclass(frozen=True)
class Chain:
    """Corrections in the order they are applied, and the difference that they leave."""

    fixes: tuple[Fix, ...]
    after: Distance

    @property
    def cost(self) -> float:
        """The cost: every further step costs as much as a fitted constant."""
        return sum(fix.cost for fix in self.fixes) + 1.5 * (len(self.fixes) - 1)


def search(pair: Pair) -> Chain | None:
    """Return the cheapest chain that makes the two agree, or None."""
    # Attempts may overflow; the comparison with the other side rejects them.
    with np.errstate(all="ignore"):
        return _search(pair)


def _search(pair: Pair) -> Chain | None:
    before = distance(pair.train, pair.serve)
    found = _single(pair, before)
    if found is not None:
        return found
    openers = list(_openers(pair))
    for first, opened, _ in (each for each in openers if each[2]):
        # Rounding and clipping are only visible once the values are on one scale.
        found = _better(found, _after((first,), opened, before))
    if found is not None:
        return found
    # Three steps are for values that moved twice: layout, channels, range.
    for first, opened, _ in _openers(pair, (layout.propose, text.propose)):
        for second, further, closely in _openers(opened):
            if closely and second.id != first.id:
                found = _better(found, _after((first, second), further, before))
    return found


def most(pair: Pair) -> tuple[Fix, Pair] | None:
    """Return the step that removes at least nine tenths of the difference, in each half of the samples.

    A fitted line removes most of nearly any difference, so only steps without fitted constants count. The
    step has to leave less than half of what the next one with another name leaves.
    """
    before = distance(pair.train, pair.serve)
    if before.relative < _BEYOND_ROUNDING:
        return None
    rated: list[tuple[float, int, Fix, Pair]] = []
    with np.errstate(all="ignore"):
        for fix in proposals(pair):
            pair.check_time("a step that removes most of it")
            applied = applied_to(fix, pair) if fix.cost < FITTED else None
            if (
                applied is None
                or applied[0].shape != pair.train.shape
                or applied[1].shape != applied[0].shape
            ):
                continue
            if not is_numeric(applied[0]) or not is_numeric(applied[1]):
                continue
            left = _shares(applied, pair, before)
            if left is not None and left <= _MOST_LEFT:
                rated.append((left, len(rated), fix, replace(pair, train=applied[0], serve=applied[1])))
    if not rated:
        return None
    least = min(each[0] for each in rated)
    best = min((each for each in rated if each[0] <= least * (1 + _SAME)), key=lambda each: each[2].cost)
    rivals = [
        each
        for each in rated
        if each[2].id != best[2].id and each[0] < 2 * best[0] and not _are_equal(each[3], best[3])
    ]
    equals = [each[2] for each in rated if _are_equal(each[3], best[3])]
    return None if rivals else (_with_ties(best[2], equals), best[3])


def _are_equal(one: Pair, other: Pair) -> bool:
    return agree(one.train, other.train) and agree(one.serve, other.serve)


def _shares(applied: tuple[Array, Array], pair: Pair, before: Distance) -> float | None:
    """Return the larger share of the difference left in a half of the samples; None for constants."""
    if before.relative == 0 or np.ptp(numbers(applied[0])) == 0 or np.ptp(numbers(applied[1])) == 0:
        return None
    halves = (slice(0, None, 2), slice(1, None, 2)) if len(pair.train) > 1 else (slice(None),)
    worst = 0.0
    for half in halves:
        apart = distance(pair.train[half], pair.serve[half]).relative
        if apart > 0:
            worst = max(worst, distance(applied[0][half], applied[1][half]).relative / apart)
    return worst


def proposals(pair: Pair, families: Sequence[Propose] = _FAMILIES) -> Iterator[Fix]:
    """Yield everything that may differ between the two."""
    for propose in families:
        yield from propose(pair)


def _single(pair: Pair, before: Distance, families: Sequence[Propose] = _FAMILIES) -> Chain | None:
    """Return the cheapest proven correction, with the others that are proven and nearly as cheap."""
    proven: list[tuple[Fix, Distance]] = []
    least = np.inf
    for fix in proposals(pair, families):
        pair.check_time("corrections without the raw input")
        if fix.cost < least or (fix.cost <= least + _NEARLY and fix.cost < FITTED):
            after = is_proven(fix, pair, before)
            if after is not None:
                proven.append((fix, after))
                least = min(least, fix.cost)
    if not proven:
        return None
    best, after = min(proven, key=lambda each: each[0].cost)
    return Chain((_with_ties(best, [fix for fix, _ in proven if fix.cost <= least + _NEARLY]),), after)


def _with_ties(best: Fix, others: Sequence[Fix]) -> Fix:
    """Return a correction that names the others of another meaning, and what would tell them apart."""
    of_id = {fix.id: fix.title for fix in sorted(others, key=lambda fix: -fix.cost) if fix.cost < FITTED}
    titles = [title for name, title in sorted(of_id.items()) if name != best.id]
    if not titles or best.cost >= FITTED:
        return best
    ids = {best.id, *(fix.id for fix in others)}
    experiment = next((words for known, words in _EXPERIMENTS if ids & known), _OTHERWISE)
    return replace(best, ties=(*best.ties, *titles), experiment=best.experiment or experiment)


def _after(firsts: tuple[Fix, ...], opened: Pair, before: Distance) -> Chain | None:
    # The remaining difference is measured against the original one, so both steps together are worth it.
    last = _single(opened, distance(opened.train, opened.serve), _LAST)
    if last is None or last.after.relative > 0.25 * before.relative:
        return None
    return Chain((*firsts, *last.fixes), last.after)


def _openers(pair: Pair, families: Sequence[Propose] = _OPENING) -> Iterator[tuple[Fix, Pair, bool]]:
    """Yield first steps, their results, and whether the sides then correlate; the best first."""
    rated = []
    for fix in (each for propose in families for each in propose(pair)):
        applied = applied_to(fix, pair) if fix.opens else None
        if applied is None or applied[0].shape != applied[1].shape or applied[0].size * 2 < pair.train.size:
            continue
        opened = replace(pair, train=applied[0], serve=applied[1])
        numeric = is_numeric(opened.train) and is_numeric(opened.serve)
        rated.append((follows(*applied) if numeric else 1.0, fix, opened))
    rated.sort(key=lambda item: -item[0])
    for closely, fix, opened in rated[:_OPENERS]:
        yield fix, opened, closely >= _FOLLOWS


def _better(one: Chain | None, other: Chain | None) -> Chain | None:
    if one is None or other is None:
        return one or other
    return other if other.cost < one.cost else one
