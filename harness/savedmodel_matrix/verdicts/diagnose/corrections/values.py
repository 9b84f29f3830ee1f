"""One side is a fixed function of the other: logarithms, powers, gamma, clipping."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NAMED_CONSTANTS,
    NOTHING_FITTED,
    Fix,
    is_numeric,
    numbers,
    on_serve,
    on_train,
    short,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair


#: How many elements a function is tried on before it is tried on all.
_SAMPLE = 200


class Function(NamedTuple):
    """``apply`` turns ``other`` into ``one``."""

    id: str
    one: str
    other: str
    apply: Callable[[Array], Array]


# IEC 61966-2-1, the transfer function of sRGB.
def _srgb(linear: Array) -> Array:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


# ITU-T G.711: logarithmic companding of samples in -1..1, with the constants of either law.
def _mu_law(x: Array) -> Array:
    found: Array = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
    return found


def _a_law(x: Array) -> Array:
    size = 87.6 * np.abs(x)
    found: Array = np.sign(x) * np.where(size < 1, size, 1 + np.log(np.maximum(size, 1))) / (1 + np.log(87.6))
    return found


#: The usual addends before a logarithm: zero and powers of ten.
_EPSILONS = (0.0, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def _logs(epsilon: float) -> list[Function]:
    added = f" of x + {epsilon:g}" if epsilon else ""
    return [
        Function("log", f"natural logarithm{added}", "no logarithm", lambda x: np.log(x + epsilon)),
        Function("log", f"logarithm to base 10{added}", "no logarithm", lambda x: np.log10(x + epsilon)),
        Function("log", f"decibels of power{added}", "no logarithm", lambda x: 10 * np.log10(x + epsilon)),
        Function(
            "log", f"decibels of magnitude{added}", "no logarithm", lambda x: 20 * np.log10(x + epsilon)
        ),
        Function("log1p", "log1p", f"natural logarithm{added}", lambda x: np.log1p(np.exp(x) - epsilon)),
    ]


FUNCTIONS = (
    *(each for epsilon in _EPSILONS for each in _logs(epsilon)),
    Function("log", "log1p", "no logarithm", np.log1p),
    Function("log1p", "log1p", "logarithm to base 10", lambda x: np.log1p(10.0**x)),
    Function("power-magnitude", "powers (squares)", "magnitudes", np.square),
    Function("companding", "samples by the mu-law", "linear samples", _mu_law),
    Function(
        "companding",
        "samples by the mu-law in 256 levels",
        "linear samples",
        lambda x: np.floor((_mu_law(x) + 1) / 2 * 255 + 0.5),
    ),
    Function("companding", "samples by the A-law", "linear samples", _a_law),
    Function("gamma", "sRGB (0..1)", "linear light", _srgb),
    Function("gamma", "sRGB (0..255)", "linear light (0..255)", lambda x: 255 * _srgb(x / 255)),
    Function("gamma", "gamma 1/2.2", "linear light", lambda x: x ** (1 / 2.2)),
)


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield every function, towards training and towards serving."""
    if not (is_numeric(pair.train) and is_numeric(pair.serve)) or pair.train.shape != pair.serve.shape:
        return
    for function in FUNCTIONS:
        for train, serve, wrap, changed in (
            (function.one, function.other, on_serve, pair.serve),
            (function.other, function.one, on_train, pair.train),
        ):
            if not _may_be(function, changed, pair.serve if changed is pair.train else pair.train):
                continue
            yield Fix(
                id=function.id,
                title=f"{train} in training, {serve} in serving",
                train=train,
                serve=serve,
                mends=f"in serving, use what training uses: {train}",
                apply=wrap(lambda x, apply=function.apply: apply(numbers(x))),  # type: ignore[misc]
                cost=NOTHING_FITTED + 0.3,
                scale=_rounding(function.apply, changed),
            )
    yield from _clipped(pair)


def _may_be(function: Function, argument: Array, value: Array) -> bool:
    """Whether the function roughly fits most of a few elements; trying every function on all is too slow."""
    step = max(argument.size // _SAMPLE, 1)
    x, y = numbers(argument).ravel()[::step], numbers(value).ravel()[::step]
    with np.errstate(all="ignore"):
        near = np.abs(function.apply(x) - y) <= 1e-2 * (np.abs(y) + np.abs(y).mean())
    return bool(near.mean() > 0.5)


def _rounding(function: Callable[[Array], Array], array: Array) -> float | Array:
    """Return the size of the change in the value from rounding the argument: functions may be steep."""
    x = numbers(array)
    with np.errstate(all="ignore"):
        step = np.float64(2**-23) * np.maximum(np.abs(x), 1e-30)
        moved = np.abs(function(x + step) - function(x)) * 2**23
    # Close to zero a logarithm is arbitrarily steep, and would agree with anything.
    known = moved[np.isfinite(moved)]
    most = 64.0 * float(np.median(known)) if known.size else 0.0
    found: Array = np.minimum(np.nan_to_num(moved, posinf=0.0), most)
    return found


def _clipped(pair: Pair) -> Iterator[Fix]:
    for clipped, other, wrap, words in (
        (pair.train, pair.serve, on_serve, ("clipped to {}", "not clipped")),
        (pair.serve, pair.train, on_train, ("not clipped", "clipped to {}")),
    ):
        known = numbers(clipped)[np.isfinite(numbers(clipped))]
        low, high = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
        inside = (numbers(other) > low) & (numbers(other) < high)
        # Most values must be inside and agree there; otherwise any two arrays could be clipped to a point.
        if inside.mean() < 0.5:
            continue
        train, serve = (word.format(f"{short(low)}..{short(high)}") for word in words)
        yield Fix(
            id="clipping",
            title=f"values {train} in training, {serve} in serving",
            train=train,
            serve=serve,
            mends=f"in serving, clip like training ({train})",
            apply=wrap(lambda x, low=low, high=high: np.clip(numbers(x), low, high)),  # type: ignore[misc]
            cost=NAMED_CONSTANTS + 0.5,
        )
