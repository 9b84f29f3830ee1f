"""Rounding to whole numbers, levels, decimals and narrower types: one side is the other one, rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import ml_dtypes
import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NOTHING_FITTED,
    Fix,
    is_numeric,
    numbers,
    on_serve,
    on_train,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Name, and the function on values in units of the step.
MODES: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("rounding half to even", np.rint),
    ("rounding half up", lambda x: np.floor(x + 0.5)),
    ("rounding half away from zero", lambda x: np.trunc(x + np.copysign(0.5, x))),
    ("truncation", np.trunc),
    ("floor", np.floor),
    ("ceiling", np.ceil),
)
#: Usual rounding steps: whole numbers, 8-bit levels, decimals.
_STEPS = (
    (1.0, "whole numbers"),
    (1 / 255, "levels of 1/255"),
    (0.1, "one decimal"),
    (0.01, "two decimals"),
    (0.001, "three decimals"),
)
_INTEGERS = ("uint8", "int8", "uint16", "int16", "int32")


class _Narrow(NamedTuple):
    id: str
    name: str
    apply: Callable[[Array], Array]


def _wrapped(dtype: str) -> Callable[[Array], Array]:
    return lambda x: np.trunc(numbers(x)).astype(np.int64).astype(dtype)


def _saturated(dtype: str) -> Callable[[Array], Array]:
    limits = np.iinfo(dtype)
    return lambda x: np.clip(np.trunc(numbers(x)), limits.min, limits.max)


def _through(dtype: Any) -> Callable[[Array], Array]:  # noqa: ANN401 - also ml_dtypes' own
    return lambda x: x.astype(np.float32).astype(dtype).astype(np.float64)


_NARROW = (
    _Narrow("dtype", "float16", _through(np.float16)),
    _Narrow("dtype", "bfloat16", _through(ml_dtypes.bfloat16)),
    *(_Narrow("integer-wrap-around", f"{name}, wrapping around", _wrapped(name)) for name in _INTEGERS),
    *(
        _Narrow("integer-saturation", f"{name}, clipped to its limits", _saturated(name))
        for name in _INTEGERS
    ),
)


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield the roundings that turn one side into the other."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape:
        return
    for rounded, other, on_rounded_serving in ((serve, train, True), (train, serve, False)):
        x = numbers(rounded)
        for step, what in _STEPS:
            if not np.allclose(x / step, np.rint(x / step), atol=1e-3) or np.unique(x).size < 3:
                continue
            for mode, apply in MODES:
                yield _fix(
                    "rounding",
                    f"{mode} to {what}",
                    "no rounding",
                    # A product such as 0.29 * 100 must not end up below its whole number.
                    lambda y, apply=apply, step=step: apply(np.round(numbers(y) / step, 9)) * step,  # type: ignore[misc]
                    in_serving=on_rounded_serving,
                )
            break
        for narrow in _NARROW:
            # A value that is not finite can become any integer.
            if narrow.id != "dtype" and not np.isfinite(numbers(other)).all():
                continue
            if np.array_equal(x, numbers(narrow.apply(rounded))):
                wide = f"{other.dtype}"
                yield _fix(narrow.id, narrow.name, wide, narrow.apply, in_serving=on_rounded_serving)


def _fix(name: str, rounded: str, other: str, apply: Callable[[Array], Array], *, in_serving: bool) -> Fix:
    train, serve = (other, rounded) if in_serving else (rounded, other)
    return Fix(
        id=name,
        title=f"{train} in training, {serve} in serving",
        train=train,
        serve=serve,
        mends=f"in serving, use what training uses: {train}",
        apply=(on_train if in_serving else on_serve)(apply),
        cost=NOTHING_FITTED + 0.2,
        least=1e-6 if name == "dtype" else 0.0,
    )
