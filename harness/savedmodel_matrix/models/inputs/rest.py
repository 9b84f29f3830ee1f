"""Inputs from the body of a TensorFlow Serving REST predict call.

Row format ``{"instances": [...]}`` and column format ``{"inputs": ...}``, byte strings as
``{"b64": "..."}``, NaN and Infinity as bare words: https://www.tensorflow.org/tfx/serving/api_rest.
A sparse or ragged input is given in column format as its components, ``x.indices`` or what the signature
calls it.
JSON has no element types, so they come from the signature.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.values import (
    DEEPEST,
    Value,
    Values,
    element_type,
    listing,
    only_input,
    string_array,
    suggestion,
)
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from savedmodel_matrix.models.savedmodel.reader import Signature

Json = Any
_KEYS = {"signature_name", "instances", "inputs"}


def read_rest(path: Path, signature: Signature | None, signature_name: str) -> Values:
    """Return the batch in the REST body in the file ``path``, for the signature.

    Raises ``InputsError`` if no signature is known, the body is for a different one, it is not a predict
    body, or a value does not fit its input.
    """
    try:
        return _batch(_body(path), signature, signature_name)
    except InputsError as error:
        raise InputsError(f"{path}: {error}") from error


def _body(path: Path) -> dict[str, Json]:
    try:
        body = json.loads(path.read_bytes())
    except OSError as error:
        raise InputsError(error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise InputsError(f"is not JSON ({error})") from error
    if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
        raise InputsError('a predict body must be an object with either "instances" or "inputs"')
    for key in body.keys() - _KEYS:
        raise InputsError(
            f"unknown key {key!r}{suggestion(key, _KEYS)}; a predict body has {listing(sorted(_KEYS))}"
        )
    return body


def _batch(body: dict[str, Json], signature: Signature | None, signature_name: str) -> Values:
    meant = body.get("signature_name", signature_name)
    if meant != signature_name:
        raise InputsError(f"is for signature {meant!r}, but the case runs {signature_name!r}")
    if signature is None:
        raise InputsError(
            "JSON has no element types, and the case has no signature that gives them; use .npz"
        )
    columns = (
        _rows(body["instances"], signature) if "instances" in body else _columns(body["inputs"], signature)
    )
    return [_value(name, nested, signature) for name, nested in columns.items()]


def _rows(instances: Json, signature: Signature) -> dict[str, Json]:
    if not isinstance(instances, list) or not instances:
        raise InputsError('"instances" must be a list with at least one instance')
    named = [isinstance(each, dict) and not _is_base64(each) for each in instances]
    if not any(named):
        return {only_input(signature, 'give each instance as {"NAME": value, ...}'): instances}
    names = instances[named.index(True)].keys()
    for index, instance in enumerate(instances):
        if not named[index] or instance.keys() != names:
            raise InputsError(
                f"instance {index} does not have exactly the inputs {listing(names)}, as another does"
            )
    return {name: [instance[name] for instance in instances] for name in names}


def _columns(inputs: Json, signature: Signature) -> Mapping[str, Json]:
    if isinstance(inputs, dict) and not _is_base64(inputs):
        return inputs
    return {only_input(signature, 'give "inputs" as {"NAME": value, ...}'): inputs}


def _value(name: str, nested: Json, signature: Signature) -> Value:
    whole, component = signature.spellings.get(name, (name, None))
    declared = signature.inputs.get(whole)
    if declared is None:
        known = signature.inputs
        raise InputsError(f"no input {name!r}{suggestion(name, known)}; the signature has {listing(known)}")
    if component not in declared.components:
        needed = listing(f"{name}.{each}" for each in declared.components)
        raise InputsError(
            f"input {name!r} is {declared.kind}, which a REST body cannot hold as one list; give its parts: "
            f"{needed}"
        )
    dtype = declared.components[component]
    shape = _shape(nested)
    leaves: list[Json] = []
    _flatten(nested, shape, leaves, name)
    try:
        array = _array(leaves, dtype)
    except (ValueError, OverflowError, TypeError, binascii.Error) as error:
        raise InputsError(f"input {name!r} is {dtype}: {error}") from error
    return Value(whole, component, dtype, array.reshape(shape))


def _array(leaves: list[Json], dtype: str) -> NDArray[Any]:
    if dtype == STRING:
        return string_array((_string(leaf) for leaf in leaves), (len(leaves),))
    target = element_type(dtype)
    kinds: tuple[type, ...] = (bool,) if dtype == "bool" else (int, float)
    for leaf in leaves:
        # Python counts bool as an int; TensorFlow Serving does not.
        if not isinstance(leaf, kinds) or (isinstance(leaf, bool) and dtype != "bool"):
            raise ValueError(f"{json.dumps(leaf)[:80]} is not such a value")
    if target.kind in "iu" or "int" in dtype:
        leaves = [_whole(leaf) for leaf in leaves]
        low, high = _bounds(target)
        for leaf in leaves:
            if not low <= leaf <= high:
                raise ValueError(f"{leaf} is outside {low} .. {high}")
    with np.errstate(over="ignore"):  # a value too large for the type becomes infinity, as in TensorFlow
        return np.array(leaves, dtype=target)


def _whole(leaf: float) -> int:
    if not math.isfinite(leaf) or leaf != int(leaf):
        raise ValueError(f"{leaf} is not a whole number")
    return int(leaf)


def _bounds(target: np.dtype[Any]) -> tuple[int, int]:
    info = ml_dtypes.iinfo(target)
    return int(info.min), int(info.max)


def _string(leaf: Json) -> bytes:
    if isinstance(leaf, str):
        return leaf.encode("utf-8")
    if _is_base64(leaf):
        return base64.b64decode(leaf["b64"], validate=True)
    raise ValueError(f'{json.dumps(leaf)[:80]} is not a string; write bytes as {{"b64": "..."}}')


def _is_base64(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _shape(nested: Json) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(nested, list) and len(shape) < DEEPEST:
        shape.append(len(nested))
        nested = nested[0] if nested else None
    return tuple(shape)


def _flatten(nested: Json, shape: tuple[int, ...], leaves: list[Json], name: str) -> None:
    if not shape:
        if isinstance(nested, list):
            raise InputsError(f"input {name!r}: the nested lists have different depths")
        leaves.append(nested)
        return
    if not isinstance(nested, list) or len(nested) != shape[0]:
        raise InputsError(
            f"input {name!r}: the nested lists have different lengths, and a tensor has no gaps"
        )
    for each in nested:
        _flatten(each, shape[1:], leaves, name)
