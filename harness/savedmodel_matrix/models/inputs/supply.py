"""What a user has to supply for a signature: names, types, shapes and meanings, as far as its graph tells."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import shortened
from savedmodel_matrix.models.inputs.wanted import described
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.probe.arrays import STORED_AS, STRING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from savedmodel_matrix.models.savedmodel.reader import Shape, Signature, TensorSpec
    from savedmodel_matrix.models.savedmodel.sparse_inputs import Together

_MOST_SHOWN = 4
#: Who makes messages must know all of their features.
_MOST_FEATURES = 200
_LONGEST = 10_000
_NO_VALUES = frozenset({"resource", "variant"})


def supply_lines(
    signature: Signature,
    wants: Mapping[str, Want],
    shapes: Mapping[str, Shape | None] | None = None,
    together: Iterable[Together] = (),
    same: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a line for each input that a file must hold.

    ``shapes`` are some that the graph takes, of dense inputs and of sparse and ragged ones as a whole. For
    ``together`` and ``same`` see ``generate``.
    """
    parts = {name: (each, part) for each in together for part, name in each.parts.items()}
    lines = []
    for name, spec in signature.inputs.items():
        named = (
            ", ".join(f"{name}.{each}" for each in spec.components) if spec.kind is not Kind.DENSE else name
        )
        optional = ", may be left out" if name in signature.defaults else ""
        meaning = _meaning(spec, wants.get(name, Want()))
        if same and name in same:
            meaning = f"the same values as {same[name]!r}: they are one tensor of the graph"
        elif name in parts:
            meaning = _part(*parts[name], meaning)
        taken = replace(spec, reference=False)
        said = f"{named}: {taken}{_example(spec, (shapes or {}).get(name))}{optional}; {meaning}"
        lines.append(visible(shortened(said, _LONGEST)))
    return lines or ["it takes no inputs"]


def file_lines(signature: Signature) -> list[str]:
    """Return what there is to know about files for the element types of a signature's inputs."""
    held = {dtype for spec in signature.inputs.values() for dtype in spec.components.values()}
    lines = [
        f"{each} as {np.dtype(STORED_AS[each]).name} of the same bits" for each in held & STORED_AS.keys()
    ]
    if STRING in held:
        lines.append(
            "strings as np.array([...]) of str or bytes; NumPy drops zero bytes at their end, so bytes that "
            'end with them belong in a REST body, as {"b64": "..."}'
        )
    return sorted(lines)


def _example(spec: TensorSpec, shape: Shape | None) -> str:
    """Return a shape that the graph takes, where the declared one says less."""
    if shape is None or shape == spec.shape or spec.kind is Kind.OTHER:
        return ""
    if spec.kind is Kind.SPARSE:
        return (
            f", for example n values with indices int64[n,{len(shape)}] in ascending order, all different,"
            f" and the dense shape {_listed(shape)}"
        )
    if spec.kind is Kind.RAGGED:
        levels = [f"row_splits_{level}" for level in range(spec.ragged_rank)]
        return f", {' and '.join(levels)} rising from 0 to the number of rows below"
    return f", for example {_listed(shape)}"


def _listed(shape: Shape) -> str:
    return f"[{','.join('?' if each is None else str(each) for each in shape)}]"


def _part(whole: Together, part: str, meaning: str) -> str:
    """Return what a dense input is that is a component of one sparse or ragged tensor."""
    others = ", ".join(f"{name!r} its {each}" for each, name in whole.parts.items() if each != part)
    says = f"the {part} of one {whole.kind} tensor ({others})"
    if part == "indices":
        return f"{says}, in ascending order, all different and within the dense shape"
    if part == "dense_shape":
        return f"{says}, for example {_listed(whole.shape)}"
    if part.startswith("row_splits"):
        return f"{says}, rising from 0 to the number of rows below"
    return f"{says}; {meaning}"


def _meaning(spec: TensorSpec, want: Want) -> str:
    if spec.kind is Kind.OTHER or spec.dtype in _NO_VALUES:
        return "neither a tensor nor a sparse or ragged one: no file can hold it"
    if spec.dtype == "bool":
        return "true or false; the graph says no more"
    return _of_strings(want) if spec.dtype == STRING else _of_numbers(want)


def _of_strings(want: Want) -> str:
    if want.form is not None or want.base64:
        return described(want, _MOST_FEATURES)
    words = _some(each.decode("utf-8", "replace") for each in want.words)
    if want.pattern:
        return f"texts; the model matches them with {want.pattern.decode('utf-8', 'replace')}"
    return f"words of the model's table, such as {words}" if want.words else "texts; the graph says no more"


def _of_numbers(want: Want) -> str:
    if want.numbers:
        return f"keys of the model's table, such as {_some(map(str, want.numbers))}"
    if want.below is not None:
        return f"whole numbers from {want.lowest or 0:g} to {want.below - 1}: they index a table"
    if want.lowest is not None and want.highest is not None:
        return f"numbers from {want.lowest:g} to {want.highest:g}"
    if want.centre:
        return "numbers on the scale of the training data: the model normalises them itself"
    return "numbers as in training; the graph says no more about them"


def _some(values: Iterable[str]) -> str:
    return ", ".join(repr(each) for each in islice(values, _MOST_SHOWN))
