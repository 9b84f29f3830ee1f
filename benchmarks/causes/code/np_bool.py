"""A name that NumPy 1.24 removed."""

import numpy as np

MASK = np.zeros([2], np.bool)
