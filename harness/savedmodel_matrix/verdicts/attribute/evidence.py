"""The evidence for an explanation, as lines."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.wording import count, joined, listed
from savedmodel_matrix.verdicts.attribute.explanation import Kind
from savedmodel_matrix.verdicts.attribute.names import UNKNOWN, is_package
from savedmodel_matrix.verdicts.attribute.words import all_of, bundled, steps, these, with_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.attribute.explanation import CounterExample, Explanation, FactorSet

#: More sets than this are counted, not listed: a longer list would not help anybody.
_MOST_SETS = 6
_MOST_BUNDLES = 8
#: The same for packages that are ruled out. Other factors are always listed.
_MOST_PACKAGES = 4


def evidence(explanation: Explanation[Any]) -> list[str]:
    """Return what supports the explanation and what it leaves open, as lines without full stops."""
    return [
        *_size(explanation),
        *_sets(explanation),
        *_aliases(explanation),
        *_unseen(explanation),
        *_against(explanation),
    ]


def _size(explanation: Explanation[Any]) -> Iterator[str]:
    cells = sum(len(group) for group in explanation.groups)
    varied = [f"{bundled(bundle.factors)} ({bundle.values} values)" for bundle in explanation.bundles]
    text = f"{count(cells, 'cell')} in {count(len(explanation.groups), 'group')}"
    yield f"{text}; factors that vary: {listed(varied, _MOST_BUNDLES) if varied else 'none'}"


def _sets(explanation: Explanation[Any]) -> Iterator[str]:
    for found in explanation.sets[:_MOST_SETS]:
        names = joined(found.factors)
        determine = "determines" if len(found.factors) == 1 else "determine"
        if (found,) != explanation.smallest:
            determine = "could determine" if found in explanation.smallest else "could also determine"
        values = count(found.combinations, "value" if len(found.factors) == 1 else "combination")
        yield f"{names} {determine} the group of every cell ({values})"
        if found.vacuous:
            yield f"no two cells have the same {names}, so it would explain any grouping"
        if found in explanation.smallest:
            yield from _followers(explanation, found)
            yield from _details(found)
    if len(explanation.sets) > _MOST_SETS:
        yield f"{len(explanation.sets) - _MOST_SETS} more sets of factors could also determine it"
    if explanation.exhausted:
        yield "the search stopped at its limits; other sets of factors may determine it too"


def _followers(explanation: Explanation[Any], found: FactorSet) -> Iterator[str]:
    """Yield the factors that may cause part of the effect; a vacuous set is not confirmed anyway."""
    rivals = {name for each in explanation.smallest for name in each.factors}
    followers = [name for name in found.followers if name not in rivals]
    if followers and not found.vacuous:
        kept = f"{joined(found.factors)} {'stays' if len(found.factors) == 1 else 'stay'} the same"
        never = "never changes" if len(followers) == 1 else "never change"
        yield f"{all_of(followers)} {never} while {kept}, so part of the effect may come from there"


def _details(found: FactorSet) -> Iterator[str]:
    for rule in found.rules:
        text = f"{rule.factor} matters where {rule.condition} is {these(rule.matters)}"
        text += f", not where it is {these(rule.idle)}"
        yield text + (f"; not tested where it is {these(rule.untested)}" if rule.untested else "")
    by_condition = defaultdict(list)
    for step in found.changes:
        by_condition[step.where].append(step)
    for where, changes in by_condition.items():
        text = f"along {changes[0].factor}, the group changes {steps(changes)}"
        yield text + (f", where {where[0]} is {where[1]}" if where else "")


def _aliases(explanation: Explanation[Any]) -> Iterator[str]:
    """Yield the bundles that a set uses; for other bundles, it does not matter which factor it is."""
    used = {name for found in explanation.sets[:_MOST_SETS] for name in found.factors}
    for bundle in explanation.bundles:
        if bundle.primary in used and len(bundle.factors) > 1:
            names = all_of(bundle.factors)
            yield f"{names} always change together here, so this matrix cannot tell them apart"


def _unseen(explanation: Explanation[Any]) -> Iterator[str]:
    if explanation.unseen:
        verb = "is" if len(explanation.unseen) == 1 else "are"
        yield f"{all_of(explanation.unseen)} {verb} not known in every cell and may matter too"


def _against(explanation: Explanation[Any]) -> Iterator[str]:
    packages = [each for each in explanation.counter_examples if all(map(is_package, each.factors))]
    for example in explanation.counter_examples:
        if example in packages[_MOST_PACKAGES:]:
            continue
        if explanation.kind is Kind.UNEXPLAINED:
            pair = f"{example.a} and {example.b}"
            yield f"no set of factors explains it: {pair} agree in every factor but differ"
        else:
            yield _rejected(explanation, example)
        unknown = [
            name for name, value in zip(example.factors, example.values, strict=True) if value == UNKNOWN
        ]
        if unknown:
            verb = "is" if len(unknown) == 1 else "are"
            yield f"{all_of(unknown)} {verb} unknown for these two cells and may differ"
    if more := packages[_MOST_PACKAGES:]:
        yield f"{count(len(more), 'more package')} alone {'does' if len(more) == 1 else 'do'} not explain it"


def _rejected(explanation: Explanation[Any], example: CounterExample[Any]) -> str:
    names = [bundled(explanation.bundle(name).factors) for name in example.factors]
    shared = with_values(example.factors, example.values)
    start = f"{joined(names)} alone {'does' if len(names) == 1 else 'do'} not explain it"
    return f"{start}: {example.a} and {example.b} both have {shared} but differ"
