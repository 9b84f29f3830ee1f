"""Sound samples: sample rates and pre-emphasis."""

from __future__ import annotations

from functools import partial
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NAMED_CONSTANTS,
    NOTHING_FITTED,
    Fix,
    is_numeric,
    numbers,
    on_serve,
    on_train,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Usual sample rates of stored sound, in Hz.
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
#: Samples: 25 ms at 16 kHz. Anything shorter is not a sound, and would consist only of its ends, which
#: resamplers treat differently.
_LEAST = 400
#: Resamplers differ close to the highest frequency that both rates have; below four fifths of it they agree.
_COMMON_BAND = 0.8
#: Elsewhere they differ by at most this share of the sound's own size, mainly at its ends.
_SLACK = 0.15
#: 0.97 is the default of HTK, Kaldi and librosa; 0.95 is the other value in use.
_EMPHASES = (0.97, 0.95)


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield sample rates and pre-emphasis of samples along the last axis."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.ndim not in (1, 2) or train.ndim != serve.ndim:
        return
    if min(train.shape[-1], serve.shape[-1]) < _LEAST or train.shape[:-1] != serve.shape[:-1]:
        return
    if train.shape == serve.shape:
        yield from _emphasis()
    if _is_sound(train) and _is_sound(serve):
        yield from _rates(train, serve)


def _emphasis() -> Iterator[Fix]:
    for factor in _EMPHASES:
        for wrap, words in ((on_serve, ("with", "without")), (on_train, ("without", "with"))):
            yield Fix(
                id="pre-emphasis",
                title=f"{words[0]} pre-emphasis of {factor} in training, {words[1]} in serving",
                train=f"{words[0]} pre-emphasis of {factor}",
                serve=f"{words[1]} pre-emphasis",
                mends=f"in serving, process sound {words[0]} pre-emphasis: y[t] = x[t] - {factor} x[t - 1]",
                apply=wrap(partial(_emphasised, factor)),
                cost=NOTHING_FITTED + 0.3,
            )


def _emphasised(factor: float, array: Array) -> Array:
    x = numbers(array)
    found: Array = np.concatenate([x[..., :1], x[..., 1:] - factor * x[..., :-1]], axis=-1)
    return found


def _is_sound(array: Array) -> bool:
    """Whether values swing around zero and correlate with their neighbours, so that they can be resampled."""
    x = numbers(array).reshape(-1, array.shape[-1])
    return bool(np.isfinite(x).all() and x.std() > 0 and abs(x.mean()) < x.std() and (x < 0).any())


def _rates(train: Array, serve: Array) -> Iterator[Fix]:
    size = float(np.sqrt(np.mean(np.square(numbers(train)))))
    tried = set()
    for of_train in _RATES:
        for of_serve in _RATES:
            ratio = of_train / of_serve
            if ratio in tried or ratio == 1:
                continue
            tried.add(ratio)
            # Either the same duration in a different number of samples, or the same number of samples.
            if abs(serve.shape[-1] * ratio - train.shape[-1]) > 2 and train.shape != serve.shape:
                continue
            yield Fix(
                id="sample-rate",
                title=f"training's sample rate is {_pair(of_train, of_serve)} times serving's",
                train=f"{ratio:.4g} times serving's sample rate, for example {of_train} Hz",
                serve=f"for example {of_serve} Hz",
                mends="in serving, resample to training's sample rate",
                apply=partial(_resampled, of_train, of_serve),
                cost=NAMED_CONSTANTS,
                slack=_SLACK * max(size, 1e-30) * 4,
            )


def _pair(one: int, other: int) -> str:
    common = gcd(one, other)
    return f"{one // common}/{other // common}"


def _resampled(of_train: int, of_serve: int, train: Array, serve: Array) -> tuple[Array, Array]:
    """Return both sides in their common band, over their common time."""
    from scipy.signal import butter, resample_poly, sosfiltfilt  # noqa: PLC0415 - takes long to import

    common = gcd(of_train, of_serve)
    moved = resample_poly(numbers(serve), of_train // common, of_serve // common, axis=-1)
    length = min(moved.shape[-1], train.shape[-1])
    band = _COMMON_BAND * min(of_serve / of_train, 1.0)
    low_pass = butter(8, min(band, 0.99), output="sos")
    a, b = (sosfiltfilt(low_pass, numbers(each)[..., :length], axis=-1) for each in (train, moved))
    edge = length // 50
    return a[..., edge : length - edge], b[..., edge : length - edge]
