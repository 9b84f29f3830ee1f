"""Whether inputs that exist fit the graph of a signature, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.input_wants import wants_of
from savedmodel_matrix.models.savedmodel.signature_graph import FittingShapes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.arrays import ArrayEntry, Batch
    from savedmodel_matrix.verdicts.compare.elements import Array

_WHOLE = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})


def misfit_of(
    model: Path, signature: str, batches: Sequence[Batch], read: Callable[[ArrayEntry], Array]
) -> str | None:
    """Return why a signature fails with these batches on a CPU; None if nothing known is against them.

    ``read`` returns an array. Shapes and indices are looked at; names and element types were when the inputs
    were made. None also for a model that cannot be read.
    """
    try:
        fitting, wants = FittingShapes(model, signature), wants_of(model, signature)
        for number, batch in enumerate(batches):
            dense = {part.name: part for part in batch if part.component is None}
            shapes = {name: tuple(part.array.shape) for name, part in dense.items()}
            if (problem := fitting.misfit(shapes)) is not None:
                return _of_batch(problem, number, len(batches))
            for name, part in dense.items():
                dtype = fitting.element_type(name)
                if dtype is not None and dtype != part.array.dtype:
                    problem = (
                        f"the graph takes {dtype} as {name}, not {part.array.dtype} as its signature says"
                    )
                    return _of_batch(problem, number, len(batches))
                limit = wants[name].rejects if name in wants else None
                if limit is None or part.array.dtype not in _WHOLE or 0 in part.array.shape:
                    continue
                largest = int(np.max(read(part.array)))
                if largest >= limit:
                    problem = f"input {name} has the index {largest}, but what it indexes has {limit} rows"
                    return _of_batch(problem, number, len(batches))
    except UnreadableModelError:
        return None
    return None


def _of_batch(problem: str, number: int, count: int) -> str:
    return problem if count == 1 else f"{problem} (batch {number})"
