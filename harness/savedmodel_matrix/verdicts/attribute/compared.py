"""The factors of cells that are compared: everything in which they differ, each under one name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.secrets import is_secret, masked
from savedmodel_matrix.verdicts.attribute.explanation import Cell
from savedmodel_matrix.verdicts.attribute.facts import recorded_facts, variable_facts
from savedmodel_matrix.verdicts.attribute.names import (
    ABSENT,
    AS_SET,
    UNKNOWN,
    UNSET,
    package_name,
    rank,
    told_by,
)
from savedmodel_matrix.verdicts.attribute.table import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Name -> value of one factor in every cell, in the order of the cells; None where a cell does not report it.
_Columns = dict[str, tuple[str | None, ...]]


@dataclass(frozen=True)
class Known:
    """What is known of one cell: what the definition sets, what was recorded, and what is installed.

    ``locked`` are the packages of the cell's lock; None if it has none. ``libraries`` are those that the
    cell's stages use.
    """

    options: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    effective: Effective = field(default_factory=Effective)
    locked: Mapping[str, str] | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared(Generic[Cell]):
    """Factor -> value of each cell, and the names of factors that only some of the cells report."""

    factors: Mapping[Cell, Mapping[str, str]]
    unseen: tuple[str, ...] = ()


def compared(cells: Mapping[Cell, Known], *, unknown_is_a_value: bool) -> Compared[Cell]:
    """Return the factors of cells.

    If several sources have a value under one name, it is one factor: what was in effect counts before what is
    installed, and that before what the definition sets. An option that splits the cells otherwise than what
    was in effect is a factor of its own.

    A factor that only some cells report is unknown in the others, or left out and named as unseen: less is
    known of cells that failed, and what they do not report would explain every failure.
    """
    known = list(cells.values())
    found: _Columns = {}
    unseen: _Columns = {}
    for name, column in {**_packages(known), **_in_effect(known)}.items():
        (unseen if None in column else found)[name] = column
    for name, column in _options(known).items():
        effect = found.get(name) or unseen.get(name)
        if effect is not None and not _alike(column, effect):
            found[name + AS_SET] = column
        else:
            found.setdefault(name, column)
    unseen = {
        name: column
        for name, column in unseen.items()
        if name not in found and (unknown_is_a_value or told_by(name) not in found)
    }
    if unknown_is_a_value:
        found, unseen = {**found, **unseen}, {}
    factors = {
        cell: {name: UNKNOWN if column[row] is None else str(column[row]) for name, column in found.items()}
        for row, cell in enumerate(cells)
    }
    return Compared(factors, tuple(sorted(unseen, key=rank)))


def _alike(option: Sequence[str | None], effect: Sequence[str | None]) -> bool:
    """Whether an option splits the cells that report its effect in the same way as the effect does."""
    pairs = [(set_, found) for set_, found in zip(option, effect, strict=True) if found is not None]
    return split([set_ for set_, _ in pairs]) == split([found for _, found in pairs])


def _in_effect(known: Sequence[Known]) -> _Columns:
    # The recorded value of a secret is masked, so the definition knows more.
    hidden = {name for each in known for name in each.variables if is_secret(name)}
    variables = [
        variable_facts({name: value for name, value in found.variables.items() if name not in hidden})
        if "variables" in (found := each.effective).model_fields_set
        else None
        for each in known
    ]
    facts = [{**each.libraries, **recorded_facts(each.effective)} for each in known]
    return {**_columns(facts), **_columns(variables, UNSET)}


def _packages(known: Sequence[Known]) -> _Columns:
    """Return the packages that the cells report, or if one does not, those of the locks."""
    reported = [
        each.effective.distributions if "distributions" in each.effective.model_fields_set else None
        for each in known
    ]
    locked = [each.locked for each in known]
    return {
        package_name(name): column
        for name, column in _columns(locked if None in reported else reported, ABSENT).items()
    }


def _options(known: Sequence[Known]) -> _Columns:
    return {
        **_columns([each.options for each in known]),
        **_columns([variable_facts(variables) for variables in _hidden(known)], UNSET),
    }


def _hidden(known: Sequence[Known]) -> Iterable[Mapping[str, str]]:
    """Yield the variables that the definition sets; a secret is told by the number of its value."""
    numbers: dict[str, dict[str, int]] = {}
    for each in known:
        shown = masked(each.variables)
        for name in filter(is_secret, shown):
            values = numbers.setdefault(name, {})
            shown[name] += f" ({values.setdefault(each.variables[name], len(values) + 1)})"
        yield shown


def _columns(rows: Sequence[Mapping[str, str] | None], otherwise: str | None = None) -> _Columns:
    """Return the columns of all names; ``otherwise`` is the value that a cell lacks, if it reports any."""
    names = sorted({name for row in rows for name in row or ()})
    return {name: tuple(None if row is None else row.get(name, otherwise) for row in rows) for name in names}
