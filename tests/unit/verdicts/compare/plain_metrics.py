"""The metrics once more, over whole arrays and in the plainest way, to hold the real ones against."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.probe.arrays import STORED_AS, stored_dtype

FLOAT8 = [dtype for dtype in STORED_AS if dtype.startswith("float8")]
MANTISSA_BITS = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52, "complex64": 23}
LEAST_EXPONENT = {"float16": -14, "bfloat16": -126, "float32": -126, "float64": -1022, "complex64": -126}


class Memory:
    """Arrays kept in memory as if they had been recorded; ``read`` is the reader of them."""

    def __init__(self):
        self.arrays = {}
        self.reads = 0

    def entry(self, values, dtype):
        stored = np.ascontiguousarray(values)
        if dtype in STORED_AS and stored.dtype != np.dtype(STORED_AS[dtype]):
            stored = stored.view(STORED_AS[dtype])
        stored = stored.astype(stored_dtype(dtype), casting="equiv").reshape(np.shape(values))
        name = f"{stored.dtype.str}{stored.shape}{stored.tobytes().hex()}"
        self.arrays[name] = stored
        return ArrayEntry(dtype, stored.shape, (name,), stored.nbytes)

    def strings(self, items, shape):
        data = np.frombuffer(b"".join(items), dtype="|u1")
        offsets = np.cumsum([0, *map(len, items)]).astype("<i8")
        names = f"data {data.tobytes()!r}", f"offsets {offsets.tolist()}"
        self.arrays |= dict(zip(names, (data, offsets), strict=True))
        return ArrayEntry("string", shape, names, data.nbytes)

    def read(self, entry):
        self.reads += 1
        (name,) = entry.objects
        array = self.arrays[name]
        assert array.shape == entry.shape
        return array


def as_floats(values, dtype):
    """Cast up a stored or native array of a float type, without loss."""
    if dtype in STORED_AS:
        values = values.view(getattr(ml_dtypes, dtype))
    with np.errstate(invalid="ignore"):  # signalling NaN
        return values.astype(np.complex128 if dtype.startswith("complex") else np.float64)


def passes(a, b, tolerance):
    """NumPy's criterion: equal (NaN to NaN, infinity to infinity), or finite and close enough."""
    with np.errstate(all="ignore"):
        close = np.isfinite(a) & np.isfinite(b)
        close &= np.abs(a - b) <= tolerance.atol + tolerance.rtol * np.abs(b)
        return close | (a == b) | (np.isnan(a) & np.isnan(b))


def ulp(value, dtype):
    """Return the distance from a positive number to the next larger of a type, as a fraction."""
    exponent = max(math.frexp(value)[1] - 1, LEAST_EXPONENT[dtype]) if value else LEAST_EXPONENT[dtype]
    return Fraction(2) ** (exponent - MANTISSA_BITS[dtype])


def scaled_ulp(a, b, dtype):
    """Return max |a - b| / ulp(max(|a|, |b|, rms)) of real float64 arrays, exactly but for the rms."""
    finite = np.isfinite(a) & np.isfinite(b)
    pairs = list(zip(a[finite].tolist(), b[finite].tolist(), strict=True))
    if not pairs:
        return 0.0
    rms = max(root_mean_square([x for x, _ in pairs]), root_mean_square([y for _, y in pairs]))
    return float(max(abs(Fraction(x) - Fraction(y)) / ulp(max(abs(x), abs(y), rms), dtype) for x, y in pairs))


def root_mean_square(values):
    """Return the root mean square, exactly rounded or nearly so, whatever the exponents."""
    peak = max(map(abs, values))
    if not peak:
        return 0.0
    exponent = math.frexp(peak)[1]
    mean = sum(Fraction(math.ldexp(abs(value), -exponent)) ** 2 for value in values) / len(values)
    return math.ldexp(math.sqrt(mean), exponent)


def norm(values):
    """Return the Euclidean norm as a fraction, good to float64's precision."""
    peak = max(map(abs, values), default=Fraction(0))
    if not peak:
        return Fraction(0)
    return peak * Fraction(math.sqrt(sum((abs(value) / peak) ** 2 for value in values)))


def cosine(a, b):
    """Return the cosine of lists of fractions; 1 if they are equal, None if only one is zero throughout."""
    if a == b:
        return 1.0
    moduli = norm(a) * norm(b)
    return float(sum(x * y for x, y in zip(a, b, strict=True)) / moduli) if moduli else None


def top(row, count):
    """Return the indices of the largest, NaN first, then by value, ties by index."""
    return sorted(range(len(row)), key=lambda i: (not math.isnan(row[i]), -row[i], i))[:count]


def agreement(a, b, count):
    """Return the mean share, over rows, of the largest ``count`` that both have."""
    rows = zip(a.tolist(), b.tolist(), strict=True)
    return float(np.mean([len(set(top(x, count)) & set(top(y, count))) / count for x, y in rows]))


def kl(a, b, dtype):
    """Return the largest KL(b || a) over rows that are finite on both sides, or None, in long double."""
    found = [
        _kl(x.astype(np.longdouble), y.astype(np.longdouble), dtype)
        for x, y in zip(a, b, strict=True)
        if np.isfinite(x).all() and np.isfinite(y).all()
    ]
    return float(max(found)) if found else None


def _kl(a, b, dtype):
    bits = MANTISSA_BITS[dtype]
    if (b >= 0).all() and abs(b.sum() - 1) <= max(1e-3, 2.0**-bits):
        least = np.longdouble(2) ** (LEAST_EXPONENT[dtype] - bits)
        positive = np.maximum(a, 0)
        q = np.log(np.maximum(positive / (positive.sum() or 1), least))
        p = b / b.sum()
        return sum(x * (np.log(x) - y) for x, y in zip(p, q, strict=True) if x)
    p, q = (row - row.max() - np.log(np.exp(row - row.max()).sum()) for row in (b, a))
    return (np.exp(p) * (p - q)).sum()
