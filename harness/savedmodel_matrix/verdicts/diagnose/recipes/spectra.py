"""Spectra of sounds: how they are cut into frames, windowed, and summed into mel bands."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.recipes.mel import filters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Usual windows and steps in samples: 25 and 10 ms at 16 kHz (400, 160: HTK, Kaldi, Whisper), 10
#: ms at 8 and 44.1 kHz (80, 441), librosa's 2048 and 512, vocoders' 1024 and 256.
_TRANSFORMS = (256, 400, 512, 1024, 2048)
_HOPS = (80, 100, 128, 160, 200, 256, 320, 400, 441, 512, 1024)
#: Pre-emphasis of HTK, Kaldi and librosa.
EMPHASIS = 0.97
#: Frames that recipes are compared on.
MOST_FRAMES = 400


class Framing(NamedTuple):
    """How a sound is cut: ``ends`` frames at each end reach beyond the sound when centred."""

    transform: int
    hop: int
    centred: bool
    whole: bool
    ends: int


class Made(NamedTuple):
    """A recipe with what it leaves of the target, relative to the target's standard deviation."""

    left: float
    parts: dict[str, str]
    values: Array  # (sounds, bands, frames), NaN where it says nothing


def emphasised(sound: Array, factor: float) -> Array:
    """Return y[t] = x[t] - factor x[t-1]."""
    return np.append(sound[0], sound[1:] - factor * sound[:-1]) if factor else sound


def framings(samples: int, frames: int) -> Iterator[Framing]:
    """Yield framings that give the wanted number of frames, or a few more, of which the first are kept."""
    for transform in _TRANSFORMS:
        for hop in _HOPS:
            for centred in (True, False):
                if hop > transform or samples < transform:
                    continue
                given = 1 + (samples - (not centred) * transform) // hop
                ends = -(-transform // (2 * hop)) if centred else 0
                # A cut to the model's length drops a few frames; a longer one could be any hop.
                if not 0 <= given - frames <= max(4, ends * 2) or frames <= 4 * ends + 4:
                    continue
                yield Framing(transform, hop, centred, given == frames, ends)


def framed(framing: Framing) -> str:
    """Return in words where frames are."""
    return "frames centred on their time" if framing.centred else "frames that begin at their time"


def inner(framing: Framing, frames: int) -> slice:
    """Return the frames that lie within the sound, of a spectrogram of so many."""
    # The frames at the ends of a centred spectrogram depend on the padding.
    return slice(framing.ends, min(frames, MOST_FRAMES) - (framing.ends if framing.whole else 0))


def magnitudes(sound: Array, framing: Framing, window: Callable[[int], Array], frames: int) -> Array:
    """Return the magnitudes of the spectra of the first frames: (frequencies, frames)."""
    x = np.pad(sound, framing.transform // 2) if framing.centred else sound
    pieces = np.lib.stride_tricks.sliding_window_view(x, framing.transform)[:: framing.hop][:frames]
    found: Array = np.abs(np.fft.rfft(pieces * window(framing.transform), axis=1)).T
    return found


#: librosa, tf.signal and torch use the periodic window; np.hanning and scipy's sym=True the symmetric one.
WINDOWS: dict[str, Callable[[int], Array]] = {
    "a periodic Hann window": lambda n: np.hanning(n + 1)[:-1],
    "a symmetric Hann window": np.hanning,
    "a periodic Hamming window": lambda n: np.hamming(n + 1)[:-1],
    "a symmetric Hamming window": np.hamming,
    "a rectangular window": np.ones,
}


def banks(rate: int, transform: int, bands: int) -> Iterator[tuple[dict[str, str], Array]]:
    """Yield the mel filters in use, with their names by diagnosis: (bands, frequencies) each."""
    if bands == transform // 2 + 1:
        yield {"mel-scale": "no mel bands"}, np.eye(bands)
        return
    if bands > transform // 2:
        return
    for scale, norm, edges in _FILTERS:
        low, high = edges(rate)
        yield (
            {
                "mel-scale": f"{scale}'s mel scale",
                "mel-norm": "mel bands of equal area" if norm == "area" else "mel bands of equal height",
                "mel-range": f"mel bands from {low:g} to {high:g} Hz",
            },
            _bank(rate, transform, bands, (low, high), scale, norm),
        )


@cache
def _bank(rate: int, transform: int, bands: int, edges: tuple[float, float], scale: str, norm: str) -> Array:
    return filters(rate, transform, bands, edges, htk=scale == "HTK", slaney_norm=norm == "area")


def _whole(rate: int) -> tuple[float, float]:
    return 0.0, rate / 2


def _speech(rate: int) -> tuple[float, float]:
    # Kaldi's low-freq of 20 Hz, up to the highest frequency at 16 kHz.
    return 20.0, min(8000.0, rate / 2)


_FILTERS = tuple(
    (scale, norm, edges)
    for edges in (_whole, _speech)
    for scale in ("Slaney", "HTK")
    for norm in ("area", "height")
)
