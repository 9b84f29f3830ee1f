"""What the inputs of a case would have noticed: its weights changed one by one in the baseline."""

from __future__ import annotations

from dataclasses import dataclass

from savedmodel_matrix.domain.arrays import Output
from savedmodel_matrix.domain.stored import Stored


class Nudge(Stored):
    """One weight of ``size`` elements, each moved up or down by ``level`` times their root mean square.

    ``outputs`` are those, of any call, that changed in at least one bit. ``lost`` says that the model failed
    or returned other outputs, which nobody would miss.
    """

    weight: str
    size: int
    level: float
    outputs: tuple[Output, ...]
    lost: bool


class PowerPart(Stored):
    """What the measurement ``noise_floor`` records about changed weights.

    ``weights`` is the number of float weights that the outputs depend on, ``left_out`` that of their other
    variables: integers, and what is zero throughout. No output depends on the ``unused`` ones that the entry
    has, too. ``tried`` ends when ``seconds`` are over.
    """

    seconds: float
    weights: int
    left_out: int
    unused: int
    tried: tuple[Nudge, ...]


@dataclass(frozen=True, slots=True)
class Noticed:
    """In how many of the weights that were changed by ``level`` the change is beyond noise."""

    level: float
    noticed: int
    tried: int

    @property
    def share(self) -> float | None:
        """As a share of those tried; None if none was."""
        return self.noticed / self.tried if self.tried else None


@dataclass(frozen=True, slots=True)
class Power:
    """Which changes of a model's weights some inputs notice: at every level, the largest first.

    ``blind_to`` names the weights in which not even the largest change is noticed, ``per_output`` says how
    many each output notices at the largest level.
    """

    levels: tuple[Noticed, ...]
    weights: int
    left_out: int
    blind_to: tuple[str, ...]

    @property
    def share(self) -> float | None:
        """The share of the weights in which the largest change is noticed; None if none was tried."""
        return self.levels[0].share if self.levels else None
