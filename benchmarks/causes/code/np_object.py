"""Another one."""

import numpy as np

NAMES = np.array(["a", "b"], dtype=np.object)
