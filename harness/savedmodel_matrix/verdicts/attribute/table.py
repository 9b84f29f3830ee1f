"""Cells by factors: the lookup table of the search and of the texts about its results."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Generic

from packaging.version import InvalidVersion, Version

from savedmodel_matrix.verdicts.attribute.explanation import Bundle, Cell
from savedmodel_matrix.verdicts.attribute.names import is_package, rank, told_by, value_in

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

#: Factors, besides packages, whose values have an order. Others may look like numbers without being any:
#: digests, "v1".
_ORDERED = {
    *("TensorFlow", "Python", "Python release", "CUDA", "cuDNN", "GPU driver"),
    *("intra-op threads", "inter-op threads", "usable CPUs", "time limit", "memory limit"),
}


class Table(Generic[Cell]):
    """The cells of one case: the factors that vary, and the number of each cell's group.

    Cells, and therefore groups, are sorted by their texts, so that nothing depends on the order of the input.
    Factors that are the same in every cell are left out. If several factors split the cells in the same way,
    only the first, in the fixed order, has a column. One that another factor tells has no name beside it;
    ``told`` has the column that tells each column without a name of its own.
    """

    def __init__(self, factors: Mapping[Cell, Mapping[str, str]], groups: Mapping[Cell, Hashable]) -> None:
        self.cells: tuple[Cell, ...] = tuple(sorted(groups, key=lambda cell: (str(cell), repr(cell))))
        numbers: dict[Hashable, int] = {}
        self.group = [numbers.setdefault(groups[cell], len(numbers)) for cell in self.cells]
        columns: dict[str, tuple[str, ...]] = {}
        alike: dict[tuple[int, ...], list[str]] = {}
        names = {name for cell in self.cells for name in factors[cell]}
        for name in sorted(names, key=rank):
            columns[name] = tuple(value_in(factors[cell], name) for cell in self.cells)
            if max(parts := split(columns[name])) > 0:
                alike.setdefault(parts, []).append(name)
        named = {parts: _not_told(together) for parts, together in alike.items()}
        self.bundles = tuple(
            sorted(
                (Bundle(tuple(together), max(parts) + 1) for parts, together in named.items()),
                key=lambda bundle: rank(bundle.primary),
            )
        )
        self.columns = {bundle.primary: columns[bundle.primary] for bundle in self.bundles}
        place = {name: bundle.primary for bundle in self.bundles for name in bundle.factors}
        self.told: dict[str, str] = {}
        for bundle in self.bundles:
            tellers = [place.get(told_by(name) or "") for name in bundle.factors]
            if tellers[0] is not None and None not in tellers:
                self.told[bundle.primary] = tellers[0]

    @property
    def grouped(self) -> tuple[tuple[Cell, ...], ...]:
        """The cells, group by group."""
        found: dict[int, list[Cell]] = defaultdict(list)
        for cell, group in zip(self.cells, self.group, strict=True):
            found[group].append(cell)
        return tuple(tuple(cells) for cells in found.values())

    def keys(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the values of the named columns, cell by cell."""
        if not names:
            return [()] * len(self.cells)
        return list(zip(*(self.columns[name] for name in names), strict=True))

    def clash(self, names: Sequence[str], rows: Iterable[int] | None = None) -> tuple[int, int] | None:
        """Return the numbers of two cells that agree on ``names`` but are in different groups, or None.

        Searches all cells, or those numbered in ``rows``. None means that ``names`` decide the group.
        """
        keys = self.keys(names)
        first: dict[tuple[str, ...], int] = {}
        for row in range(len(self.cells)) if rows is None else rows:
            other = first.setdefault(keys[row], row)
            if self.group[other] != self.group[row]:
                return other, row
        return None

    def decides(self, names: Sequence[str], follower: str) -> bool:
        """Whether cells that agree on ``names`` always agree on ``follower`` too."""
        column = self.columns[follower]
        first: dict[tuple[str, ...], str] = {}
        return all(
            first.setdefault(key, value) == value for key, value in zip(self.keys(names), column, strict=True)
        )

    def rows_by(self, name: str) -> dict[str, list[int]]:
        """Return the numbers of the cells by their value of one column, the values sorted."""
        found: dict[str, list[int]] = defaultdict(list)
        for row, value in enumerate(self.columns[name]):
            found[value].append(row)
        return {value: found[value] for value in in_order(name, found)}


def split(column: Sequence[str | None]) -> tuple[int, ...]:
    """Return the number of each cell's value: equal for columns that split the cells in the same way."""
    first: dict[str | None, int] = {}
    return tuple(first.setdefault(value, len(first)) for value in column)


def _not_told(names: Sequence[str]) -> list[str]:
    """Return the names without those that another one of them tells."""
    return [name for name in names if told_by(name) not in names]


def is_ordered(name: str, values: Iterable[str]) -> bool:
    """Whether these values of a factor have an order: versions of one thing or counts, and none "unknown"."""
    values = list(values)
    things = {value.rpartition(" ")[0] for value in values}  # "keras" of "keras 3.15.1"
    return (
        (name in _ORDERED or is_package(name))
        and len(things) == 1
        and all(_version(value) is not None for value in values)
    )


def in_order(name: str, values: Iterable[str]) -> list[str]:
    """Return the values of a factor sorted: versions in order, other values as texts with "on" first."""
    values = set(values)
    if is_ordered(name, values):
        return sorted(values, key=lambda value: (_version(value), value))
    return sorted(values, key=lambda value: (value != "on", value))


def _version(value: str) -> Version | None:
    try:
        return Version(value.rpartition(" ")[2])
    except InvalidVersion:
        return None
