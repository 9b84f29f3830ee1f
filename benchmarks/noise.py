"""Float noise, planted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.compare.elements import Array


def with_noise(values: Array, random: np.random.Generator) -> Array:
    """Return float32 values with about one unit in the last place added, subtracted, or neither."""
    steps = random.integers(-1, 2, values.shape).astype(np.float32)
    noisy: Array = values * (1 + np.float32(2**-23) * steps)
    return noisy
