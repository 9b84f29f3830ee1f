"""Moving floats by one unit in the last place, in arrays and in the variables of a model."""

import numpy as np

#: An integer type per width: stepping it by one steps a float of the same bits by one unit.
_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}
#: Bits of infinity without its sign, for the types whose values are stored under another type's name.
INFINITY = {"float16": 0x7C00, "bfloat16": 0x7F80, "float32": 0x7F800000, "float64": 0x7FF0000000000000}
_LEAST_NORMAL = {"float16": 0x0400, "bfloat16": 0x0080, "float32": 0x00800000, "float64": 0x0010000000000000}
PARTS = {"complex64": "float32", "complex128": "float64"}


def perturb(array, dtype, random):
    """Return a copy of ``array``, of TensorFlow type ``dtype``, each element moved by -1, 0 or +1 ULP.

    Zeros, infinities and NaN do not change, and nothing becomes subnormal, because TensorFlow flushes that to
    zero. Returns ``None`` for a type without rounding.
    """
    part = PARTS.get(dtype, dtype)
    if part not in INFINITY:
        return None
    copied = np.array(array, order="C")
    bits = copied.reshape(-1).view(_BITS[2 if part in ("float16", "bfloat16") else int(part[5:]) // 8])
    magnitude = bits & np.array(np.iinfo(bits.dtype).max, bits.dtype)
    steps = random.randint(-1, 2, size=bits.shape).astype(bits.dtype)
    moves = (magnitude > _LEAST_NORMAL[part]) & (magnitude < INFINITY[part] - 1)
    bits += np.where(moves, steps, 0).astype(bits.dtype)
    return copied


class Variables:
    """The float variables that a model reads, to be moved; ``are_all`` says whether it reads no others."""

    def __init__(self, found):
        self._variables = []
        self.are_all = True
        for variable in found:
            dtype = variable.dtype.base_dtype.name
            if dtype in INFINITY or dtype in PARTS:
                self._variables.append((variable, variable.numpy(), dtype))
            else:
                self.are_all = False

    @property
    def elements(self):
        """The number of moved values."""
        return int(sum(value.size for _, value, _ in self._variables))

    def restore(self):
        """Assign every variable its value."""
        for variable, value, _ in self._variables:
            variable.assign(value)

    def move(self, random):
        """Assign every variable its value with each element moved."""
        for variable, value, dtype in self._variables:
            variable.assign(perturb(value, dtype, random))
