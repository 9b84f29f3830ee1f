"""What ``explain`` finds, as types."""

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
    """All cells are alike, or there is only one."""
    EXPLAINED = "explained"
    """One smallest set of factors decides the group of every cell."""
    AMBIGUOUS = "ambiguous"
    """Several equally small sets would each do."""
    UNEXPLAINED = "unexplained"
    """Two cells agree in every factor and are in different groups."""


@dataclass(frozen=True)
class Bundle:
    """Factors that split the cells in the same way, so that the matrix cannot tell them apart.

    ``factors`` are their names in the fixed order; most bundles hold one. ``values`` counts its values.
    """

    factors: tuple[str, ...]
    values: int

    @property
    def primary(self) -> str:
        """The factor that stands for all of them everywhere else in an explanation."""
        return self.factors[0]


@dataclass(frozen=True)
class CounterExample(Generic[Cell]):
    """Why ``factors`` (names of primaries) do not explain the groups.

    Cells ``a`` and ``b`` both have ``values`` of them, in their order, and are in different groups.
    """

    factors: tuple[str, ...]
    values: tuple[str, ...]
    a: Cell
    b: Cell


@dataclass(frozen=True)
class Rule:
    """``factor`` matters only where ``condition`` has certain values.

    ``matters``: the values with which cells that differ in ``factor`` alone, of its set, were seen to
    differ; ``idle``: those with which such cells were seen and were all alike; ``untested``: those with
    which there were no such cells. The first two are never empty.
    """

    factor: str
    condition: str
    matters: tuple[str, ...]
    idle: tuple[str, ...]
    untested: tuple[str, ...]


@dataclass(frozen=True)
class ChangePoint:
    """The group changes between two neighbouring values of a factor whose values have an order.

    ``where`` is ``(factor, value)`` of the other factor of the set, or None where there is no other.
    """

    factor: str
    before: str
    after: str
    where: tuple[str, str] | None = None


@dataclass(frozen=True)
class FactorSet:
    """A minimal set: cells that agree on ``factors`` always share a group, and no part of it will do.

    - ``combinations``: how many different values of the whole set there are.
    - ``vacuous``: no two cells agree on it, so that any grouping would be "explained".
    - ``followers``: primaries that never varied while the set stayed the same, so that some of what the
      set seems to do may be theirs.
    - ``alike``: of a set of one factor, its values, those of one group together; else empty.
    - ``rules``, ``changes``: empty where nothing of the kind holds, and ``changes`` where there are many
      that need a second factor.
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
    """What explains the groups of one case's cells. Equal for the same cells in any order.

    - ``groups``: the cells by group, all in the order of their texts.
    - ``bundles``: the factors that vary, in the fixed order.
    - ``sets``: the minimal sets that were found, smaller ones first, then in the fixed order of factors.
    - ``counter_examples``: of every single factor that does not explain the groups, and of the first set
      less any one of its factors; of an unexplained grouping only the one of all factors together, which
      serves for each of them.
    - ``exhausted``: the search ended at its limits, so that there may be other minimal sets.
    """

    kind: Kind
    groups: tuple[tuple[Cell, ...], ...]
    bundles: tuple[Bundle, ...]
    sets: tuple[FactorSet, ...] = ()
    counter_examples: tuple[CounterExample[Cell], ...] = ()
    exhausted: bool = False

    @property
    def smallest(self) -> tuple[FactorSet, ...]:
        """The minimal sets with the fewest factors: more than one where the kind is ambiguous."""
        return tuple(found for found in self.sets if len(found.factors) == len(self.sets[0].factors))

    @property
    def vacuous(self) -> bool:
        """Whether there are smallest sets and no two cells agree on any of them: nothing confirms them."""
        return bool(self.sets) and all(found.vacuous for found in self.smallest)

    def bundle(self, primary: str) -> Bundle:
        """Return the bundle that ``primary`` stands for; raises KeyError if it stands for none."""
        for bundle in self.bundles:
            if bundle.primary == primary:
                return bundle
        raise KeyError(primary)
