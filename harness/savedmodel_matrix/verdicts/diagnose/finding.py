"""What a diagnosis says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One named difference between training's preprocessing and serving's, proven by undoing it.

    ``before`` and ``residual`` are the relative L2 distance of the two sides, against training, as they were
    recorded and after the correction; ``max_abs_before`` and ``max_abs_after`` their largest difference. An
    element that has no counterpart (NaN on one side, or another shape: then all of them) counts as if there
    were a zero. For strings ``before`` and ``residual`` are the fraction of elements that differ.

    ``steps`` are the ids of the single corrections, in the order they were applied. ``tensors`` are the
    names of those that it explains; where a tensor that differs is named by no diagnosis, it stays
    unexplained.
    """

    id: str
    title: str
    train: str
    serve: str
    mends: str
    before: float
    residual: float
    max_abs_before: float
    max_abs_after: float
    steps: tuple[str, ...]
    tensors: tuple[str, ...] = ()
