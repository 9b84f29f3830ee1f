"""The rule for a case that calls a function: a restored one takes only the calls that it was traced with.

Source: ``function_deserialization.py``, ``_concrete_function_callable_with`` and
``Could not find matching concrete function``; seen on 2.4, 2.9, 2.15 and 2.21. Only what TensorFlow surely
refuses counts: another element type, a size that does not fit, another Python value, a tensor in the place of
a value or in another structure. It converts numbers to tensors, and what it fills in by itself is not known
here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.call import Argument, ArgumentKind
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import listed, shortened
from savedmodel_matrix.models.preflight.keras_rules import is_of_keras, uses_keras_2
from savedmodel_matrix.models.preflight.prediction import Finding, Stage
from savedmodel_matrix.models.savedmodel.reader import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from savedmodel_matrix.models.preflight.question import Question
    from savedmodel_matrix.models.savedmodel.functions import Function, Trace
    from savedmodel_matrix.models.savedmodel.reader import TensorSpec

#: Calls in a finding, and the characters of each.
_MOST_CALLS = 8
_LONGEST_CALL = 200
_STRUCTURES = {ArgumentKind.LIST, ArgumentKind.TUPLE, ArgumentKind.DICT, ArgumentKind.NAMED_TUPLE}


def untraced_call(asked: Question) -> Iterator[Finding]:
    """See above; of its own models, Keras's ``load_model`` may have the code and trace a function again."""
    target = asked.target
    restored = target.loader is Loader.SAVED_MODEL or (uses_keras_2(asked) and not is_of_keras(asked))
    if not restored or target.function is None:
        return
    functions = asked.graph.functions.functions
    function = next((each for each in functions if each.name == target.function), None)
    if function is None or not (calls := function.for_values(target.arguments)):
        return
    for batch in target.batches or ({},):
        accepted = (
            _accepts(trace, call, batch, target.arguments) for trace in function.traces for call in calls
        )
        if not any(accepted):
            given = calls[0].call.shown({**_declared(calls[0]), **{k: str(v) for k, v in batch.items()}})
            says = f"{function.name} was not traced with these arguments: given {given}; traced: "
            yield Finding(says + _traced(function), stage=Stage.RUN)
            return


def _traced(function: Function) -> str:
    calls = [shortened(str(each), _LONGEST_CALL) for each in function.traces]
    return listed(list(dict.fromkeys(calls)), _MOST_CALLS)


def _declared(trace: Trace) -> dict[str, str]:
    return {name: str(spec) for name, spec in trace.inputs.items()}


def _accepts(trace: Trace, call: Trace, batch: Mapping[str, TensorSpec], arguments: Collection[str]) -> bool:
    """Whether a traced call may take the arguments of ``call`` with the tensors of a batch.

    TensorFlow fills in defaults, but takes none of the case's ``arguments`` that the call does not have.
    """
    given, held = dict(call.call.arguments()), dict(trace.call.arguments())
    return all(
        _takes(held[name], each, trace.inputs, call.inputs, batch) if name in held else name not in arguments
        for name, each in given.items()
    )


def _takes(
    held: Argument,
    given: Argument,
    specs: Mapping[str, TensorSpec],
    declared: Mapping[str, TensorSpec],
    batch: Mapping[str, TensorSpec],
) -> bool:
    match held.kind, given.kind:
        case ArgumentKind.INPUT, ArgumentKind.INPUT:
            spec, name = specs[str(held.value)], str(given.value)
            # If no inputs are made yet, they will be what the call itself declares, of some shape.
            return _fits(spec, batch.get(name, replace(declared[name], shape=None)))
        case ArgumentKind.VALUE, ArgumentKind.VALUE:
            return held.value == given.value  # as TensorFlow does: 1 == 1.0 == True
        case ArgumentKind.VALUE, ArgumentKind.INPUT:
            return False
        case _ if held.kind in _STRUCTURES and given.kind is held.kind:
            return (
                held.keys == given.keys
                and len(held.items) == len(given.items)
                and all(
                    _takes(each, other, specs, declared, batch)
                    for each, other in zip(held.items, given.items, strict=True)
                )
            )
        case _:
            return (held.kind in _STRUCTURES) == (given.kind in _STRUCTURES)


def _fits(spec: TensorSpec, given: TensorSpec) -> bool:
    if given.dtype != spec.dtype or given.kind is not spec.kind:
        return False
    if given.shape is None or spec.shape is None or spec.kind is not Kind.DENSE:
        return True
    sizes = zip(spec.shape, given.shape, strict=False)
    return len(spec.shape) == len(given.shape) and all(size in {None, each} for size, each in sizes)


RULES = (untraced_call,)
