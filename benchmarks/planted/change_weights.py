"""Changes of weights: each function takes one tensor's values, the parameters and a random state."""

import re
from typing import Any

import numpy as np

#: Explicit mantissa bits of what a float32 is rounded to. TF32 is what an Ampere GPU multiplies in.
MANTISSA = {"bfloat16": 7, "tf32": 10}
_MANTISSA_FLOAT32 = 23
#: What a checkpoint holds beside the weights of inference: optimizers, their slots, counters, metrics.
_NOT_WEIGHTS = re.compile(
    r"(^|/)(optimizer|\.OPTIMIZER_SLOT|keras_api|iter|decay|learning_rate|save_counter|global_step"
    r"|Adam(_1)?|Adagrad|Momentum|Ftrl(_1)?|RMSProp(_1)?)(/|$)"
)


def is_weight(name: str) -> bool:
    """Tell whether inference can read what a checkpoint holds under this name."""
    return _NOT_WEIGHTS.search(name) is None


def scaled(values: Any, parameters: Any, _: Any) -> Any:  # noqa: ANN401 - NumPy of any version
    """Return the float32 values nearest to ``factor`` times the given ones."""
    return (values.astype(np.float64) * parameters["factor"]).astype(np.float32)


def with_columns_scaled(values: Any, parameters: Any, _: Any) -> Any:  # noqa: ANN401
    """Return values in which the ``columns`` of the last axis are ``factor`` times as large."""
    changed = values.astype(np.float64)
    changed[..., parameters["columns"]] *= parameters["factor"]
    return changed.astype(np.float32)


def noisy(values: Any, parameters: Any, random: Any) -> Any:  # noqa: ANN401
    """Return values each of which is off by a normal deviate times its own size and ``relative``."""
    return values * (1 + parameters["relative"] * random.standard_normal(values.shape))


def nudged(values: Any, _: Any, random: Any) -> Any:  # noqa: ANN401
    """Return float32 values each of which is at random the given one, the next smaller or the next larger."""
    towards = np.array([-np.inf, 0, np.inf], np.float32)[random.randint(0, 3, values.shape)]
    return np.where(towards == 0, values, np.nextafter(values, towards, dtype=np.float32))


def rounded(values: Any, parameters: Any, _: Any) -> Any:  # noqa: ANN401
    """Return float32 values that are rounded to those of another type."""
    if parameters["type"] == "float16":
        return values.astype(np.float16).astype(np.float32)
    return round_mantissa(values, MANTISSA[parameters["type"]])


def round_mantissa(values: Any, bits: int) -> Any:  # noqa: ANN401
    """Return float32 values rounded to so many bits after the point, to the nearest, ties to even.

    What rounds up beyond the largest float32 becomes infinite, as in hardware; NaN and infinity stay.
    """
    dropped = _MANTISSA_FLOAT32 - bits
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    last_kept = (raw >> np.uint64(dropped)) & np.uint64(1)
    up = raw + np.uint64((1 << (dropped - 1)) - 1) + last_kept
    kept = ((up >> np.uint64(dropped)) << np.uint64(dropped)).astype(np.uint32)
    result = kept.view(np.float32).reshape(np.shape(values))
    return np.where(np.isfinite(values), result, values)


def with_columns_swapped(values: Any, parameters: Any, _: Any) -> Any:  # noqa: ANN401
    """Return values in which two entries of the last axis have changed places."""
    order = np.arange(values.shape[-1])
    one, other = parameters["columns"]
    order[[one, other]] = order[[other, one]]
    return values[..., order]


def with_axes_swapped(values: Any, parameters: Any, _: Any) -> Any:  # noqa: ANN401
    """Return values with two axes of the same size exchanged."""
    return np.ascontiguousarray(np.swapaxes(values, *parameters["axes"]))


def with_rows_rolled(values: Any, _: Any, __: Any) -> Any:  # noqa: ANN401
    """Return values in which every row of the first axis stands where the row after it stood."""
    return np.roll(values, 1, axis=0)


def quantised(values: Any, _: Any, __: Any) -> Any:  # noqa: ANN401
    """Return float32 values rounded to whole steps of a 127th of the largest."""
    step = np.abs(values).max() / 127
    return values if step == 0 else (np.rint(values / step) * step).astype(np.float32)


WEIGHTS = {
    "scale": scaled,
    "noise": noisy,
    "scale-columns": with_columns_scaled,
    "ulp": nudged,
    "quantise": quantised,
    "round": rounded,
    "swap-columns": with_columns_swapped,
    "swap-axes": with_axes_swapped,
    "roll-rows": with_rows_rolled,
}
