"""Groups classes that are equal up to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from savedmodel_matrix.domain.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

Class = TypeVar("Class", bound="Hashable")


def clusters(
    classes: Sequence[Class], verdict: Callable[[Class, Class], Verdict | None]
) -> list[tuple[Class, ...]]:
    """Return clusters in which no two classes differ by more than noise, in order of appearance.

    By complete linkage: closeness is not transitive, so a class joins a cluster only if it is close to
    every member. ``verdict`` of a pair that was not measured is None; such a pair does not join.
    """
    found: list[list[Class]] = []
    for each in classes:
        for cluster in found:
            if all(_is_close(verdict(each, other)) for other in cluster):
                cluster.append(each)
                break
        else:
            found.append([each])
    return [tuple(cluster) for cluster in found]


def _is_close(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.severity <= Verdict.FLOAT_NOISE.severity
