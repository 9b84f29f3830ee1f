"""Shorter signals from raw ones: samples left out, averaged, or resampled behind a low-pass filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, numbers, unlimited
from savedmodel_matrix.verdicts.diagnose.prove import agree
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: The largest factor, and the shortest signal that can show how it was made.
_MOST, _SHORTEST = 64, 16
#: Filters have hundreds of taps, which add up in float32.
_ROUNDINGS = 8.0
#: Samples at each end, of the shorter signal, that depend on how a filter treats the end of the signal.
_ENDS = 8


def recipes(side: Array, raw: Array, check: Callable[[str], None] = unlimited) -> list[Recipe]:
    """Return the ways to make this side by taking fewer samples of the raw signals."""
    if not (is_numeric(raw) and is_numeric(side)) or raw.ndim != 2 or side.ndim != 2:
        return []
    length, wanted = raw.shape[1], side.shape[1]
    if len(raw) != len(side) or wanted < _SHORTEST or not 1 < length / wanted <= _MOST:
        return []
    x, aim = numbers(raw), numbers(side)
    if not (np.isfinite(x).all() and np.isfinite(aim).all()):
        return []
    size = float(np.abs(x).max(initial=0.0))
    for words, make in _ways(length, wanted):
        check("signals with fewer samples")
        # One signal shows which way it is not.
        first = make(x[:1])
        inner = _inner(words, wanted)
        if first.shape[1] != wanted or not agree(aim[:1, inner], first[:, inner], scale=_ROUNDINGS * size):
            continue
        made = make(x)
        made[:, : inner.start or 0] = np.nan
        made[:, inner.stop or wanted :] = np.nan
        if agree(aim[:, inner], made[:, inner], scale=_ROUNDINGS * size):
            return [Recipe({"decimation": words}, made)]
    return []


def _inner(words: str, wanted: int) -> slice:
    return slice(_ENDS, wanted - _ENDS) if "filter" in words and wanted > 4 * _ENDS else slice(0, wanted)


def _ways(length: int, wanted: int) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    from scipy import signal  # noqa: PLC0415 - nothing but signals needs it

    for step in sorted({length // wanted, -(-length // wanted)} - {1}):
        if wanted not in (length // step, -(-length // step)):
            continue
        every = f"one sample of every {step}"
        for start in range(step):
            where = "" if start == 0 else f", beginning with sample {start}"
            yield (
                f"{every}, as it is{where}",
                lambda x, start=start, step=step: x[:, start::step][:, :wanted].copy(),  # type: ignore[misc]
            )
        for name, reduce in (("mean", np.mean), ("median", np.median), ("maximum", np.max), ("sum", np.sum)):
            yield (
                f"the {name} of every {step} samples",
                lambda x, step=step, reduce=reduce: (
                    reduce(  # type: ignore[misc]
                        x[:, : wanted * step].reshape(len(x), -1, step), axis=2
                    )
                    if wanted * step <= length
                    else x
                ),
            )
        yield (
            f"{every}, behind the filter of scipy.signal.resample_poly",
            lambda x, step=step: signal.resample_poly(x, 1, step, axis=1),  # type: ignore[misc]
        )
        for kind in ("iir", "fir"):
            yield (
                f"{every}, behind the {kind.upper()} filter of scipy.signal.decimate",
                lambda x, step=step, kind=kind: signal.decimate(x, step, ftype=kind, axis=1),  # type: ignore[misc]
            )
    yield (
        "resampled in the frequency domain, which is an ideal filter",
        lambda x: signal.resample(x, wanted, axis=1),
    )
    for words, at in (
        ("from end to end", np.linspace(0, length - 1, wanted)),
        ("at equal steps", np.arange(wanted) * length / wanted),
    ):
        yield (
            f"interpolated {words}, as it is",
            lambda x, at=at: np.stack([np.interp(at, np.arange(length), row) for row in x]),  # type: ignore[misc]
        )
