"""Labels as numbers: for every value that an element takes, whether it takes it in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from savedmodel_matrix.verdicts.compare.elements import Array

#: The most frequent values; the others count as one.
MOST_VALUES = 64
_MOST_COLUMNS = 2048


def categories(names: Sequence[str], runs: Array) -> tuple[list[str], NDArray[np.float64], int]:
    """Return the name of each column, runs × columns of 0 and 1, and how many values there are.

    First come the shares of each value among all elements of a run, because labels that are drawn from one
    distribution say more together. Only the first elements are taken if there would be too many columns.
    """
    values, often = np.unique(runs, return_counts=True)
    distinct, values = len(values), values[np.sort(np.argsort(-often, kind="stable")[:MOST_VALUES])]
    kept = min(runs.shape[1], _MOST_COLUMNS // max(1, len(values)))
    columns = [(runs == value).mean(1) for value in values]
    named = [f"{_shown(value)} anywhere" for value in values]
    if runs.shape[1] > 1:
        columns += [(runs[:, place] == value) for place in range(kept) for value in values]
        named += [f"{_shown(value)} in {names[place]}" for place in range(kept) for value in values]
    shares = np.stack(columns, axis=1) if columns else np.zeros((len(runs), 0))
    return named, shares.astype(np.float64), distinct


def _shown(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
