"""A way to make one side from the raw input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.verdicts.diagnose.pair import Array


@dataclass(frozen=True)
class Recipe:
    """One way to make a tensor, and what it makes.

    ``parts`` says what is done at each step, by the id of the diagnosis that another way would be. Elements
    that a recipe says nothing of are NaN in ``made``, as at the ends of a sound.
    """

    parts: Mapping[str, str]
    made: Array
    cost: float = 0.0
