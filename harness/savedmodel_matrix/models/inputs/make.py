"""A case's input batches: read or generated, checked against the signature, stored as array entries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, assert_never

import numpy as np

from savedmodel_matrix.domain.errors import InputsError, UnreadableModelError
from savedmodel_matrix.domain.input_sources import (
    FilesSource,
    GenerateSource,
    InputSource,
    NpySource,
    NpzSource,
    RestSource,
    WarmupSource,
    source_files,
)
from savedmodel_matrix.domain.wording import first_lines
from savedmodel_matrix.models.inputs.generate import generate
from savedmodel_matrix.models.inputs.npz import read_npy, read_npz
from savedmodel_matrix.models.inputs.raw_files import read_files
from savedmodel_matrix.models.inputs.rest import read_rest
from savedmodel_matrix.models.inputs.values import Value, Values, listing, suggestion
from savedmodel_matrix.models.inputs.warmup import WARMUP_FILE, read_warmup
from savedmodel_matrix.models.savedmodel.functions import FUNCTION
from savedmodel_matrix.models.savedmodel.input_wants import wants_of
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.signature_graph import as_taken, same_tensors, together_of
from savedmodel_matrix.probe.arrays import write_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec
    from savedmodel_matrix.models.savedmodel.sparse_inputs import Together
    from savedmodel_matrix.models.savedmodel.wants import Want

#: The lines of a message; a hostile signature has thousands of inputs.
_MOST_PROBLEMS = 40


class BatchPart(TypedDict):
    """One array of a batch: a dense input (``component`` None), or a component of a sparse or ragged one."""

    name: str
    component: str | None
    array: dict[str, Any]


Batch = list[BatchPart]


def make_batches(
    sources: Sequence[InputSource],
    signature: Signature | None,
    model_dir: Path,
    objects_dir: Path,
    *,
    signature_name: str = "serving_default",
    base_dir: Path = Path(),
) -> list[Batch]:
    """Return the batches of all ``sources`` in order, with their arrays stored in ``objects_dir``.

    ``signature`` is what a function or a signature takes; None if that is not known, or if a stage takes the
    inputs: names and types are then as given.
    ``base_dir`` is the folder that relative paths in the sources refer to, ``model_dir`` the SavedModel's
    directory. Names, element types and the components of sparse and ragged inputs are checked. Shapes are
    not, because signatures may state them wrongly. Raises ``InputsError``, which names the source and input.
    """
    batches: list[Batch] = []
    stated, signature = signature, _taken(signature, model_dir, signature_name)
    if not sources and signature and not signature.inputs:
        return [[]]
    for source in sources:
        label = _label(source, model_dir, base_dir)
        for found in _values(source, signature, model_dir, signature_name, base_dir):
            values = _put_together(found, signature)
            _check(label, values, signature, stated)
            batches.append(_stored(values, objects_dir))
    if not batches:
        raise InputsError(
            "the case has no inputs; name a file or write inputs = [{ generate = { seed = 1 } }]"
        )
    return batches


def inputs_digest(batches: list[Batch]) -> str:
    """Return the SHA-256 that identifies the content of ``batches``, whatever its source."""
    text = json.dumps(batches, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _label(source: InputSource, model_dir: Path, base_dir: Path) -> str:
    if isinstance(source, WarmupSource):
        return str(model_dir / WARMUP_FILE)
    if isinstance(source, FilesSource):
        return str(base_dir / source.files)
    return next(map(str, source_files(source, base_dir)), "generate")


def _values(
    source: InputSource, signature: Signature | None, model_dir: Path, signature_name: str, base_dir: Path
) -> Iterable[Values]:
    match source:
        case NpzSource():
            return [read_npz(base_dir / source.npz, signature)]
        case NpySource():
            return [read_npy(base_dir / source.npy, source.input, signature)]
        case RestSource():
            return [read_rest(base_dir / source.rest, signature, signature_name)]
        case FilesSource():
            return [read_files(source_files(source, base_dir), source)]
        case WarmupSource():
            return read_warmup(model_dir / WARMUP_FILE, source.warmup, signature, signature_name)
        case GenerateSource():
            if signature is None:
                raise InputsError(
                    "generate: what the inputs must be is not known here, for a stage and for a function "
                    "that the model's file does not describe; name a file"
                )
            return generate(signature, source.generate, *_wants(signature, model_dir, signature_name))
        case _:
            assert_never(source)


def _taken(signature: Signature | None, model_dir: Path, signature_name: str) -> Signature | None:
    """Return the signature with the element types that the graph takes, which it may state wrongly."""
    if signature is None or signature.method == FUNCTION:  # the graph is followed from its signatures
        return signature
    try:
        return as_taken(model_dir, signature_name, signature)
    except UnreadableModelError:  # the run fails with a better reason
        return signature


def _wants(
    signature: Signature, model_dir: Path, signature_name: str
) -> tuple[dict[str, Want], list[Together], dict[str, str]]:
    """Return what the graph wants of the inputs (see ``generate``): nothing that is known of a function's."""
    if signature.method == FUNCTION:  # as above
        return {}, [], {}
    try:
        wants = wants_of(model_dir, signature_name)
        return wants, together_of(model_dir, signature_name), same_tensors(model_dir, signature_name)
    except UnreadableModelError:  # as above
        return {}, [], {}


