"""Labels as numbers: for every value that an element takes, whether it takes it in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from savedmodel_matrix.verdicts.compare.elements import Array

#: Integers that take more values than this are amounts, not labels.
_MOST_VALUES = 64
_MOST_COLUMNS = 2048


def categories(names: Sequence[str], runs: Array) -> tuple[list[str], NDArray[np.float64]] | None:
    """Return runs × (elements × values) of 0 and 1, and the name of each; None if there are too many values.

    First come the shares of each value among all elements of a run, because labels that are drawn from one
    distribution say more together. Only the first elements are taken if there would be too many columns.
    """
    values = np.unique(runs) if runs.size else runs
    if not 0 < len(values) <= _MOST_VALUES:
        return None
    kept = min(runs.shape[1], max(1, _MOST_COLUMNS // len(values)))
    columns = [(runs == value).mean(1) for value in values]
    named = [f"{_shown(value)} anywhere" for value in values]
    if runs.shape[1] > 1:
        columns += [(runs[:, place] == value) for place in range(kept) for value in values]
        named += [f"{_shown(value)} in {names[place]}" for place in range(kept) for value in values]
    return named, np.stack(columns, axis=1).astype(np.float64)


def _shown(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
