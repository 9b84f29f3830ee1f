"""The noise floor of an output, and the size of a difference relative to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from savedmodel_matrix.domain.arrays import ArrayEntry, Named, Output, OutputId
from savedmodel_matrix.domain.power import PowerPart
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.domain.thresholds import NOISE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from savedmodel_matrix.domain.recording import RecordedOutputs


class Moved(Stored):
    """How many numbers were perturbed by -1, 0 or +1 unit in the last place, and operations rounded so."""

    inputs: int
    variables: int
    operations: int


class OutputSpread(Named):
    """The spread of one output's replicates.

    ``std`` is a float64 array of the output's shape, the standard deviation over replicates; None for
    integers, booleans and strings. ``rms`` is the root mean square of each replicate's distance from the
    first run. ``flipped`` is a bool array: the rows whose argmax over the last axis some replicate changed
    (floats of rank 2 and more), or the elements whose value some replicate changed (exact types).
    ``lost`` is the reason if the replicates cannot be used.
    """

    dtype: str
    replicates: int
    lost: str | None
    std: ArrayEntry | None
    rms: tuple[float | None, ...]
    flipped: ArrayEntry


class NoiseFloorPart(Stored):
    """What the measurement ``noise_floor`` records in addition to the outputs of its own first run."""

    replicates: int
    seed: int
    moved: Moved
    outputs: tuple[OutputSpread, ...]
    split: tuple[Output, ...]
    """Outputs of the batch run in two parts, for outputs with one row for each row of the input."""
    unreached: tuple[str, ...]
    """Inputs whose elements could be reordered without changing any output."""
    not_rounded: str | None
    """Why no operation rounded at random, so that only inputs and weights moved; None if they did."""
    anew: bool
    """Whether each replicate loaded the model anew, because its outputs change from run to run."""
    power: PowerPart
    """Which outputs change with which weights."""
    no_power: str | None
    """Why not every kind of weight could be changed; None if it could or that was not asked for."""


@dataclass(frozen=True, slots=True)
class MeasuredFloor:
    """A recorded noise floor: the outputs of its own first run, and the spread of its replicates."""

    run: RecordedOutputs
    part: NoiseFloorPart


@dataclass(frozen=True, slots=True)
class MeasuredSpread:
    """The spread of one output's replicates in the baseline; see ``OutputSpread``.

    ``base`` is the unperturbed output, from the process that ran the replicates. ``swing`` says how
    much more the distance of a replicate from it varies than that of many independent elements would: 1 if
    the elements move each by themselves, about 1.4 if all move together, as behind a normalisation.
    """

    base: ArrayEntry
    std: ArrayEntry | None
    flipped: ArrayEntry
    replicates: int
    lost: str | None
    swing: float = 1.0


#: The largest of 16 replicates' distances, relative to their root mean square, is below this if several
#: elements move by themselves; of a single normal deviate it is about 2.1.
_SEVERAL = 1.5


def _swing(rms: tuple[float | None, ...]) -> float:
    squares = [each * each for each in rms if each]
    largest = (max(squares) * len(squares) / sum(squares)) ** 0.5 if squares else 1.0
    return max(1.0, largest / _SEVERAL)


def spreads_of(floor: MeasuredFloor) -> dict[OutputId, MeasuredSpread]:
    """Return the spread of every output of a noise floor."""
    bases = {output.id: output.array for output in floor.run.outputs}
    return {
        each.id: MeasuredSpread(
            bases[each.id], each.std, each.flipped, each.replicates, each.lost, _swing(each.rms)
        )
        for each in floor.part.outputs
        if each.id in bases
    }


@dataclass(frozen=True, slots=True, eq=False)
class LocalNoise:
    """The root mean square noise of the elements of one scale, in the output's unit.

    ``columns`` is per position of the last axis, of ``width`` elements; ``rows`` per ``row`` consecutive
    elements; ``magnitudes`` per group of neighbouring powers of two. A group too small to tell is infinite.
    """

    width: int
    row: int
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    magnitudes: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """The noise of one float output, in the output's unit.

    ``sigma`` is the root mean square over elements of the standard deviation over replicates, at least
    half a unit in the last place of the output's root mean square ``rms``. ``local`` is the noise of the
    elements of one scale. ``raised`` multiplies both if runs that differ only in threads or in how the
    batch is split show more noise than the replicates. ``jumps`` counts elements that one unit in the last
    place of the input moves across a discontinuity. ``flips`` counts elements that moved, if none moved by
    more than its last bit; None if one did.
    """

    spread: MeasuredSpread
    sigma: float
    rms: float
    local: LocalNoise
    jumps: int
    flips: int | None = None
    raised: float = 1.0

    @property
    def detectable(self) -> float | None:
        """Return the smallest relative change of the whole output that exceeds the noise (``NOISE``)."""
        least = NOISE * 2**0.5 * self.sigma * self.raised * self.spread.swing
        return least / self.rms if self.rms else None


@dataclass(frozen=True, slots=True)
class NoiseRatio:
    """A difference as a multiple of the noise between two runs: over all elements, and where it is worst.

    ``overall`` = rms(a - b) / (sqrt(2) sigma m), with m the swing of the replicates. ``peak`` compares each
    element with the noise of its own scale, z = |a - b| / (sqrt(2) s). s is the largest of its standard
    deviation, of the noise of its peers (the least of its row's, its column's and its magnitude's), of half a
    unit in its last place and of what may underflow. ``peak`` is the largest of z over elements, of rms(z)
    over rows and over columns, each divided by the expected largest of as many normal deviates, and of rms(z)
    over all elements, divided by m.
    """

    overall: float
    peak: float

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.overall, self.peak)


class MovedRow(NamedTuple):
    """A row whose argmax changed: its flat number, and the position of the maximum in the reference and now.

    ``margin`` is b[before] - b[now] over the noise of that difference between two runs, scaled like a peak.
    A row is benign if its margin is within the noise, or if a replicate of the baseline changed it too.
    """

    row: int
    before: int
    now: int
    margin: float
    is_benign: bool
