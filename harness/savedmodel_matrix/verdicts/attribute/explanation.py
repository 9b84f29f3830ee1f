"""The types that ``explain`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Cell = TypeVar("Cell", bound="Hashable")


class Kind(StrEnum):
    """How far the recorded factors explain the groups."""

    ONE_GROUP = "one group"
    """All cells are in one group, or there is only one cell."""
    EXPLAINED = "explained"
    """One smallest set of factors decides the group of every cell."""
    AMBIGUOUS = "ambiguous"
    """Several equally small sets would each explain the groups."""
    UNEXPLAINED = "unexplained"
    """Two cells agree in every factor but are in different groups."""


@dataclass(frozen=True)
class Bundle:
    """Factors that split the cells in the same way, so that this matrix cannot tell them apart.

    ``factors`` are their names in the fixed order; most bundles hold one. ``values`` is the number of values.
    """

    factors: tuple[str, ...]
    values: int

    @property
    def primary(self) -> str:
        """The factor that stands for the whole bundle elsewhere in an explanation."""
        return self.factors[0]


@dataclass(frozen=True)
class CounterExample(Generic[Cell]):
    """Why ``factors`` (names of primaries) do not explain the groups.

    Cells ``a`` and ``b`` both have ``values`` of these factors, in order, but are in different groups.
    """

    factors: tuple[str, ...]
    values: tuple[str, ...]
    a: Cell
    b: Cell


@dataclass(frozen=True)
class Rule:
    """``factor`` matters only for certain values of ``condition``.

    The evidence is pairs of cells that differ in ``factor`` but agree on the rest of its set. ``matters``:
    values with such pairs in different groups. ``idle``: values whose pairs are all in the same group.
    ``untested``: values without such pairs. The first two are never empty.
    """

    factor: str
    condition: str
    matters: tuple[str, ...]
    idle: tuple[str, ...]
    untested: tuple[str, ...]


@dataclass(frozen=True)
class ChangePoint:
    """The group changes between two neighbouring values of a factor whose values have an order.

    ``where`` is ``(factor, value)`` of the other factor of the set, or None if there is no other.
    """

    factor: str
    before: str
    after: str
    where: tuple[str, str] | None = None


@dataclass(frozen=True)
class FactorSet:
    """A minimal set: cells that agree on ``factors`` always share a group, and no smaller part explains it.

    - ``combinations``: the number of distinct values of the whole set.
    - ``vacuous``: no two cells agree on it, so that any grouping would be "explained".
    - ``followers``: primaries that never vary while the set stays the same, so that part of the set's effect
      may be theirs.
    - ``alike``: for a set of one factor, its values by group; otherwise empty.
    - ``rules``, ``changes``: empty if there are none; ``changes`` also if many of them need a second factor.
    """

    factors: tuple[str, ...]
    combinations: int
    vacuous: bool
    followers: tuple[str, ...]
    alike: tuple[tuple[str, ...], ...]
    rules: tuple[Rule, ...]
    changes: tuple[ChangePoint, ...]


@dataclass(frozen=True)
class Explanation(Generic[Cell]):
    """The explanation of the groups of one case's cells. The order of the cells does not matter.

    - ``groups``: the cells by group, sorted by their texts.
    - ``bundles``: the factors that vary, in the fixed order.
    - ``sets``: the minimal sets found, smaller ones first, then in the fixed order of factors.
    - ``counter_examples``: one for every single factor that does not explain the groups, and for the first
      set without each one of its factors; for an unexplained grouping, only one for all factors together.
    - ``exhausted``: the search ended at its limits, so there may be other minimal sets.
    - ``unseen``: names of factors that only some of the cells report, which may matter too.
    """

    kind: Kind
    groups: tuple[tuple[Cell, ...], ...]
    bundles: tuple[Bundle, ...]
    sets: tuple[FactorSet, ...] = ()
    counter_examples: tuple[CounterExample[Cell], ...] = ()
    exhausted: bool = False
    unseen: tuple[str, ...] = ()

    @property
    def smallest(self) -> tuple[FactorSet, ...]:
        """The minimal sets with the fewest factors: more than one if the kind is ambiguous."""
        return tuple(found for found in self.sets if len(found.factors) == len(self.sets[0].factors))

    @property
    def vacuous(self) -> bool:
        """Whether no two cells agree on any of the smallest sets, so that nothing confirms them."""
        return bool(self.sets) and all(found.vacuous for found in self.smallest)

    def bundle(self, primary: str) -> Bundle:
        """Return the bundle of ``primary``; raises KeyError if there is none."""
        for bundle in self.bundles:
            if bundle.primary == primary:
                return bundle
        raise KeyError(primary)
