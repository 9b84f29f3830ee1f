"""What the noise floor of an output is, and what two recordings are against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from savedmodel_matrix.domain.recording import ArrayEntry, OutputId
from savedmodel_matrix.domain.thresholds import NOISE

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class MeasuredSpread:
    """What replicates of one output in the baseline did, as ``savedmodel_matrix.probe`` recorded it.

    ``base`` is the output without anything moved, in the process that ran the replicates. ``std`` is
    float64 of its shape, and None for integers, booleans and strings. ``flipped`` tells which rows had
    another argmax over the last axis in some replicate (floats of rank 2 and more), or which elements
    another value (what is exact). ``lost`` says why the replicates cannot be used, if they cannot.
    """

    base: ArrayEntry
    std: ArrayEntry | None
    flipped: ArrayEntry
    replicates: int
    lost: str | None

    @classmethod
    def from_json(cls, base: ArrayEntry, entry: Mapping[str, Any]) -> Self:
        """Return what a recording's ``floor`` holds of one output, whose own array is ``base``."""
        std = entry["std"]
        return cls(
            base=base,
            std=None if std is None else ArrayEntry.from_json(std),
            flipped=ArrayEntry.from_json(entry["flipped"]),
            replicates=entry["replicates"],
            lost=entry["lost"],
        )


def spreads_of(recording: Mapping[str, Any]) -> dict[OutputId, MeasuredSpread]:
    """Return the spread of every output of a noise floor's recording."""
    bases = {
        OutputId(output["batch"], output["name"], output["component"]): ArrayEntry.from_json(output["array"])
        for output in recording["outputs"]
    }
    entries = {
        OutputId(entry["batch"], entry["name"], entry["component"]): entry
        for entry in recording["floor"]["outputs"]
    }
    return {name: MeasuredSpread.from_json(bases[name], entry) for name, entry in entries.items()}


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """The noise of one float output, in its own unit.

    ``sigma`` is the root mean square over elements of the standard deviation over replicates, at least
    half a unit in the last place of the output's root mean square ``rms``. ``columns`` is the same per
    position of the last axis. ``raised`` multiplies both: what runs that differ by nothing but threads or
    the splitting of a batch showed to be noise although replicates were quieter. ``jumps`` counts elements
    that one unit in the last place of the input throws through a discontinuity.
    """

    spread: MeasuredSpread
    sigma: float
    rms: float
    columns: tuple[float, ...]
    jumps: int
    raised: float = 1.0

    @property
    def detectable(self) -> float | None:
        """Return the least relative change of the whole output that is told from noise (``NOISE``)."""
        return NOISE * 2**0.5 * self.sigma * self.raised / self.rms if self.rms else None


@dataclass(frozen=True, slots=True)
class NoiseRatio:
    """How many times the noise of two runs a difference is: over all elements, and at the worst one.

    ``overall`` = rms(a - b) / (sqrt(2) sigma). ``peak`` is the largest |a - b| / (sqrt(2) s) over elements,
    with s the larger of the element's own standard deviation, its column's and half a unit in its last
    place, divided by sqrt(2 ln N), which is what the largest of N normal deviates comes to.
    """

    overall: float
    peak: float

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.overall, self.peak)


class MovedRow(NamedTuple):
    """A row whose argmax moved: its flat number, and the position of the maximum in the reference and now.

    ``margin`` is b[before] - b[now] over the noise of that difference in two runs, divided as a peak is.
    A row is benign if its margin is within the noise, or if a replicate of the baseline moved it too.
    """

    row: int
    before: int
    now: int
    margin: float
    is_benign: bool
