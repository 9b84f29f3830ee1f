"""Suggests additional cells that would decide between explanations that both fit this matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple

from savedmodel_matrix.verdicts.attribute.explanation import Cell
from savedmodel_matrix.verdicts.attribute.names import UNKNOWN, is_any_package, value_in
from savedmodel_matrix.verdicts.attribute.table import in_order

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from savedmodel_matrix.verdicts.attribute.explanation import Explanation

#: Factors that a matrix can change while everything else stays the same.
SETTABLE = (
    *("Python", "oneDNN", "XLA", "Grappler", "intra-op threads", "inter-op threads", "oneDNN ISA cap"),
    *("Keras", "tf-keras", "NumPy", "protobuf", "h5py"),
)


@dataclass(frozen=True)
class Proposal(Generic[Cell]):
    """One cell to add: like ``base``, but with ``change`` (factor -> a value seen in another cell).

    ``separates`` are two explanations that both fit so far, each one factor's name or several joined by
    "and". They predict different groups for the new cell.
    """

    base: Cell
    change: Mapping[str, str]
    separates: tuple[str, str]


class _Hypotheses(NamedTuple):
    """Two sets of factors that both determine the group of every cell, and their distinguishing names."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    names: tuple[str, str]


def proposals(
    explanation: Explanation[Cell], factors: Mapping[Cell, Mapping[str, str]], *, most: int = 3
) -> list[Proposal[Cell]]:
    """Return cells that would separate the aliases in the smallest sets, and these sets from each other.

    ``factors`` are those that the explanation was made from; KeyError if a cell is missing. There are at most
    ``most`` proposals per pair. Proposals whose new value is closest to the old one come first: they are the
    most likely to exist for the same TensorFlow, which is not checked here. A pair has no proposals if no
    factor can be set alone.
    """
    found = []
    for pair in _pairs(explanation):
        different: dict[Hashable, Proposal[Cell]] = {}
        for _, proposal in sorted(_candidates(explanation, factors, pair), key=lambda item: item[0]):
            # Cells that differ only in factors that neither hypothesis names would be the same experiment.
            names = (*pair.first, *pair.second, *proposal.change)
            experiment = (_values(factors[proposal.base], names), *proposal.change.items())
            different.setdefault(experiment, proposal)
        found += list(different.values())[:most]
    return found


def _pairs(explanation: Explanation[Cell]) -> Iterator[_Hypotheses]:
    """Yield pairs: the first of the smallest sets with each other one, and each set with its aliases."""
    for index, found in enumerate(explanation.smallest):
        for primary in found.factors:
            for other in explanation.bundle(primary).factors[1:]:
                if is_any_package(other):
                    continue  # they are many, and a matrix that separates them all is too large to be useful
                renamed = tuple(other if name == primary else name for name in found.factors)
                yield _Hypotheses(found.factors, renamed, (primary, other))
        if index:
            first = explanation.smallest[0].factors
            yield _Hypotheses(first, found.factors, (" and ".join(first), " and ".join(found.factors)))


def _candidates(
    explanation: Explanation[Cell], factors: Mapping[Cell, Mapping[str, str]], pair: _Hypotheses
) -> Iterator[tuple[int, Proposal[Cell]]]:
    """Yield every cell for which the two predict different groups, and the distance between its values."""
    group_of = {cell: number for number, group in enumerate(explanation.groups) for cell in group}
    cells = sorted(group_of, key=lambda cell: (str(cell), repr(cell)))
    predicted: list[dict[tuple[str, ...], int]] = [
        {_values(factors[cell], names): group_of[cell] for cell in cells} for names in pair[:2]
    ]
    for factor in SETTABLE:
        if (factor in pair.first) == (factor in pair.second):
            continue  # both hypotheses would follow the change, or neither
        values = in_order(factor, (value_in(factors[cell], factor) for cell in cells))
        for cell in cells:
            old = value_in(factors[cell], factor)
            for value in values:
                if not (_can_set(factor, old) and _can_set(factor, value)):
                    continue
                changed = {**factors[cell], factor: value}
                one, other = (
                    groups.get(_values(changed, names))
                    for groups, names in zip(predicted, pair[:2], strict=True)
                )
                if one is not None and other is not None and one != other:
                    distance = abs(values.index(value) - values.index(old))
                    yield distance, Proposal(cell, {factor: value}, pair.names)


def _values(factors: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value_in(factors, name) for name in names)


def _can_set(factor: str, value: str) -> bool:
    """Whether a matrix can ask for this value; not if it is unknown or built into TensorFlow."""
    return value != UNKNOWN and (factor != "Keras" or value.startswith("keras "))
