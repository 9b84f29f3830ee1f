"""Random outputs: samples of many runs."""

from __future__ import annotations

from savedmodel_matrix.domain.arrays import ArrayEntry, Named, Size
from savedmodel_matrix.domain.stored import Stored


class Sample(Named):
    """What is kept of the runs of one output; see the result in ``savedmodel_matrix.probe.__main__``.

    ``values`` is runs × kept elements, ``whole`` runs × numbers on all elements (``ABOUT``). Of an output
    that never ``varies``, both have one row.
    """

    dtype: str
    shape: tuple[Size, ...] | None
    """None if it changes from run to run; then there are no ``values``."""
    runs: int
    varies: bool
    positions: ArrayEntry
    """The flat position of each kept element."""
    values: ArrayEntry | None
    whole: ArrayEntry


class DistributionPart(Stored):
    """What the measurement ``distribution`` records."""

    runs: int
    anew: bool
    """Whether each run loaded the model, because it writes variables or tables."""
    samples: tuple[Sample, ...]


#: The columns of ``Sample.whole``.
ABOUT = (
    "the number of elements",
    "the share of zeros",
    "the share of finite elements",
    "the mean of a run",
    "the standard deviation within a run",
    "the least element",
    "the largest element",
)
