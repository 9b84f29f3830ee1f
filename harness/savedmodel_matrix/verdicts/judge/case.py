"""One case over all cells that recorded it: what can be compared, the noise floors, and the verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.noise_floor import MeasuredSpread, NoiseRatio, spreads_of
from savedmodel_matrix.domain.thresholds import REAL
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.verdicts.compare.classes import classes
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of
from savedmodel_matrix.verdicts.compare.noise_ratio import (
    is_change_benign,
    moved_rows,
    noise_floor,
    noise_ratio,
)
from savedmodel_matrix.verdicts.compare.pairs import compare_recordings
from savedmodel_matrix.verdicts.compare.variation import sameness, saturation
from savedmodel_matrix.verdicts.judge.before import compared, with_before, with_standings
from savedmodel_matrix.verdicts.judge.calls import call_by_call, calls_of
from savedmodel_matrix.verdicts.judge.caveat import Caveat
from savedmodel_matrix.verdicts.judge.comparators import run_comparator
from savedmodel_matrix.verdicts.judge.nondeterministic import nondeterministic
from savedmodel_matrix.verdicts.judge.output import Judgement, judge_output
from savedmodel_matrix.verdicts.judge.tolerance import limits_for, tolerance_for

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, Output, OutputId
    from savedmodel_matrix.domain.definition import ToleranceDefinition
    from savedmodel_matrix.domain.divergence import Divergence, Tolerance
    from savedmodel_matrix.domain.noise_floor import MeasuredFloor, Moved, MovedRow, NoiseFloor
    from savedmodel_matrix.domain.recording import RecordedOutputs
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.compare.metrics import Cache
    from savedmodel_matrix.verdicts.compare.pairs import OutputDivergence


_MOVED = "when inputs and weights change by one unit in the last place"

#: What to do about outputs that prove little.
_VARY = "give inputs that differ more from each other, and check that the weights are trained"
_UNSATURATE = (
    "behind a softmax or sigmoid, compare its inputs (the logits), or give inputs that it is less sure of"
)

#: If fewer elements than this share move at all, and only by their last bits, that is no measure of noise:
#: the output is saturated, or so coarse that a ratio would compare one rounding with another.
_MEASURABLE = 0.05


_CHANGED_BY = {
    Caveat.BATCH_DEPENDENT: "a different batch size",
    Caveat.THREAD_DEPENDENT: "a different number of threads",
}


@dataclass(frozen=True, slots=True)
class OutputStanding:
    """What is known about one output of the baseline before any comparison."""

    output: OutputId
    array: ArrayEntry
    caveats: Mapping[Caveat, str]
    spread: MeasuredSpread | None
    floor: NoiseFloor | None
    no_floor: str | None
    """Why a float output has no noise floor; None if it has one or is exact."""
    before: OutputId | None = None
    """What stands before its head and is judged for it."""


@dataclass(frozen=True, slots=True)
class JudgedOutput:
    """One output compared between two cells; ``output`` is None for a remark on the recordings as a whole."""

    output: OutputId | None
    divergence: Divergence
    judgement: Judgement
    ratio: NoiseRatio | None = None
    moved: tuple[MovedRow, ...] = ()
    before: JudgedOutput | None = None
    """What stands before its head, judged by its own noise."""


class JudgedCase:
    """The recordings of one case by cell, and how to compare any two of them.

    ``floor`` is the baseline's recording of replicates, ``threads`` the one with a different number of
    threads; None if there is none. ``read`` returns the array of an entry, ideally numeric ones as memory
    maps. ``moving`` names outputs that depend on random numbers or changing state, which spreads their
    replicates. ``other_process`` says whether the floor's first run had the same inputs as the baseline's
    recording here, so that the two must agree bit for bit. ``restarting`` names those of the moving outputs
    that begin the same in every process: every run of them is an output. ``drawn`` are outputs of which many
    runs differ, and where.
    """

    def __init__(
        self,
        recordings: Mapping[str, RecordedOutputs],
        baseline: str,
        floor: MeasuredFloor | None,
        threads: RecordedOutputs | None,
        limits: Mapping[str, ToleranceDefinition],
        read: Callable[[ArrayEntry], Array],
        moving: Container[str],
        restarting: Container[str],
        *,
        other_process: bool = True,
        drawn: Mapping[OutputId, str] = MappingProxyType({}),
    ) -> None:
        self._read = read
        self._moving, self.restarting = moving, restarting
        self._limits = limits
        self._cache: Cache = {}
        self._ratios: dict[tuple[ArrayEntry, ArrayEntry], NoiseRatio] = {}
        if floor is not None and other_process:
            calls = calls_of([*recordings.values(), floor.run, *([threads] if threads else [])], restarting)
            recordings = {cell: call_by_call(each, calls) for cell, each in recordings.items()}
            floor = replace(floor, run=call_by_call(floor.run, calls))
            threads = call_by_call(threads, calls) if threads else None
        differing = nondeterministic(
            recordings, baseline, floor if other_process else None, threads, restarting
        )
        self.nondeterministic = {**drawn, **differing}
        self.sound = {
            cell: compared(found, self.nondeterministic, limits) for cell, found in recordings.items()
        }
        self.groups = classes(self.sound)
        found = self._standings(recordings.get(baseline), floor, threads)
        self.standings = {
            each.output: each
            for each in with_standings(found, recordings.get(baseline), self.sound.get(baseline))
        }

    def judge(self, a: str, b: str) -> list[JudgedOutput]:
        """Return every sound output of either cell, compared and judged; ``b`` is the reference."""
        found = compare_recordings(
            self.sound[a],
            self.sound[b],
            names=(a, b),
            tolerance=self._tolerance,
            read=self._read,
            cache=self._cache,
        )
        sides = tuple({output.id: output for output in self.sound[cell].outputs} for cell in (a, b))
        moved: dict[OutputId, tuple[MovedRow, ...]] = {}
        judged = []
        # Floats first: exact outputs may only repeat their decisions.
        for each in sorted(found, key=lambda one: _is_exact(sides[1], one)):
            judged.append(self._judged(each, sides, moved))
            if each.output is not None:
                moved[each.output] = judged[-1].moved
        order = {each.output: place for place, each in enumerate(found)}
        return with_before(sorted(judged, key=lambda one: order[one.output]))

    def _judged(
        self,
        found: OutputDivergence,
        sides: Sequence[Mapping[OutputId, Output]],
        moved: Mapping[OutputId, tuple[MovedRow, ...]],
    ) -> JudgedOutput:
        divergence = found.divergence
        if found.output is None or divergence.incomparable is not None or not divergence.different:
            return JudgedOutput(found.output, divergence, judge_output(divergence, None, None, ()))
        a, b = (side[found.output] for side in sides)
        limits = limits_for(b, self._limits)
        if limits is not None and limits.comparator is not None:
            left, right = (self._batch(side, found.output.batch) for side in sides)
            judgement = run_comparator(limits.comparator, left, right, str(found.output))
            return JudgedOutput(found.output, divergence, judgement)
        standing = self.standings.get(found.output)
        floor = standing.floor if standing else None
        if floor is not None and floor.spread.base.shape == b.array.shape:
            ratio = self._ratio(floor, a.array, b.array)
            rows = moved_rows(floor, a.array, b.array, self._read) if divergence.decision_changed else ()
            return JudgedOutput(
                found.output, divergence, judge_output(divergence, limits, ratio, rows), ratio, rows
            )
        benign = None
        if element_of(b.array.dtype).kind not in (Kind.FLOAT, Kind.COMPLEX) and self.has_floors:
            floats = [
                (sides[1][name].array, rows)
                for name, rows in moved.items()
                if (name.batch, name.call) == (found.output.batch, found.output.call)
            ]
            spread = standing.spread if standing else None
            benign = is_change_benign(a.array, b.array, spread, floats, self._read)
        judgement = judge_output(divergence, limits, None, (), benign_change=benign)
        return JudgedOutput(found.output, divergence, judgement)

    @property
    def has_floors(self) -> bool:
        """Whether the baseline's noise was measured."""
        return any(standing.spread is not None for standing in self.standings.values())

    def _ratio(self, floor: NoiseFloor, a: ArrayEntry, b: ArrayEntry) -> NoiseRatio:
        if (a, b) not in self._ratios:
            ratio = noise_ratio(floor, a, b, self._read)
            # At a discontinuity a single element may jump in one run only; the noise is how many do.
            self._ratios[a, b] = replace(ratio, peak=0.0) if floor.jumps else ratio
        return self._ratios[a, b]

    def _tolerance(self, output: Output) -> Tolerance:
        return tolerance_for(output, limits_for(output, self._limits))

    def _batch(self, side: Mapping[OutputId, Output], batch: int) -> dict[str, Array]:
        return {
            str(name): self._read(output.array)
            for name, output in side.items()
            if name.batch == batch and not name.is_before
        }

    def _standings(
        self,
        recorded: RecordedOutputs | None,
        floor: MeasuredFloor | None,
        threads: RecordedOutputs | None,
    ) -> list[OutputStanding]:
        spreads = {} if floor is None else spreads_of(floor)
        moved = None if floor is None else floor.part.moved
        # Their replicates are runs of other numbers, unless each began anew.
        anew = self.restarting if floor is not None and floor.part.anew else ()
        others = {
            Caveat.BATCH_DEPENDENT: _entries(floor.part.split if floor else ()),
            Caveat.THREAD_DEPENDENT: _entries(threads.outputs if threads else ()),
        }
        return [
            self._standing(output, spreads.get(output.id), moved, others, anew)
            for output in (recorded.outputs if recorded else ())
        ]

    def _standing(
        self,
        output: Output,
        spread: MeasuredSpread | None,
        moved: Moved | None,
        others: Mapping[Caveat, Mapping[OutputId, ArrayEntry]],
        anew: Container[str],
    ) -> OutputStanding:
        caveats: dict[Caveat, str] = {}
        if output.id in self.nondeterministic:
            caveats[Caveat.NONDETERMINISTIC] = self.nondeterministic[output.id]
        if same := sameness(output.array, self._read):
            caveats[Caveat.DEGENERATE] = f"{same}, so agreement proves nothing; {_VARY}"
        elif full := saturation(output.array, self._read):
            caveats[Caveat.SATURATED] = f"{full}; {_UNSATURATE}"
        is_float = element_of(output.array.dtype).kind in (Kind.FLOAT, Kind.COMPLEX)
        floor, problem = None, None
        if is_float and spread is None:
            problem = "its noise was not measured"
        elif is_float and output.id.name in self._moving and output.id.name not in anew:
            problem = "it depends on random numbers or changing state, which are not noise"
        elif is_float and spread is not None and not (moved and any(dict(moved).values())):
            problem = "the model has no float inputs or weights to perturb"
        elif is_float and spread is not None and spread.lost is not None:
            problem = spread.lost
        elif is_float and spread is not None:
            floor = noise_floor(spread, self._read)
            problem = None if floor else "it has no elements"
            if (
                floor is not None
                and floor.flips
                and floor.flips < _MEASURABLE * math.prod(output.array.shape)
            ):
                problem = (
                    f"not measurable: {_elements(floor.flips, 'move')} {_MOVED}, by the last bit and no more"
                )
                floor = None
        if floor is not None:
            floor = self._raised(floor, output.id, others, caveats)
        caveats |= self._conditioning(spread, floor)
        return OutputStanding(output.id, output.array, caveats, spread, floor, problem)

    def _raised(
        self,
        floor: NoiseFloor,
        output: OutputId,
        others: Mapping[Caveat, Mapping[OutputId, ArrayEntry]],
        caveats: dict[Caveat, str],
    ) -> NoiseFloor:
        """Return the floor, raised to the noise of benign settings; beyond all noise, add a caveat."""
        raised = 1.0
        for caveat, entries in others.items():
            entry = entries.get(output)
            if entry is None or (entry.shape, entry.dtype) != (
                floor.spread.base.shape,
                floor.spread.base.dtype,
            ):
                continue
            ratio = noise_ratio(floor, entry, floor.spread.base, self._read).worst
            if ratio > REAL:
                # A floor raised this far would hide real differences.
                caveats[caveat] = f"{_CHANGED_BY[caveat]} changes it by {ratio:.3g} times its noise"
            else:
                raised = max(raised, ratio)
        return replace(floor, raised=raised)

    def _conditioning(self, spread: MeasuredSpread | None, floor: NoiseFloor | None) -> dict[Caveat, str]:
        if floor is not None and floor.jumps:
            return {Caveat.ILL_CONDITIONED: f"{_elements(floor.jumps, 'jump')} {_MOVED}"}
        if spread is not None and spread.std is None and spread.lost is None:
            flips = int(self._read(spread.flipped).sum())
            if flips:
                return {Caveat.ILL_CONDITIONED: f"{_elements(flips, 'change')} {_MOVED}"}
        return {}


def _elements(number: int, verb: str) -> str:
    return f"{count(number, 'element')} {verb}{'s' if number == 1 else ''}"


def _is_exact(side: Mapping[OutputId, Output], found: OutputDivergence) -> bool:
    output = side.get(found.output) if found.output is not None else None
    return output is not None and element_of(output.array.dtype).kind not in (Kind.FLOAT, Kind.COMPLEX)


def _entries(outputs: Sequence[Output]) -> dict[OutputId, ArrayEntry]:
    return {output.id: output.array for output in outputs}
