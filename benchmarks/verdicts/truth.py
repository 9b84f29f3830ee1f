"""What is real among planted changes, by a rule of its own: how much more than a benign cell they change.

A part of an output is the whole of it, one entry of its first axis, or one of its last. A change is *real* if
in some part its root mean square is more than ``BEYOND`` times the largest that any benign cell has there, or
that moving every weight by one unit in the last place has. Half a unit in the last place of the part's own
size counts as benign too. Of what has no rounding (whole numbers, strings) one element is enough, if it is
the same in all benign cells. A change that changes no bit is *silent*: it is real, and only the inputs do not
show it. Everything else is *undetectable*.

The rule knows nothing of noise floors and verdicts. It was fixed before any held-out model was judged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

BEYOND = 3.0


def times_benign(changed: Arrays, base: Arrays, benign: Sequence[Arrays]) -> float | None:
    """Return how many times as much as benign a change is, in the part where it is most; None if silent."""
    if changed.keys() != base.keys():
        return math.inf
    if all(_same(changed[name], base[name]) for name in base):
        return None
    return max(
        _times(changed[name], base[name], [each[name] for each in benign if name in each]) for name in base
    )


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and bool(_equal(a, b).all())


def _equal(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = np.asarray(a == b)
    return same | (np.isnan(a) & np.isnan(b)) if _is_float(a) else same


def _is_float(array: NDArray[Any]) -> bool:
    # ml_dtypes' kinds are those of raw bytes.
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _times(changed: NDArray[Any], base: NDArray[Any], benign: Sequence[NDArray[Any]]) -> float:
    if changed.shape != base.shape:
        return math.inf
    alike = [each for each in benign if each.shape == base.shape]
    if not _is_float(base):
        stays = np.logical_and.reduce([_equal(each, base) for each in alike])
        return math.inf if (stays & ~_equal(changed, base)).any() else 0.0
    unit = float(_epsilon(base)) / 2
    wide, other = base.astype(np.float64), changed.astype(np.float64)
    if (np.isfinite(wide) != np.isfinite(other)).any():
        return math.inf
    sizes = _rms_of_parts(wide) * unit
    noise = [_rms_of_parts(each.astype(np.float64) - wide) for each in alike]
    most = np.maximum.reduce([sizes, *noise])
    found = _rms_of_parts(other - wide)
    with np.errstate(all="ignore"):
        return float(np.max(np.where(found > 0, found / most, 0.0)))


def _epsilon(array: NDArray[Any]) -> float:
    return 2.0**-7 if array.dtype.name == "bfloat16" else float(np.finfo(array.dtype).eps)


def _rms_of_parts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([_rms(part) for part in _parts(np.where(np.isfinite(values), values, 0.0))])


def _parts(values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    yield values
    if values.ndim > 1:
        yield from values
        yield from np.moveaxis(values, -1, 0)


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values * values))) if values.size else 0.0
