"""Which points of an ordered axis to measure next, to find every place where the answer changes.

Endpoints come first. Where neighbouring answers differ, what lies between them is halved, or measured on
both sides of the place where preflight predicts the change. Where they are equal, what lies between counts
as equal, unless preflight predicts something else there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence


@dataclass(frozen=True)
class Boundary:
    """Two measured neighbours with different answers, by their positions; points between them are unknown."""

    before: int
    after: int

    @property
    def is_exact(self) -> bool:
        """Whether nothing that could be measured lies between."""
        return self.after - self.before == 1

    @property
    def runs_left(self) -> int:
        """Return how many more points halving takes, at most."""
        return ceil(log2(self.after - self.before))


def boundaries(known: Mapping[int, Hashable], same: Callable[[int, int], bool]) -> list[Boundary]:
    """Return where the answer changes between measured neighbours, in order.

    ``known`` has the measured positions. ``same`` compares the answers of two of them.
    """
    return [Boundary(a, b) for a, b in pairwise(sorted(known)) if not same(a, b)]


def next_points(
    points: int,
    known: Mapping[int, Hashable],
    same: Callable[[int, int], bool],
    predicted: Sequence[Hashable] | None = None,
) -> list[int]:
    """Return the positions to measure next, in order; none if every change of the answer is found.

    ``points`` is the number of positions on the axis; those that cannot be measured are no points.
    ``predicted`` has what preflight predicts for each.
    """
    if missing := sorted({0, points - 1} - known.keys()):
        return missing
    found: set[int] = set()
    for a, b in pairwise(sorted(known)):
        if b - a == 1:
            continue
        between = range(a + 1, b)
        if same(a, b):
            if predicted is not None:
                found.update(_unlike(between, predicted, {predicted[a], predicted[b]}))
            continue
        changes = (
            [] if predicted is None else [at for at in range(a, b) if predicted[at] != predicted[at + 1]]
        )
        if changes:
            # One on each side of the first predicted change, as far as they are not measured yet.
            found.update({changes[0], changes[0] + 1} & set(between))
        else:
            found.add((a + b) // 2)
    return sorted(found)


def _unlike(between: Sequence[int], predicted: Sequence[Hashable], usual: set[Hashable]) -> list[int]:
    """Return the first position with an unusual prediction, if there is one."""
    return next(([at] for at in between if predicted[at] not in usual), [])
