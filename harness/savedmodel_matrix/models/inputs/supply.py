"""What a user has to supply for a signature: names, types, shapes and meanings, as far as its graph tells."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import shortened
from savedmodel_matrix.models.inputs.wanted import described
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.wants import Want
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec

_MOST_SHOWN = 4
_LONGEST = 400


def supply_lines(signature: Signature, wants: Mapping[str, Want]) -> list[str]:
    """Return a line for each input that a ``.npz`` file must hold."""
    lines = []
    for name, spec in signature.inputs.items():
        parts = (
            ", ".join(f"{name}.{each}" for each in spec.components) if spec.kind is not Kind.DENSE else name
        )
        optional = ", may be left out" if name in signature.defaults else ""
        meaning = _meaning(spec, wants.get(name, Want()))
        lines.append(visible(shortened(f"{parts}: {spec}{optional}; {meaning}", _LONGEST)))
    return lines or ["it takes no inputs"]


def _meaning(spec: TensorSpec, want: Want) -> str:
    if spec.kind is Kind.OTHER:
        return "neither a tensor nor a sparse or ragged one: no file can hold it"
    return _of_strings(want) if spec.dtype == STRING else _of_numbers(want)


def _of_strings(want: Want) -> str:
    if want.form is not None or want.base64:
        return described(want)
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
