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
from savedmodel_matrix.verdicts.attribute.table import Table

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

#: Nobody can act on a set of five factors.
LARGEST_SET = 4
#: Sets of four use the first 12 factors only: that makes 495; 25 factors would make 12,650. All smaller sets
#: are tried.
MOST_FACTORS = 12


def explain(factors: Mapping[Cell, Mapping[str, str]], groups: Mapping[Cell, Hashable]) -> Explanation[Cell]:
    """Return the minimal sets of factors that decide the group of every cell.

    ``groups`` maps each cell to a label of its group, such as the name of its class; cells without a label
    count as not recorded. ``factors`` has the factors of at least those cells; a factor that a cell lacks
    counts as "unknown" there. A set in the result is consistent with the data. That does not make it the
    cause: factors that are the same in every cell, or not recorded, are invisible. Raises ValueError if there
    is no cell, or if one has no factors.
    """
    if not groups:
        raise ValueError("no cell is in a group: there is nothing to explain")
    missing = sorted(str(cell) for cell in groups if cell not in factors)
    if missing:
        raise ValueError(f"no factors are known for {', '.join(missing)}")
    table = Table(factors, groups)
    names = [bundle.primary for bundle in table.bundles]
    if len(table.grouped) == 1:
        return Explanation(Kind.ONE_GROUP, table.grouped, table.bundles)
    if table.clash(names):
        return Explanation(
            Kind.UNEXPLAINED,
            table.grouped,
            table.bundles,
            counter_examples=tuple(_counter_examples(table, [tuple(names)])),
        )
    minimal, exhausted = _minimal_sets(table, names)
    found = [_described(table, chosen) for chosen in minimal]
    smallest = [each for each in found if len(each.factors) == len(found[0].factors)]
    # Cells that agree on all but one factor of the set also agree on its smaller parts.
    chosen = found[0].factors
    parts = combinations(chosen, len(chosen) - 1) if len(chosen) > 2 else ()
    rejected = [*((name,) for name in names), *parts]
    return Explanation(
        Kind.EXPLAINED if len(smallest) == 1 else Kind.AMBIGUOUS,
        table.grouped,
        table.bundles,
        tuple(found),
        tuple(_counter_examples(table, rejected)),
        exhausted,
    )


def _minimal_sets(table: Table[Cell], names: Sequence[str]) -> tuple[list[tuple[str, ...]], bool]:
    """Return the minimal sets, smaller ones first, and whether the limits may hide others."""
    found: list[tuple[str, ...]] = []
    for size in range(1, LARGEST_SET + 1):
        for candidate in combinations(names if size < LARGEST_SET else names[:MOST_FACTORS], size):
            if not any(set(smaller) <= set(candidate) for smaller in found) and not table.clash(candidate):
                found.append(candidate)
    if found:
        return found, len(names) > MOST_FACTORS
    # All factors together explain it. Drop one after the other while the rest still does, the least likely
    # cause first. The remaining set is minimal, but maybe not the smallest.
    kept = list(names)
    for name in reversed(names):
        rest = [each for each in kept if each != name]
        if not table.clash(rest):
            kept = rest
    return [tuple(kept)], True


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
