"""A side that does not vary: nothing of the input is in it, so that agreement would mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers, short
from savedmodel_matrix.verdicts.diagnose.prove import distance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair


def says_nothing(array: Array, raw: Mapping[str, Array]) -> bool:
    """Whether different samples of the input all became the same, in an array of at least two samples."""
    if array.ndim == 0 or len(array) < 2:
        return False
    if not (is_numeric(array) or is_text(array)) or not _same_rows(array):
        return False
    # Equal inputs become equal, and what was recorded without its input may have had one.
    inputs = [each for each in raw.values() if each.shape[:1] == array.shape[:1]]
    return bool(inputs) and not all(_same_rows(each) for each in inputs)


def _same_rows(array: Array) -> bool:
    if is_numeric(array):
        x = numbers(array)
        return bool(((x == x[:1]) | (np.isnan(x) & np.isnan(x[:1]))).all())
    return bool((array == array[:1]).all())


def explain(pair: Pair) -> Diagnosis | None:
    """Return that one side is the same for every sample while the other is not; None otherwise."""
    constant = [says_nothing(each, pair.raw) for each in (pair.train, pair.serve)]
    if constant[0] == constant[1]:
        return None
    name, other = ("training", "serving") if constant[0] else ("serving", "training")
    side = pair.train if constant[0] else pair.serve
    value = "the same values"
    if is_numeric(side):
        x = numbers(side)
        value = short(float(x.ravel()[0])) + " everywhere" if np.unique(x).size == 1 else value
    before = distance(pair.train, pair.serve)
    sides = (
        (value, "values that follow the input") if constant[0] else ("values that follow the input", value)
    )
    return Diagnosis(
        id="constant-side",
        title=f"nothing of the input is in what {name} makes: every one of {len(side)} samples is {value}",
        train=sides[0],
        serve=sides[1],
        mends=f"find where {name} replaces this tensor by a default: {other} makes it of the input",
        before=before.relative,
        residual=before.relative,
        max_abs_before=before.largest,
        max_abs_after=before.largest,
        steps=("constant-side",),
        proof=f"different inputs all become {value} in {name}, while {other} varies",
    )
