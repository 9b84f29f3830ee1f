"""Finds the minimal sets of factors that decide the group of a cell, by trying all sets, smallest first."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.attribute.conditions import alike, changes, rules
from savedmodel_matrix.verdicts.attribute.explanation import (
    Cell,
    CounterExample,
    Explanation,
    FactorSet,
    Kind,
)
from savedmodel_matrix.verdicts.attribute.names import is_any_package, is_set
from savedmodel_matrix.verdicts.attribute.table import Table

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

#: Nobody can act on a set of five factors.
LARGEST_SET = 4
#: Larger sets use the first factors only: 30 make 4,060 sets of three, and 12 make 495 sets of four.
MOST_FACTORS = {3: 30, 4: 12}
#: Sets that are larger than the smallest ones are rivals at best, and use these first factors only. Packages
#: that nearly all move with TensorFlow would make many sets that say no more than its name.
MOST_RIVALS = 12
#: More sets than this of one size are not told apart: a longer list would not help anybody.
MOST_SETS = 100


def explain(
    factors: Mapping[Cell, Mapping[str, str]],
    groups: Mapping[Cell, Hashable],
    *,
    unseen: Sequence[str] = (),
) -> Explanation[Cell]:
    """Return the minimal sets of factors that decide the group of every cell.

    ``groups`` maps each cell to a label of its group, such as the name of its class; cells without a label
    count as not recorded. ``factors`` has the factors of at least those cells; a factor that a cell lacks
    counts as "unknown" there. ``unseen`` names factors that may differ, too, but are left out. A set in the
    result is consistent with the data. That does not make it the cause: factors that are the same in every
    cell, or not recorded, are invisible. Raises ValueError if there is no cell, or if one has no factors.
    """
    if not groups:
        raise ValueError("no cell is in a group: there is nothing to explain")
    missing = sorted(str(cell) for cell in groups if cell not in factors)
    if missing:
        raise ValueError(f"no factors are known for {', '.join(missing)}")
    table = Table(factors, groups)
    names = [bundle.primary for bundle in table.bundles]
    if len(table.grouped) == 1:
        return Explanation(Kind.ONE_GROUP, table.grouped, table.bundles, unseen=tuple(unseen))
    if table.clash(names):
        return Explanation(
            Kind.UNEXPLAINED,
            table.grouped,
            table.bundles,
            counter_examples=tuple(_counter_examples(table, [tuple(names)])),
            unseen=tuple(unseen),
        )
    minimal, exhausted = _minimal_sets(table, names)
    found = [_described(table, chosen) for chosen in minimal]
    smallest = [each for each in found if len(each.factors) == len(found[0].factors)]
    # Cells that agree on all but one factor of the set also agree on its smaller parts.
    chosen = found[0].factors
    parts = combinations(chosen, len(chosen) - 1) if len(chosen) > 2 else ()
    rejected = [*((name,) for name in names if name not in table.told), *parts]
    return Explanation(
        Kind.EXPLAINED if len(smallest) == 1 else Kind.AMBIGUOUS,
        table.grouped,
        table.bundles,
        tuple(found),
        tuple(_counter_examples(table, rejected)),
        exhausted,
        tuple(unseen),
    )


def _minimal_sets(table: Table[Cell], names: Sequence[str]) -> tuple[list[tuple[str, ...]], bool]:
    """Return the minimal sets, smaller ones first, and whether the limits may hide others.

    Of sets of one size, those of what the user set come first.
    """
    needed = _needed(table, names)
    if not table.clash(needed):
        return [tuple(needed)], False  # every other set has all of these
    firm = [name for name in names if name not in table.told]
    rivals = [name for name in firm if not is_any_package(name)]
    found: list[tuple[str, ...]] = []
    exhausted = False
    for size in range(1, LARGEST_SET + 1):
        pool = rivals[:MOST_RIVALS] if found else names[: MOST_FACTORS.get(size, len(names))]
        more = list(_sets_of(size, table, names, pool, needed, found))
        more.sort(key=lambda chosen: sum(not is_set(name) for name in chosen))
        exhausted = exhausted or len(more) > MOST_SETS
        found += more[:MOST_SETS]
    if not found:
        # All factors together explain it. Drop one after the other while the rest still does, the least
        # likely cause first. The remaining set is minimal, but maybe not the smallest.
        kept = list(names)
        for name in reversed(names):
            rest = [each for each in kept if each != name]
            if not table.clash(rest):
                kept = rest
        return [tuple(kept)], True
    alone = len(found) == 1 and not table.clash(_needed(table, firm))
    return found, exhausted or (firm != rivals[:MOST_RIVALS] and not alone)


def _needed(table: Table[Cell], names: Sequence[str]) -> list[str]:
    """Return the factors without which the others do not decide the group, so that every set has them."""
    return [name for name in names if table.clash([other for other in names if other != name])]


def _sets_of(
    size: int,
    table: Table[Cell],
    names: Sequence[str],
    pool: Sequence[str],
    needed: Sequence[str],
    found: Sequence[tuple[str, ...]],
) -> Iterator[tuple[str, ...]]:
    """Yield the minimal sets of one size: the needed factors and others of the pool."""
    others = [name for name in pool if name not in needed]
    for chosen in combinations(others, size - len(needed)) if size >= len(needed) else ():
        candidate = tuple(name for name in names if name in {*needed, *chosen})
        if any(set(smaller) <= set(candidate) for smaller in found) or table.clash(candidate):
            continue
        if not any(_is_told(table, candidate, name) for name in candidate):
            yield candidate


def _is_told(table: Table[Cell], candidate: Sequence[str], name: str) -> bool:
    """Whether the factor that tells one of the set explains as much in its place."""
    if name not in table.told:
        return False
    return not table.clash([*(each for each in candidate if each != name), table.told[name]])


def _described(table: Table[Cell], chosen: tuple[str, ...]) -> FactorSet:
    count = len(set(table.keys(chosen)))
    return FactorSet(
        factors=chosen,
        combinations=count,
        vacuous=count == len(table.cells),
        followers=tuple(
            bundle.primary
            for bundle in table.bundles
            if bundle.primary not in chosen and table.decides(chosen, bundle.primary)
        ),
        alike=alike(table, chosen),
        rules=rules(table, chosen),
        changes=changes(table, chosen),
    )


def _counter_examples(
    table: Table[Cell], candidates: Sequence[tuple[str, ...]]
) -> Iterator[CounterExample[Cell]]:
    for names in candidates:
        clash = table.clash(names)
        if clash:
            a, b = clash
            yield CounterExample(names, table.keys(names)[a], table.cells[a], table.cells[b])
