"""Planted changes in a case's inputs, like those that mistakes before the model cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


def changed_inputs(
    batch: Mapping[str, NDArray[Any]], change: str, parameters: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Return a batch with every input changed; shapes and element types stay, except for strings' lengths.

    Raises:
        ValueError: if there is no such change, or it changes nothing in the batch.
    """
    if change not in INPUTS:
        raise ValueError(f"no change {change!r} of inputs; there are {', '.join(INPUTS)}")
    changed = {name: INPUTS[change](values, parameters) for name, values in batch.items()}
    if all(np.array_equal(changed[name], values) for name, values in batch.items()):
        raise ValueError(f"{change} with {dict(parameters)} changes nothing")
    return changed


def with_gain(values: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
    """Return values times ``factor``."""
    result: NDArray[Any] = (values.astype(np.float64) * parameters["factor"]).astype(values.dtype)
    return result


def with_row_gain(values: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
    """Return values whose row number ``row`` is ``factor`` times as large."""
    result: NDArray[Any] = values.copy()
    row = parameters["row"]
    result[row] = (values[row].astype(np.float64) * parameters["factor"]).astype(values.dtype)
    return result


def standardised(values: NDArray[Any], _: Mapping[str, Any]) -> NDArray[Any]:
    """Return each row as standard deviations from its own mean."""
    rows = values.astype(np.float64).reshape(len(values), -1)
    scores = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    result: NDArray[Any] = scores.reshape(values.shape).astype(values.dtype)
    return result


def shifted(values: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
    """Return values cropped one place too late on ``axis``; the last one appears twice."""
    axis = parameters["axis"]
    places = np.minimum(np.arange(1, values.shape[axis] + 1), values.shape[axis] - 1)
    result: NDArray[Any] = np.take(values, places, axis=axis)
    return result


def through_integers(values: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
    """Return values rounded to the nearest of ``levels`` steps from ``low`` to ``high``, inclusive."""
    low, high = parameters["range"]
    step = (high - low) / parameters["levels"]
    stored = np.rint((np.clip(values.astype(np.float64), low, high) - low) / step)
    result: NDArray[Any] = (low + stored * step).astype(values.dtype)
    return result


def replaced(values: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
    """Return byte strings with ``old`` replaced by ``new``."""
    old, new = (parameters[key].encode() for key in ("old", "new"))
    return np.strings.replace(values, old, new)


def reversed_channels(values: NDArray[Any], _: Mapping[str, Any]) -> NDArray[Any]:
    """Return values with the last axis in the opposite order, such as BGR for RGB."""
    result: NDArray[Any] = values[..., ::-1].copy()
    return result


INPUTS: dict[str, Callable[[NDArray[Any], Mapping[str, Any]], NDArray[Any]]] = {
    "gain": with_gain,
    "row-gain": with_row_gain,
    "standardise": standardised,
    "reverse-channels": reversed_channels,
    "shift": shifted,
    "through-integers": through_integers,
    "replace-text": replaced,
}
