"""And another."""

import numpy as np


def scaled(values):
    return np.asarray(values).astype(np.float) / 255


SCALED = scaled([1, 2])
