"""Compares two recordings of one case: every output of either, without silent omissions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.divergence import Divergence
from savedmodel_matrix.verdicts.compare.metrics import compare_cached

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.domain.arrays import Output, OutputId
    from savedmodel_matrix.domain.divergence import Tolerance
    from savedmodel_matrix.domain.recording import RecordedOutputs
    from savedmodel_matrix.verdicts.compare.metrics import Cache, Reader


@dataclass(frozen=True, slots=True)
class OutputDivergence:
    """The measurements of one output; ``output`` is None for a remark on the recordings as a whole.

    ``unstable`` says that the output was not bit-equal between the runs of one of the two cells.
    """

    output: OutputId | None
    divergence: Divergence
    unstable: bool = False


def compare_recordings(
    a: RecordedOutputs,
    b: RecordedOutputs,
    *,
    names: tuple[str, str],
    tolerance: Callable[[Output], Tolerance],
    read: Reader,
    cache: Cache,
) -> list[OutputDivergence]:
    """Return one divergence for every output that either recording has; ``b`` is the reference.

    ``names`` are the names of the two in reasons; ``tolerance`` gives the tolerance of outputs that both
    have. An output that only one has, or that one lists twice, is incomparable, and so are two recordings
    without any output.
    """
    sides = {output.id: output for output in a.outputs}, {output.id: output for output in b.outputs}
    counts = Counter(output.id for output in a.outputs), Counter(output.id for output in b.outputs)
    union = dict.fromkeys([*sides[1], *sides[0]])
    if not union:
        nothing = f"nothing to compare: neither {names[0]} nor {names[1]} has outputs"
        return [OutputDivergence(None, Divergence.not_comparable(nothing))]
    found = []
    for output in union:
        reason = _one_sided(output, sides, names) or _twice(output, counts, names)
        if reason:
            divergence = Divergence.not_comparable(reason)
        else:
            left, right = (side[output] for side in sides)
            divergence = compare_cached(cache, left.array, right.array, read, tolerance(right))
        found.append(OutputDivergence(output, divergence, output in a.unstable | b.unstable))
    return found


def _one_sided(
    output: OutputId, sides: tuple[dict[OutputId, Output], ...], names: tuple[str, str]
) -> str | None:
    having = [name for name, side in zip(names, sides, strict=True) if output in side]
    return f"only in {having[0]}" if len(having) == 1 else None


def _twice(output: OutputId, counts: tuple[Counter[OutputId], ...], names: tuple[str, str]) -> str | None:
    listed = [name for name, count in zip(names, counts, strict=True) if count[output] > 1]
    return f"listed more than once in {' and '.join(listed)}" if listed else None
