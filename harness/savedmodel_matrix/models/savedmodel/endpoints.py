"""The functions of a model's root object: what a loader can call by attribute, and what they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.call import Argument, ArgumentKind
from savedmodel_matrix.models.savedmodel.reader import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.models.savedmodel import functions
    from savedmodel_matrix.models.savedmodel.reader import Shape, Signature

_CALL = "__call__"


@dataclass(frozen=True)
class Trace:
    """One call with which a function was traced."""

    first: tuple[str, ...] | None
    """The names of the tensors in its first argument, of any structure; None if not all are there."""
    others: int
    """Arguments after the first."""
    outputs: tuple[str, ...] | None
    """The names of its outputs; None if they are no dict of tensors."""
    output_count: int
    """The tensors that it returns."""


@dataclass(frozen=True)
class Endpoint:
    """A function that is an attribute of the root object."""

    name: str
    arguments: tuple[str, ...]
    """The names of its arguments; none if they are not recorded."""
    defaults: int
    """How many of them, from the last, have a default value."""
    traces: tuple[Trace, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments after the first without a default."""
        return self.arguments[1 : len(self.arguments) - self.defaults]

    def takes_at_once(self, signature: Signature) -> bool:
        """Whether its first argument holds a signature's inputs, and its outputs are the signature's."""
        return any(
            trace.first is not None
            and trace.others <= self.defaults
            and set(trace.first) == set(signature.inputs)
            and (
                trace.output_count == len(signature.outputs) == 1
                or set(trace.outputs or ()) == set(signature.outputs)
            )
            for trace in self.traces
        )


def at_once(endpoints: Iterable[Endpoint], signature: Signature) -> str | None:
    """Return the function that takes a signature's inputs in one argument; None if there is none.

    A private one, such as Keras 2's ``_default_save_signature``, comes last.
    """
    found = [each.name for each in endpoints if each.name.isidentifier() and each.takes_at_once(signature)]
    return min(
        found, key=lambda name: (name.startswith("_") and name != _CALL, name != _CALL, name), default=None
    )


def has_own_inputs(known: Iterable[functions.Function], signature: Signature) -> bool:
    """Whether the only input of a signature fits no call of the model itself."""
    calls = [trace for each in known if each.name == _CALL for trace in each.traces]
    given = list(signature.inputs.values())
    if len(given) != 1 or given[0].kind is not Kind.DENSE:
        return False
    taken = [list(trace.inputs.values()) for trace in calls]
    return bool(taken) and all(
        len(specs) != 1 or not _may_be(specs[0].shape, given[0].shape) for specs in taken
    )


def _may_be(one: Shape | None, other: Shape | None) -> bool:
    if one is None or other is None:
        return True
    sizes = zip(one, other, strict=False)
    return len(one) == len(other) and all(each == size or None in {each, size} for each, size in sizes)


def endpoints_of(facts: functions.FunctionFacts) -> tuple[Endpoint, ...]:
    """Return the functions of the root object, by name; none for a graph of TensorFlow 1."""
    return tuple(
        Endpoint(
            name=each.name,
            arguments=each.parameters.names,
            defaults=each.parameters.optional,
            traces=tuple(map(_trace, each.traces)),
        )
        for each in facts.of_root
    )


def _trace(trace: functions.Trace) -> Trace:
    positional = [_tensors(each) for each in trace.call.positional]
    first, others = positional[:1], [*positional[1:], *map(_tensors, trace.call.keywords.values())]
    alone = any(first) and not any(others) and all(each in trace.names for each in first[0])
    plain = sum(spec.kind is Kind.DENSE for spec in trace.outputs.values())
    tensors = [each for each in trace.result.items if each.kind is ArgumentKind.INPUT]
    named = trace.result.kind is ArgumentKind.DICT and len(trace.result.items) == len(tensors) == plain
    return Trace(
        first=tuple(trace.names[each] for each in first[0]) if alone else None,
        others=max(0, len(positional) - 1),
        outputs=trace.result.keys if named else None,
        output_count=plain,
    )


def _tensors(argument: Argument) -> list[str]:
    """Return the name of every tensor in an argument."""
    return [str(each.value) for each in argument.inside() if each.kind is ArgumentKind.INPUT]
