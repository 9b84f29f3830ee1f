"""An explanation in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from savedmodel_matrix.verdicts.attribute.explanation import Kind
from savedmodel_matrix.verdicts.attribute.words import any_of, blocks, listed, steps, these

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.verdicts.attribute.explanation import Explanation, FactorSet, Rule

_ALIASED = "this matrix cannot tell them apart"
#: More sets than this are counted, not listed.
_MOST_SETS = 3
_MOST_RULES = 2


def sentence(explanation: Explanation[Any], *, what: str = "the outputs") -> str:
    """Return what the explanation says, in one sentence without a full stop.

    ``what`` is what was grouped, a noun phrase in the plural.
    "Nothing else matters" is said only where everything else that varied did so, and changed nothing,
    while the named factor stayed the same, and no larger set of factors would do instead.
    """
    return _SAY[explanation.kind](explanation, what)


def _one_group(explanation: Explanation[Any], what: str) -> str:
    if len(explanation.groups[0]) == 1:
        return "only one cell was recorded, there is nothing to compare it with"
    return f"{what} are identical in every cell"


def _unexplained(explanation: Explanation[Any], what: str) -> str:
    example = explanation.counter_examples[0]
    return (
        f"nothing that was recorded explains why {what} differ: "
        f"{example.a} and {example.b} agree in every factor and differ"
    )


def _explained(explanation: Explanation[Any], what: str) -> str:
    (chosen,) = explanation.smallest
    text = (_by_one if len(chosen.factors) == 1 else _by_several)(explanation, chosen, what)
    return text + _doubt(chosen)


def _by_one(explanation: Explanation[Any], chosen: FactorSet, what: str) -> str:
    names = explanation.bundle(chosen.factors[0]).factors
    where = f", {steps(chosen.changes)}" if chosen.changes else f": {blocks(chosen.alike)}"
    if len(names) > 1:
        if not chosen.changes:
            where = f": {names[0]} {blocks(chosen.alike)}"
        return f"{any_of(names)} ({_ALIASED}) changes {what}{where}"
    alone = "" if chosen.followers else " alone"
    nothing_else = _nothing_else(explanation, chosen, ";" if chosen.changes else ",")
    return f"{what} change with {names[0]}{alone}{where}{nothing_else}"


def _by_several(explanation: Explanation[Any], chosen: FactorSet, what: str) -> str:
    names = {name: _name(explanation, name) for name in chosen.factors}
    if 1 <= len(chosen.rules) <= _MOST_RULES:
        return f"{what} change with " + _conditional(chosen, names)
    every = listed([f"with {name}" for name in names.values()], "and")
    return f"{what} change {every}{_nothing_else(explanation, chosen, ',')}"


def _conditional(chosen: FactorSet, names: dict[str, str]) -> str:
    """Return "XLA, and TensorFlow matters only where XLA is on", of a set with one rule or two."""
    free = [name for name in chosen.factors if name not in {rule.factor for rule in chosen.rules}]
    if free:
        said = [
            f"{names[rule.factor]} matters {_only_where(rule)}{_at(chosen, rule)}" for rule in chosen.rules
        ]
        return ", and ".join([listed([names[name] for name in free], "and"), *said])
    # Each of two factors waits for the other: there is no one that matters by itself.
    said = [f"{rule.factor} {_only_where(rule)}" for rule in chosen.rules]
    return f"{listed([names[name] for name in chosen.factors], 'and')}: {', '.join(said)}"


def _at(chosen: FactorSet, rule: Rule) -> str:
    """Return the steps of the rule's factor where they all belong to the one value it matters with."""
    wheres = {step.where for step in chosen.changes if step.factor == rule.factor}
    if len(rule.matters) > 1 or wheres != {(rule.condition, rule.matters[0])}:
        return ""
    return f", {steps(chosen.changes)}"


def _only_where(rule: Rule) -> str:
    if rule.untested:
        return f"where {rule.condition} is {these(rule.matters)} but not where it is {these(rule.idle)}"
    return f"only where {rule.condition} is {these(rule.matters)}"


def _ambiguous(explanation: Explanation[Any], what: str) -> str:
    sets = explanation.smallest
    if len(sets[0].factors) == 1:
        names = [name for each in sets for name in explanation.bundle(each.factors[0]).factors]
        text = f"{any_of(names)} ({_ALIASED}) changes {what}"
        stepped = next((each for each in sets if each.changes), None)
        if stepped:
            text += f"; if it is {stepped.factors[0]}, {steps(stepped.changes)}"
    else:
        shown = [_set_name(explanation, each) for each in sets]
        if len(shown) > _MOST_SETS + 1:
            shown[_MOST_SETS:] = [f"one of {len(sets) - _MOST_SETS} other sets of factors"]
        text = f"{what} change with {', or with '.join(shown)} (this matrix cannot tell which)"
    if explanation.vacuous:
        text += "; no two cells agree on any of these, so nothing confirms it"
    return text


def _doubt(chosen: FactorSet) -> str:
    """Return what has to be added where no two cells agree on the whole set."""
    if not chosen.vacuous:
        return ""
    text = f"; no two cells agree on {listed(chosen.factors, 'and')}, so "
    if not chosen.rules:
        return text + "nothing confirms it"
    seen = [f"{rule.condition} is {these(rule.idle)}" for rule in chosen.rules]
    return text + f"only the cells where {listed(seen, 'or')} confirm it"


def _nothing_else(explanation: Explanation[Any], chosen: FactorSet, stop: str) -> str:
    sure = len(explanation.sets) == 1 and not (explanation.exhausted or chosen.followers or chosen.vacuous)
    if not sure or len(explanation.bundles) == len(chosen.factors):
        return ""
    return f"{stop} nothing else matters"


def _set_name(explanation: Explanation[Any], chosen: FactorSet) -> str:
    every = [explanation.bundle(name).factors for name in chosen.factors]
    return listed([names[0] if len(names) == 1 else f"({any_of(names)})" for names in every], "and")


def _name(explanation: Explanation[Any], primary: str) -> str:
    names: Sequence[str] = explanation.bundle(primary).factors
    return primary if len(names) == 1 else f"{any_of(names)} ({_ALIASED})"


_SAY = {
    Kind.ONE_GROUP: _one_group,
    Kind.UNEXPLAINED: _unexplained,
    Kind.EXPLAINED: _explained,
    Kind.AMBIGUOUS: _ambiguous,
}
