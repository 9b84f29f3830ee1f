"""Measures how much two arrays of one output differ, in the same way as between two cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import Output
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.compare.metrics import compare_arrays
from savedmodel_matrix.verdicts.compare.noise_ratio import moved_rows, noise_ratio
from savedmodel_matrix.verdicts.judge.output import Decision, judge_output
from savedmodel_matrix.verdicts.judge.tolerance import limits_for, tolerance_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
    from savedmodel_matrix.domain.check import CheckPart
    from savedmodel_matrix.domain.definition import ToleranceDefinition
    from savedmodel_matrix.domain.noise_floor import MovedRow, NoiseFloor
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedCase


@dataclass(frozen=True, slots=True)
class Found:
    """One difference, measured; ``size`` is its size in words."""

    output: OutputId
    what: str
    position: int | None
    ratio: float | None
    size: str


@dataclass
class Weighed:
    """The differences of a check: beyond noise, within noise, and in outputs that change by themselves."""

    compared: int
    real: list[Found] = field(default_factory=list)
    noise: list[Found] = field(default_factory=list)
    unsettled: list[Found] = field(default_factory=list)


class Ruler:
    """The noise floors of a case's outputs, the matrix's own limits for them, and the means to read arrays.

    The baseline's floor is used in every cell, as it is between cells, except for outputs that change by
    themselves: their replicates show that change, not rounding. ``changing`` names such outputs in addition
    to those that ``judged`` knows.
    """

    def __init__(
        self,
        judged: JudgedCase,
        limits: Mapping[str, ToleranceDefinition],
        changing: set[OutputId],
        read: Callable[[ArrayEntry], Array],
    ) -> None:
        self.read = read
        self._limits = limits
        self._floors: dict[OutputId, NoiseFloor] = {
            name: standing.floor
            for name, standing in judged.standings.items()
            if standing.floor is not None
            and name not in judged.nondeterministic
            and name not in changing
            and name.name not in judged.restarting
        }

    def measure(
        self, output: OutputId, a: ArrayEntry, b: ArrayEntry, *, bare: bool
    ) -> tuple[Verdict, float | None, str]:
        """Return the verdict on ``a`` against ``b``, the noise ratio, and the difference's size in words.

        ``bare`` is for different thread counts and batch sizes. Since these raise a floor, the unraised floor
        is used, and a difference that would only raise it (below ``REAL``) is noise.
        """
        limits = limits_for(Output.of(output, b), self._limits)
        if limits is not None and limits.comparator is not None:
            limits = None  # a comparator compares whole batches of two cells
        divergence = compare_arrays(a, b, self.read, tolerance_for(Output.of(output, b), limits))
        floor, ratio = self._floors.get(output), None
        moved: tuple[MovedRow, ...] = ()
        if floor is not None and divergence.incomparable is None and floor.spread.base.shape == b.shape:
            floor = replace(floor, raised=1.0) if bare else floor
            ratio = noise_ratio(floor, a, b, self.read)
            ratio = replace(ratio, peak=0.0) if floor.jumps else ratio
            moved = moved_rows(floor, a, b, self.read) if divergence.decision_changed else ()
        judgement = judge_output(divergence, limits, ratio, moved)
        verdict = judgement.verdict
        if bare and verdict is Verdict.SUSPICIOUS and judgement.decision is not Decision.REAL:
            verdict = Verdict.FLOAT_NOISE
        if divergence.incomparable is not None:
            return verdict, None, divergence.incomparable
        worst = None if ratio is None else ratio.worst
        if divergence.max_abs is None:
            return verdict, worst, f"{divergence.different} of {divergence.elements} elements"
        times = "" if worst is None else f", {worst:.3g} times its noise"
        return verdict, worst, f"{divergence.max_abs:.3g}{times}"


def weigh(part: CheckPart, ruler: Ruler, *, bare: bool) -> Weighed:
    """Return the differences that a check recorded, each compared with the noise."""
    weighed = Weighed(part.compared)
    unsettled = {each.id for each in part.unsettled}
    for each in part.differences:
        output = each.id
        if each.array is None or each.reference is None:
            sizes = "being returned by only one of two calls"
            found = Found(output, each.what, each.position, None, sizes)
            verdict = Verdict.INCOMPARABLE
        else:
            verdict, ratio, size = ruler.measure(output, each.array, each.reference, bare=bare)
            found = Found(output, each.what, each.position, ratio, size)
        if verdict.severity <= Verdict.FLOAT_NOISE.severity:
            weighed.noise.append(found)
        elif output in unsettled:
            weighed.unsettled.append(found)
        else:
            weighed.real.append(found)
    return weighed


def named(found: Sequence[Found]) -> str:
    """Return the names of the outputs of some differences, as a noun phrase."""
    names = list(dict.fromkeys(str(each.output) for each in found))
    return ("output " if len(names) == 1 else "outputs ") + ", ".join(f"'{name}'" for name in names)
