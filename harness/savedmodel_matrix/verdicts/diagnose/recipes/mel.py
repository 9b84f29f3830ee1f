"""Mel filters in both conventions for the scale and the norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array


def filters(
    rate: int, transform: int, bands: int, edges: tuple[float, float], *, htk: bool, slaney_norm: bool
) -> Array:
    """Return the matrix (bands, transform // 2 + 1) that sums a spectrum into mel bands.

    ``htk``: 2595 log10(1 + f / 700), as in HTK and tf.signal; else the scale of Slaney's Auditory Toolbox,
    linear up to 1 kHz, librosa's default. ``slaney_norm``: bands of equal area instead of equal height.
    """
    to_mel, to_hertz = (_htk, _htk_back) if htk else (_slaney, _slaney_back)
    low, high = to_mel(np.array(edges))
    corners = to_hertz(np.linspace(low, high, bands + 2))
    frequencies = np.linspace(0, rate / 2, transform // 2 + 1)
    widths = np.diff(corners)
    ramps = corners[:, None] - frequencies
    with np.errstate(all="ignore"):
        found: Array = np.maximum(
            0, np.minimum(-ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None])
        )
    if slaney_norm:
        found = found * (2 / (corners[2:] - corners[:-2]))[:, None]
    return found


# The HTK Book, section 5.4: Mel(f) = 2595 log10(1 + f / 700).
def _htk(hertz: Array) -> Array:
    return 2595 * np.log10(1 + hertz / 700)


def _htk_back(mel: Array) -> Array:
    return 700 * (10 ** (mel / 2595) - 1)


# librosa/core/convert.py, hz_to_mel, after Slaney's Auditory Toolbox: 200 / 3 Hz a mel up to 1 kHz, which is
# mel 15, and from there on 27 steps for each factor of 6.4.
def _slaney(hertz: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(hertz / 1000) / (np.log(6.4) / 27))


def _slaney_back(mel: Array) -> Array:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
