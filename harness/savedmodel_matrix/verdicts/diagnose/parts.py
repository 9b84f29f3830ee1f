"""Stages that run on parts of a batch: does a sample's value depend on the samples beside it?

Statistics of the batch, fitting again on the request, ranks and references to the loudest clip all show in
the same way: half of the batch, or one sample of it, becomes something else on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.prove import distance, is_same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.verdicts.diagnose.pair import Array

_WAYS = {"reversed": "in reverse order", "halves": "in two halves", "alone": "one by one"}


@dataclass(frozen=True)
class Parts:
    """One tensor of one stage: made of the whole batch, and of parts (by way) with its first samples."""

    whole: Array
    parts: Mapping[str, Array]

    def moved(self) -> dict[str, float]:
        """Return by how much (relative L2) each way changes the tensor; only those that do."""
        found = {}
        for way, made in self.parts.items() if self.whole.ndim else ():
            of_whole = self.whole[: len(made)]
            if not is_same(of_whole, made):
                found[way] = distance(of_whole, made).relative
        return found


def explain(train: Parts, serve: Parts) -> Diagnosis | None:
    """Return that one side's samples depend on their batch while the other's do not; None otherwise.

    If the side that depends on it makes the other's values of single samples, a fix is proven. If not, the
    other side has constants from elsewhere.
    """
    if train.whole.shape != serve.whole.shape:
        return None
    of_train, of_serve = train.moved(), serve.moved()
    if bool(of_train) == bool(of_serve) or is_same(train.whole, serve.whole):
        return None
    in_serving = bool(of_serve)
    moving, moved = (serve, of_serve) if in_serving else (train, of_train)
    still = train if in_serving else serve
    before = distance(train.whole, serve.whole)
    alone = moving.parts.get("alone")
    same_alone = alone is not None and is_same(still.whole[: len(alone)], alone)
    names = ("serving", "training") if in_serving else ("training", "serving")
    way, share = max(moved.items(), key=lambda item: item[1])
    shown = (
        f"the same samples {_WAYS[way]} differ by {share:.2g} (relative L2) in {names[0]}, and not at all in "
        f"{names[1]}"
    )
    after = before
    if same_alone:
        assert alone is not None, "it is the same"  # noqa: S101
        after = distance(still.whole[: len(alone)], alone)
        shown += f"; one by one, {names[0]} makes exactly what {names[1]} makes"
    elsewhere = "each sample alone" if same_alone else "constants that do not depend on the batch"
    batch = "statistics of the whole batch that it is given"
    sides = (elsewhere, batch) if in_serving else (batch, elsewhere)
    if in_serving:
        mends = (
            "in serving, process samples one by one"
            if same_alone
            else "in serving, apply what training fitted (transform) instead of fitting on each request"
        )
    else:
        mends = "in serving, use the statistics of training's whole data set, saved with the model"
    return Diagnosis(
        id="per-batch-statistics",
        title=f"{sides[0]} in training, {sides[1]} in serving",
        train=sides[0],
        serve=sides[1],
        mends=mends,
        before=before.relative,
        residual=after.relative if same_alone else float(np.nan_to_num(before.relative)),
        max_abs_before=before.largest,
        max_abs_after=after.largest,
        steps=("per-batch-statistics",),
        proof=f"seen by running both stages on parts of the batch: {shown}",
    )
