"""Pairwise cover: a few of the runnable cells in which every pair of values of two axes occurs.

The cells themselves determine which pairs can occur, not rules, because wheels, exclusions and multiple
blocks leave arbitrary holes. This is a set cover problem, and a greedy solution is close to optimal: of
15 × 6 × 2^5 = 2,880 cells it keeps 90, the minimum, and on no full product tried did it keep more than the
library covertable 3.2. Nothing is random, so every machine chooses the same cells. Plain Python: importing
NumPy alone takes longer than covering 3,000 cells.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING
from zlib import crc32

from savedmodel_matrix.domain.wording import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.environment import Environment

#: The axes of a cell: those of its environment, then its setting.
AXES = ("tensorflow", "python", "build", "resolve", "requirements", "beside", "setting")

LEFT_OUT = "left out by the pairwise cover"

#: With fewer varying axes, every cell is the only one in which its pair of values occurs.
_FEWEST_AXES = 3

#: Orders to try, unless an earlier one already reaches the smallest possible number of rows.
_TRIES = 3

#: If more pairs than this never occur, the rest are counted instead of named.
_MOST_NAMED = 3

Row = tuple[str, ...]


@dataclass(frozen=True)
class Cover:
    """The cells that are kept, and remarks for the user."""

    kept: frozenset[CellId]
    remarks: tuple[str, ...]


def pairwise(
    cells: Mapping[CellId, frozenset[str]],
    environments: Mapping[str, Environment],
    always: Collection[CellId],
    missing: Mapping[CellId, str],
) -> Cover:
    """Choose among ``cells``, each with the cases it runs, so that all pairs occur for every case.

    The cells in ``always`` are always kept. ``missing`` holds the cells that cannot run, with the reason.
    """
    rows = {cell: _row(environments[cell.environment], cell.setting) for cell in [*cells, *missing]}
    names = list(cells)
    table = [rows[cell] for cell in names]
    firm = {index for index, cell in enumerate(names) if cell in always}
    chosen = choose(table, list(cells.values()), firm)
    kept = frozenset(names[index] for index in chosen)
    if len(kept) == len(cells):
        return Cover(kept, (f"cover: all {len(cells)} cells that can run are needed to cover every pair",))
    varying = _varying(table)
    triples = _meetings(table, varying, 3)
    open_triples = len(triples) - len(_meetings([table[index] for index in chosen], varying, 3))
    remark = (
        f"cover: {len(kept)} of the {len(cells)} cells that can run are kept; every pair of values of two "
        f"axes runs together at least once; {open_triples} of {len(triples)} combinations of three axes "
        "do not run"
    )
    never = _never_meet(table, varying, {rows[cell]: reason for cell, reason in missing.items()})
    return Cover(kept, (remark, *never))


def choose(rows: Sequence[Row], cases: Sequence[frozenset[str]], always: Collection[int] = ()) -> list[int]:
    """Return the indices of a few rows that contain, for each case, every pair of values in the case's rows.

    Rows are distinct. Except for those in ``always``, no row is redundant. Of several candidates, one is
    preferred that shares all values but the last with a row already taken: another setting costs less than
    another environment.
    """
    varying = _varying(rows)
    if len(varying) < _FEWEST_AXES:
        return list(range(len(rows)))
    covers, count = _pairs(rows, cases, varying)
    fewest = max(len(_meetings(rows, pair, 2)) for pair in combinations(varying, 2))
    best: list[int] = []
    for order in _orders(rows):
        problem = _Problem([covers[at] for at in order], count, [rows[at][:-1] for at in order])
        firm = {at for at, index in enumerate(order) if index in always}
        found = [order[at] for at in problem.without_superfluous(problem.greedy(firm), firm)]
        if not best or _cost(rows, found) < _cost(rows, best):
            best = found
        if len(best) == fewest:
            break
    return sorted(best)


def _orders(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Yield orders to try: ties go to the first row, which is sometimes a bad choice in a sorted product."""
    yield list(range(len(rows)))
    for salt in range(1, _TRIES):
        marks = [crc32(f"{salt}{row}".encode()) for row in rows]
        yield sorted(range(len(rows)), key=marks.__getitem__)


def _cost(rows: Sequence[Row], chosen: Sequence[int]) -> tuple[int, int]:
    return len(chosen), len({rows[index][:-1] for index in chosen})


