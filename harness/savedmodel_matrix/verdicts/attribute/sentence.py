"""An explanation in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.verdicts.attribute.explanation import Kind
from savedmodel_matrix.verdicts.attribute.words import any_of, blocks, steps, these

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.verdicts.attribute.explanation import Explanation, FactorSet, Rule

_ALIASED = "which always change together here"
_UNDECIDED = "this matrix cannot tell which"
#: More sets than this are counted, not listed.
_MOST_SETS = 3
_MOST_RULES = 2


def sentence(explanation: Explanation[Any], *, what: str = "the outputs") -> str:
    """Return the explanation in one sentence without a full stop.

    ``what`` names what was grouped: a noun phrase, plural if it ends in an s.
    "Nothing else matters" requires that everything else varied and changed nothing while the named factor
    stayed the same, and that no larger set of factors would also explain the groups.
    """
    return _SAY[explanation.kind](explanation, what)


def _one_group(explanation: Explanation[Any], what: str) -> str:
    if len(explanation.groups[0]) == 1:
        return "only one cell was recorded, so there is nothing to compare"
    return f"{what} {'are' if _is_plural(what) else 'is'} identical in every cell"


def _unexplained(explanation: Explanation[Any], what: str) -> str:
    example = explanation.counter_examples[0]
    return (
        f"no recorded factor explains why {what} {'differ' if _is_plural(what) else 'differs'}: "
        f"{example.a} and {example.b} agree in every factor but differ"
    )


def _explained(explanation: Explanation[Any], what: str) -> str:
    (chosen,) = explanation.smallest
    text = (_by_one if len(chosen.factors) == 1 else _by_several)(explanation, chosen, what)
    return text + _doubt(chosen)


def _by_one(explanation: Explanation[Any], chosen: FactorSet, what: str) -> str:
    names = explanation.bundle(chosen.factors[0]).factors
    where = steps(chosen.changes) if chosen.changes else blocks(chosen.alike)
    if len(names) > 1:
        where = where if chosen.changes else f"{names[0]} {where}"
        return f"{_changes(what)} with {any_of(names)}, {_ALIASED} ({where})"
    only = "" if chosen.followers or explanation.unseen else " only"
    return f"{_changes(what)} with {names[0]}{only} ({where}){_nothing_else(explanation, chosen)}"


def _by_several(explanation: Explanation[Any], chosen: FactorSet, what: str) -> str:
    names = {name: _name(explanation, name) for name in chosen.factors}
    if 1 <= len(chosen.rules) <= _MOST_RULES:
        return f"{_changes(what)} with {_conditional(chosen, names)}"
    every = joined([f"with {name}" for name in names.values()])
    return f"{_changes(what)} {every}{_nothing_else(explanation, chosen)}"


def _is_plural(what: str) -> bool:
    return what.endswith("s")


def _changes(what: str) -> str:
    return f"{what} {'change' if _is_plural(what) else 'changes'}"


def _conditional(chosen: FactorSet, names: dict[str, str]) -> str:
    """Return "XLA, and TensorFlow matters only where XLA is on", for a set with one or two rules."""
    free = [name for name in chosen.factors if name not in {rule.factor for rule in chosen.rules}]
    if free:
        return ", and ".join([joined([names[name] for name in free]), *_matters(chosen, names)])
    # Each of the two factors matters only for some values of the other; neither matters by itself.
    said = [f"{rule.factor} {_only_where(rule)}" for rule in chosen.rules]
    return f"{joined([names[name] for name in chosen.factors])}: {', '.join(said)}"


def _matters(chosen: FactorSet, names: Mapping[str, str] | None = None) -> list[str]:
    called = names or {}
    return [
        f"{called.get(rule.factor, rule.factor)} matters {_only_where(rule)}{_at(chosen, rule)}"
        for rule in chosen.rules
    ]


def _at(chosen: FactorSet, rule: Rule) -> str:
    """Return the steps of the rule's factor if all belong to the one value for which it matters."""
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
        text = f"{_changes(what)} with {any_of(names)} ({_UNDECIDED})"
        stepped = next((each for each in sets if each.changes), None)
        if stepped:
            text += f"; if it is {stepped.factors[0]}, {steps(stepped.changes)}"
    else:
        text = f"{_changes(what)} {_any_set(explanation, sets)} ({_UNDECIDED})"
        if 1 <= len(sets[0].rules) <= _MOST_RULES:
            text += f"; if it is {joined(sets[0].factors)}, {', and '.join(_matters(sets[0]))}"
    if explanation.vacuous:
        text += "; no two cells have the same value of any of these, so this is not confirmed"
    return text


def _any_set(explanation: Explanation[Any], sets: Sequence[FactorSet]) -> str:
    """Return "with XLA and with TensorFlow or NumPy" for sets that differ in one factor only."""
    shared = [name for name in sets[0].factors if all(name in each.factors for each in sets)]
    if len(shared) == len(sets[0].factors) - 1:
        others = [
            alias
            for each in sets
            for name in each.factors
            if name not in shared
            for alias in explanation.bundle(name).factors
        ]
        return joined([*(f"with {_name(explanation, name)}" for name in shared), f"with {any_of(others)}"])
    shown = [_set_name(explanation, each) for each in sets]
    if len(shown) > _MOST_SETS + 1:
        shown[_MOST_SETS:] = [f"one of {len(sets) - _MOST_SETS} other sets of factors"]
    return f"with {', or with '.join(shown)}"


def _doubt(chosen: FactorSet) -> str:
    """Return a caveat for a set on which no two cells agree; otherwise an empty string."""
    if not chosen.vacuous:
        return ""
    text = f"; no two cells have the same {joined(chosen.factors)}, so "
    if not chosen.rules:
        return text + "this is not confirmed"
    seen = [f"{rule.condition} is {these(rule.idle)}" for rule in chosen.rules]
    return text + f"only the cells where {joined(seen, 'or')} confirm it"


def _nothing_else(explanation: Explanation[Any], chosen: FactorSet) -> str:
    others = explanation.exhausted or explanation.unseen or chosen.followers or chosen.vacuous
    if others or len(explanation.sets) > 1 or len(explanation.bundles) == len(chosen.factors):
        return ""
    return "; nothing else matters"


def _set_name(explanation: Explanation[Any], chosen: FactorSet) -> str:
    every = [explanation.bundle(name).factors for name in chosen.factors]
    return joined([names[0] if len(names) == 1 else f"({any_of(names)})" for names in every])


def _name(explanation: Explanation[Any], primary: str) -> str:
    names: Sequence[str] = explanation.bundle(primary).factors
    return primary if len(names) == 1 else f"{any_of(names)} ({_ALIASED})"


_SAY = {
    Kind.ONE_GROUP: _one_group,
    Kind.UNEXPLAINED: _unexplained,
    Kind.EXPLAINED: _explained,
    Kind.AMBIGUOUS: _ambiguous,
}
