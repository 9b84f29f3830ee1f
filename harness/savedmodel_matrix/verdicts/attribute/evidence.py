"""What an explanation rests on, one line each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.verdicts.attribute.explanation import Kind
from savedmodel_matrix.verdicts.attribute.factors import UNKNOWN
from savedmodel_matrix.verdicts.attribute.words import bundled, listed, steps, these, with_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.attribute.explanation import CounterExample, Explanation, FactorSet

#: Sets beyond this number are counted: a matrix that leaves more open says nothing by naming them all.
_MOST_SETS = 6


def evidence(explanation: Explanation[Any]) -> list[str]:
    """Return what the explanation rests on and leaves open, a line each, none ending in a full stop."""
    return [*_size(explanation), *_sets(explanation), *_aliases(explanation), *_against(explanation)]


def _size(explanation: Explanation[Any]) -> Iterator[str]:
    cells = sum(len(group) for group in explanation.groups)
    varied = [f"{bundled(bundle.factors)} ({bundle.values} values)" for bundle in explanation.bundles]
    text = f"{_count(cells, 'cell')} in {_count(len(explanation.groups), 'group')}"
    yield f"{text}; varied: {', '.join(varied) if varied else 'nothing'}"


def _sets(explanation: Explanation[Any]) -> Iterator[str]:
    for found in explanation.sets[:_MOST_SETS]:
        names = listed(found.factors, "and")
        decide = "decides" if len(found.factors) == 1 else "decide"
        if (found,) != explanation.smallest:
            decide = "could decide" if found in explanation.smallest else "could also decide"
        yield f"{names} {decide} the group of every cell, by {found.combinations} combinations of values"
        if found.vacuous:
            yield f"no two cells agree on {names}, so any grouping would be explained by it"
        if found in explanation.smallest:
            yield from _followers(explanation, found)
            yield from _details(found)
    if len(explanation.sets) > _MOST_SETS:
        yield f"{len(explanation.sets) - _MOST_SETS} more sets of factors could also decide it"
    if explanation.exhausted:
        yield "the search ended at its limits: other sets of factors may decide it as well"


def _followers(explanation: Explanation[Any], found: FactorSet) -> Iterator[str]:
    """Yield what a set may have been taken for; nothing confirms a vacuous set in the first place."""
    rivals = {name for each in explanation.smallest for name in each.factors}
    followers = [name for name in found.followers if name not in rivals]
    if followers and not found.vacuous:
        kept = f"{listed(found.factors, 'and')} stayed the same"
        yield f"{listed(followers, 'and')} never varied while {kept}: part of the change may be theirs"


def _details(found: FactorSet) -> Iterator[str]:
    for rule in found.rules:
        text = f"{rule.factor} matters where {rule.condition} is {these(rule.matters)}"
        text += f", not where it is {these(rule.idle)}"
        yield text + (f"; untested where it is {these(rule.untested)}" if rule.untested else "")
    by_condition = defaultdict(list)
    for step in found.changes:
        by_condition[step.where].append(step)
    for where, changes in by_condition.items():
        text = f"over {changes[0].factor} the group changes {steps(changes)}"
        yield text + (f", where {where[0]} is {where[1]}" if where else "")


def _aliases(explanation: Explanation[Any]) -> Iterator[str]:
    """Yield the bundles that some set has part in; of others it does not matter which factor it is."""
    used = {name for found in explanation.sets for name in found.factors}
    for bundle in explanation.bundles:
        if bundle.primary in used and len(bundle.factors) > 1:
            names = listed(bundle.factors, "and")
            yield f"this matrix cannot tell {names} apart: they change together in every cell"


def _against(explanation: Explanation[Any]) -> Iterator[str]:
    for example in explanation.counter_examples:
        if explanation.kind is Kind.UNEXPLAINED:
            yield f"not all factors together: {example.a} and {example.b} agree in each and differ"
        else:
            yield f"not {_rejected(explanation, example)}"
        unknown = [
            name for name, value in zip(example.factors, example.values, strict=True) if value == UNKNOWN
        ]
        if unknown:
            yield f"of these two cells {listed(unknown, 'and')} is not known: it may have been different"


def _rejected(explanation: Explanation[Any], example: CounterExample[Any]) -> str:
    names = [bundled(explanation.bundle(name).factors) for name in example.factors]
    shared = with_values(example.factors, example.values)
    return f"{listed(names, 'and')} alone: {example.a} and {example.b} both have {shared} and differ"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
