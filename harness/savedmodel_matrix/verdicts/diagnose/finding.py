"""The type of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One named difference between training's preprocessing and serving's, proven by undoing it.

    ``before`` and ``residual`` are the relative L2 distance of the two sides, relative to training, as
    recorded and after the correction; ``max_abs_before`` and ``max_abs_after`` are their largest difference.
    An element without a counterpart (NaN on one side; if the shapes differ, all elements) is compared with
    zero. For strings, ``before`` and ``residual`` are the fraction of elements that differ.

    ``steps`` are the ids of the single corrections, in the order they were applied. ``tensors`` are the
    names of the tensors that it explains. A tensor that differs and that no diagnosis names is unexplained.

    ``where`` says in which part of the tensor the sides differ, ``proof`` what shows the cause if that is not
    a correction, and ``left`` what remains where a correction removes only most of the difference.
    ``harmless`` is a difference that libraries cannot avoid. ``ties`` are the titles of explanations that
    fit as well, and ``experiment`` is what would tell them apart.
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
    where: str = ""
    proof: str = ""
    left: str = ""
    harmless: bool = False
    ties: tuple[str, ...] = ()
    experiment: str = ""
