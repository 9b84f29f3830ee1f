"""Classes of cells whose outputs are bit-identical. Only bit identity is an equivalence."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import Output
    from savedmodel_matrix.domain.recording import RecordedOutputs

Cell = TypeVar("Cell", bound="Hashable")


def classes(recordings: Mapping[Cell, RecordedOutputs]) -> list[tuple[Cell, ...]]:
    """Return the cells of one case in classes, both in order of first appearance.

    The cells of a class have the same outputs with the same bits in the first run; the order of the outputs
    does not count. A recording without outputs, or with one listed twice, is in a class of its own, because
    nothing may be called identical without a comparison.
    """
    found: dict[frozenset[Output] | Cell, list[Cell]] = {}
    for cell, recording in recordings.items():
        content = frozenset(recording.outputs)
        is_sound = bool(content) and len({output.id for output in content}) == len(recording.outputs)
        found.setdefault(content if is_sound else cell, []).append(cell)
    return [tuple(cells) for cells in found.values()]


def representative_pairs(
    groups: Sequence[tuple[Cell, ...]], baseline: Cell | None = None
) -> Iterator[tuple[Cell, Cell]]:
    """Yield one pair ``(a, b)`` of first members for every two classes.

    ``b``, the reference, is from the baseline's class if the pair includes it, else from the earlier class.
    Pairs with the baseline's class come first.
    """
    ordered = sorted(groups, key=lambda cells: baseline not in cells)
    for reference, other in combinations(ordered, 2):
        yield other[0], reference[0]
