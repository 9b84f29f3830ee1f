"""A way to make one side from the raw input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.verdicts.diagnose.pair import Array


@dataclass(frozen=True)
class Recipe:
    """One way to make a tensor, and its result.

    ``parts`` describes each step, by the id of the diagnosis if the other side does it differently. Elements
    that a recipe does not determine, such as the ends of a sound, are NaN in ``made``. ``left`` is what the
    recipe leaves of the side, and ``beaten`` what the best one with another meaning leaves, in the same unit.
    """

    parts: Mapping[str, str]
    made: Array
    cost: float = 0.0
    left: float | None = None
    beaten: float | None = None
