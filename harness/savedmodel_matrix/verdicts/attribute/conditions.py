"""Details of an explaining set of factors: where a factor matters, and at which step."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.attribute.explanation import Cell, ChangePoint, Rule
from savedmodel_matrix.verdicts.attribute.table import in_order, is_ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from savedmodel_matrix.verdicts.attribute.table import Table

#: More steps than this, over the values of a second factor, are left out: they would read like a table.
_MOST_CONDITIONAL_CHANGES = 6


def alike(table: Table[Cell], chosen: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the values of a single factor, grouped by their result; for larger sets, nothing."""
    if len(chosen) != 1:
        return ()
    together: dict[int, list[str]] = {}
    for value, rows in table.rows_by(chosen[0]).items():
        together.setdefault(table.group[rows[0]], []).append(value)
    return tuple(tuple(values) for values in together.values())


def rules(table: Table[Cell], chosen: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules that a factor of the set matters only for some values of another factor.

    Cells must show that the factor does not matter for a value: they agree on the rest of the set, differ in
    the factor, and are in the same group. Otherwise one cell per value would prove anything.
    """
    found = []
    for factor, condition in permutations(chosen, 2):
        rest = [name for name in chosen if name not in (factor, condition)]
        matters, idle, untested = [], [], []
        for value, rows in table.rows_by(condition).items():
            if table.clash(rest, rows):
                matters.append(value)
            elif _varies(table, factor, rest, rows):
                idle.append(value)
            else:
                untested.append(value)
        if matters and idle:
            found.append(Rule(factor, condition, tuple(matters), tuple(idle), tuple(untested)))
    return tuple(found)


def changes(table: Table[Cell], chosen: Sequence[str]) -> tuple[ChangePoint, ...]:
    """Return the steps at which the group changes along the first ordered factor of the set.

    Only for a set of one or two factors, and only if every group is one run of neighbouring values (for each
    value of the second factor, if there is one). If a group recurs, there are no meaningful steps.
    """
    factor = next((name for name in chosen if is_ordered(name, table.columns[name])), None)
    if factor is None or len(chosen) > 2:
        return ()
    others = [name for name in chosen if name != factor]
    if not others:
        return _steps(table, factor, range(len(table.cells)), None) or ()
    found: list[ChangePoint] = []
    for value, rows in table.rows_by(others[0]).items():
        steps = _steps(table, factor, rows, (others[0], value))
        if steps is None:
            return ()
        found += steps
    return tuple(found) if len(found) <= _MOST_CONDITIONAL_CHANGES else ()


def _varies(table: Table[Cell], factor: str, rest: Sequence[str], rows: Iterable[int]) -> bool:
    """Whether two of the cells agree on ``rest`` and differ in ``factor``."""
    first: dict[tuple[str, ...], str] = {}
    keys, column = table.keys(rest), table.columns[factor]
    return any(first.setdefault(keys[row], column[row]) != column[row] for row in rows)


def _steps(
    table: Table[Cell], factor: str, rows: Iterable[int], where: tuple[str, str] | None
) -> tuple[ChangePoint, ...] | None:
    """Return the steps among ``rows``, in which the factor determines the group; None if a group recurs."""
    column = table.columns[factor]
    group_of = {column[row]: table.group[row] for row in rows}
    values = in_order(factor, group_of)
    found = tuple(
        ChangePoint(factor, before, after, where)
        for before, after in pairwise(values)
        if group_of[before] != group_of[after]
    )
    return found if len(found) == len(set(group_of.values())) - 1 else None