def _put_together(values: Values, signature: Signature | None) -> Values:
    """Return the values with those named as the signature names a component under their input's name."""
    if signature is None:
        return values
    spellings = signature.spellings
    return [
        replace(value, name=spellings[value.name][0], component=spellings[value.name][1])
        if value.component is None and value.name in spellings
        else value
        for value in values
    ]


def _stored(values: Values, objects_dir: Path) -> Batch:
    batch: Batch = []
    # Sorted, so that the same inputs have the same digest whatever their order in a file.
    for value in sorted(values, key=lambda each: (each.name, each.component or "")):
        entry = write_array(str(objects_dir), value.array, value.dtype)
        batch.append({"name": value.name, "component": value.component, "array": entry})
    return batch


def _check(label: str, values: Values, signature: Signature | None, stated: Signature | None) -> None:
    if signature is None or stated is None:
        return
    problems = [*_name_problems(values, signature)]
    for name, declared in signature.inputs.items():
        given = {value.component: value for value in values if value.name == name}
        if given:
            problems += _problems(name, given, declared, stated.inputs[name])
    if problems:
        raise InputsError(*first_lines([f"{label}: {problem}" for problem in problems], _MOST_PROBLEMS))


def _name_problems(values: Values, signature: Signature) -> Iterator[str]:
    known = signature.inputs
    given = {value.name for value in values}
    for name in sorted(given - known.keys()):
        yield f"no input {name!r}{suggestion(name, known)}; the signature has {listing(known)}"
    for name in sorted(known.keys() - given - set(signature.defaults)):
        yield f"input {name!r} ({known[name]}) is missing; add it"


def _problems(
    name: str, given: Mapping[str | None, Value], declared: TensorSpec, stated: TensorSpec
) -> Iterator[str]:
    wanted = declared.components
    if wanted and given.keys() != wanted.keys():
        yield (
            f"input {name!r} is {declared.kind}: it needs {listing(_part(name, each) for each in wanted)},"
            f" but has {listing(_part(name, each) for each in given)}"
        )
        return
    for component, value in given.items():
        expected = wanted.get(component, value.dtype)
        if value.dtype != expected and declared.dtype != stated.dtype:
            yield (
                f"{value.label} is {value.dtype}, but the graph takes {expected}, whatever its signature says"
            )
        elif value.dtype != expected:
            yield (
                f"{value.label} is {value.dtype}, but the signature has {expected};"
                f" convert it, for example with array.astype({expected!r})"
            )
    if declared.kind is Kind.SPARSE:
        indices, count = given["indices"].array, given["values"].array.shape
        if indices.ndim != 2 or count != indices.shape[:1]:
            yield f"input {name!r}: indices of shape {indices.shape} and values of shape {count} do not match"
    if declared.kind is Kind.RAGGED:
        yield from _row_problems(name, given, declared.ragged_rank)


def _row_problems(name: str, given: Mapping[str | None, Value], rank: int) -> Iterator[str]:
    """Yield the levels of a ragged input whose row splits do not rise from 0 to the number of rows below."""
    below = [*(f"row_splits_{level}" for level in range(rank)), "flat_values"]
    for splits, rows in pairwise(below):
        ends, held = given[splits].array, given[rows].array
        count = held.shape[0] - (rows != "flat_values") if held.ndim else 0
        rises = ends.ndim == 1 and ends.size > 0 and ends[0] == 0 and bool((np.diff(ends) >= 0).all())
        if not rises or ends[-1] != count:
            yield f"input {name!r}: {splits} must rise from 0 to {count}, the number of rows of {rows}"


def _part(name: str, component: str | None) -> str:
    return name if component is None else f"{name}.{component}"