class _Problem:
    """Rows that cover pairs, numbered below ``count``; rows of one group cost less together."""

    def __init__(self, covers: Sequence[Sequence[int]], count: int, groups: Sequence[Hashable]) -> None:
        self.covers = covers
        self.groups = groups
        self.holders: list[list[int]] = [[] for _ in range(count)]
        for index, pairs in enumerate(covers):
            for pair in pairs:
                self.holders[pair].append(index)

    def greedy(self, always: Collection[int]) -> list[int]:
        """Take the row that covers the most uncovered pairs until all are covered."""
        members: dict[Hashable, list[int]] = {}
        for index, group in enumerate(self.groups):
            members.setdefault(group, []).append(index)
        # Twice the pairs that it would newly cover, plus one if a row of its group is already taken.
        scores = [2 * len(pairs) for pairs in self.covers]
        left = set(range(len(self.holders)))
        taken: list[int] = []

        def take(index: int) -> None:
            taken.append(index)
            for member in members.pop(self.groups[index], ()):
                scores[member] += 1
            for pair in left.intersection(self.covers[index]):
                for holder in self.holders[pair]:
                    scores[holder] -= 2
            left.difference_update(self.covers[index])

        for index in sorted(always):
            take(index)
        while left:
            take(scores.index(max(scores)))
        return taken

    def without_superfluous(self, taken: Sequence[int], always: Collection[int]) -> list[int]:
        """Return the rows that are needed: later rows may together cover an earlier one."""
        times = Counter(pair for index in taken for pair in self.covers[index])
        needed = list(taken)
        for index in reversed(taken):
            if index not in always and all(times[pair] > 1 for pair in self.covers[index]):
                needed.remove(index)
                times.subtract(self.covers[index])
        return needed


def _pairs(
    rows: Sequence[Row], cases: Sequence[frozenset[str]], varying: Sequence[int]
) -> tuple[list[list[int]], int]:
    """Return the numbers of the pairs that each row contains, and the number of pairs.

    A pair counts once per case; cases that run in the same rows count as one.
    """
    everything = sorted(frozenset().union(*cases))
    distinct = {tuple(case in running for running in cases): case for case in everything}
    groups = {running: [each for each in distinct.values() if each in running] for running in set(cases)}
    numbers: dict[Hashable, int] = {}
    covers = [
        [
            numbers.setdefault((pair, case), len(numbers))
            for pair in combinations(codes, 2)
            for case in groups[running]
        ]
        for codes, running in zip(_codes(rows, varying), cases, strict=True)
    ]
    return covers, len(numbers)


def _codes(rows: Sequence[Row], varying: Sequence[int]) -> list[list[int]]:
    """Return the values of the axes as numbers; no number is used for two axes."""
    numbers: dict[tuple[int, str], int] = {}
    return [[numbers.setdefault((axis, row[axis]), len(numbers)) for axis in varying] for row in rows]


def _varying(rows: Sequence[Row]) -> list[int]:
    return [axis for axis, values in enumerate(zip(*rows, strict=True)) if len(set(values)) > 1]


def _meetings(rows: Sequence[Row], varying: Sequence[int], axes: int) -> set[tuple[int, ...]]:
    return {meeting for codes in _codes(rows, varying) for meeting in combinations(codes, axes)}


def _row(environment: Environment, setting: str) -> Row:
    added = [*environment.requirements, *(f"without {name}" for name in environment.without)]
    requirements = " + ".join(added) or "none"
    return (
        environment.tensorflow,
        environment.python,
        str(environment.build),
        environment.resolve,
        requirements,
        " + ".join(environment.beside) or "none",
        setting,
    )


def _never_meet(rows: Sequence[Row], varying: Sequence[int], missing: Mapping[Row, str]) -> list[str]:
    """Return a remark on values that never run together; pairs that the definition asks for come first."""
    meet = {pair for row in rows for pair in _valued(row, varying)}
    reasons = {
        pair: reason for row, reason in reversed(list(missing.items())) for pair in _valued(row, varying)
    }
    values = [dict.fromkeys(row[axis] for row in rows) for axis in varying]
    never = [
        ((first, a), (second, b))
        for (first, ones), (second, others) in combinations(zip(varying, values, strict=True), 2)
        for a in ones
        for b in others
        if ((first, a), (second, b)) not in meet
    ]
    never.sort(key=lambda pair: pair not in reasons)
    named = [
        f"{AXES[second]} {b} never runs with {AXES[first]} {a}: "
        f"{reasons.get(((first, a), (second, b)), 'the definition does not combine them')}"
        for (first, a), (second, b) in never
    ]
    return [f"cover: {listed(named, _MOST_NAMED, '; ')}"] if named else []


def _valued(row: Row, varying: Sequence[int]) -> combinations[tuple[tuple[int, str], tuple[int, str]]]:
    return combinations([(axis, row[axis]) for axis in varying], 2)
