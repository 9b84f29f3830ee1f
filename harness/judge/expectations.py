"""Does a tensor that a pipeline hands to a model repeat, omit or contradict what the model expects?

A false alarm is worse than silence here: what can be right is not pointed out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model.expectation import Confidence, Expectations, Finding, InputExpectation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

#: Every finding there is, and what it is about.
IDS = {
    "dtype": "the tensor has another type than the signature declares",
}


def check_expectations(
    expectations: Expectations, tensors: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]
) -> list[Finding]:
    """Return what is wrong with tensors that are handed to a model, in the order of the inputs.

    ``tensors`` are by the names of the signature's inputs, strings as arrays of objects or of ``S`` or
    ``U``; inputs that are missing are not looked at. Nothing is changed.
    """
    found = []
    for name, expected in expectations.inputs.items():
        if name in tensors and expected.dense:
            found += _dtype(expected, tensors[name])
    return found


def _dtype(
    expected: InputExpectation, tensor: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> list[Finding]:
    given = "string" if tensor.dtype.kind in "OSU" else tensor.dtype.name
    if given == expected.dtype:
        return []
    sentence = f"{expected.name}: {given} is given where the model declares {expected.dtype}"
    return [
        Finding(
            "dtype", expected.name, sentence, Confidence.CERTAIN, {"given": given, "declared": expected.dtype}
        )
    ]
