"""Sounds: mel spectrograms from raw samples, in each convention for the scale and the logarithm."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.recipes.mel import filters
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Sample rates in Hz: speech, librosa's default, CD, telephone, video, and two others in between.
_RATES = (16000, 22050, 44100, 8000, 48000, 32000, 24000)
#: Usual windows and steps in samples: 25 and 10 ms at 16 kHz (400, 160: HTK, Kaldi, Whisper), 10
#: ms at 8 and 44.1 kHz (80, 441), librosa's 2048 and 512, vocoders' 1024 and 256.
_TRANSFORMS = (256, 400, 512, 1024, 2048)
_HOPS = (80, 100, 128, 160, 200, 256, 320, 400, 441, 512, 1024)
#: Samples: ten seconds at 48 kHz. With longer sounds, trying every recipe takes too long.
_LONGEST = 480_000
#: A recipe may leave this share of the target's standard deviation: libraries round windows and filters to
#: float32, and the logarithm amplifies this if a band is nearly silent.
_LEFT = 2e-3
#: librosa.power_to_db: ``top_db`` and ``amin``.
_TOP_DB = 80.0
_LEAST_POWER = 1e-10
#: Pre-emphasis of HTK, Kaldi and librosa.
_EMPHASIS = 0.97


def _decibels(power: Array) -> Array:
    found: Array = 10 * np.log10(np.maximum(power, _LEAST_POWER))
    return found


_LOGS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("no logarithm", lambda x: x),
    ("log1p", np.log1p),
    ("decibels", _decibels),
    ("decibels, clipped at 80 below the maximum", lambda x: _above(_decibels(x))),
    ("decibels relative to the maximum", lambda x: _above(_against_largest(x))),
    ("logarithm to base 10", lambda x: np.log10(np.maximum(x, _LEAST_POWER))),
    *(
        (f"natural logarithm of x + {epsilon:g}", lambda x, epsilon=epsilon: np.log(x + epsilon))
        for epsilon in (1e-10, 1e-9, 1e-8, 1e-6, 1e-5, 1e-3, 1e-2)
    ),
)


class _Spectrum(NamedTuple):
    """Magnitudes (bins, frames) and how they were made; frames at the ends depend on the padding."""

    name: str
    transform: int
    magnitudes: Array
    ends: int


def recipes(side: Array, raw: Array) -> list[Recipe]:
    """Return the mel spectrograms that this side may consist of."""
    if is_numeric(raw) and raw.dtype.kind not in "fi":
        return []
    sounds, rates = _sounds(raw)
    found: list[Recipe] = []
    for order, target in _orders(side):
        if len(target) != len(sounds) or min(target.shape[1:]) < 8 or target.shape[1] > 256:
            continue
        for rate in rates:
            found += _made(order, target, sounds, rate, side)
            if found:
                return found
    return found


def _made(order: str, target: Array, sounds: list[Array], rate: int, side: Array) -> Iterator[Recipe]:
    bands, frames = target.shape[1:]
    for emphasis, words in ((0.0, "no pre-emphasis"), (_EMPHASIS, f"pre-emphasis of {_EMPHASIS}")):
        emphasised = [np.append(x[0], x[1:] - emphasis * x[:-1]) for x in sounds] if emphasis else sounds
        for spectrum in _spectra(emphasised[0], frames):
            inner = slice(spectrum.ends, frames - spectrum.ends)
            for scale, norm, edges in _FILTERS:
                bank = filters(
                    rate,
                    spectrum.transform,
                    bands,
                    edges(rate),
                    htk=scale == "HTK",
                    slaney_norm=norm == "area",
                )
                for power, power_name in ((2.0, "powers"), (1.0, "magnitudes")):
                    mel = bank @ spectrum.magnitudes**power
                    for log_name, log in _LOGS:
                        if not _fits(target[0][:, inner], log(mel)[:, inner]):
                            continue
                        made = np.full(target.shape, np.nan)
                        for index, sound in enumerate(emphasised):
                            same = next(
                                each for each in _spectra(sound, frames) if each.name == spectrum.name
                            )
                            made[index][:, inner] = log(bank @ same.magnitudes**power)[:, inner]
                        if not all(
                            _fits(one[:, inner], other[:, inner])
                            for one, other in zip(target, made, strict=True)
                        ):
                            continue
                        parts = {
                            "spectrogram": f"{spectrum.name} at {rate} Hz",
                            "pre-emphasis": words,
                            "mel-scale": f"{scale}'s mel scale",
                            "mel-norm": "mel bands of equal area"
                            if norm == "area"
                            else "mel bands of equal height",
                            "mel-range": f"mel bands from {edges(rate)[0]:g} to {edges(rate)[1]:g} Hz",
                            "power-magnitude": power_name,
                            "log": log_name,
                            "axes": order,
                        }
                        back = np.swapaxes(made, 1, 2) if order.startswith("time") else made
                        yield Recipe(parts, back.reshape(side.shape))
                        return


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


def _spectra(sound: Array, frames: int) -> Iterator[_Spectrum]:
    """Yield the spectra with the wanted number of frames."""
    for transform in _TRANSFORMS:
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(transform) / transform)
        for hop in _HOPS:
            for centred in (True, False):
                if (
                    hop > transform
                    or len(sound) < transform
                    or frames != 1 + (len(sound) - (not centred) * transform) // hop
                ):
                    continue
                x = np.pad(sound, transform // 2) if centred else sound
                pieces = np.lib.stride_tricks.sliding_window_view(x, transform)[::hop][:frames]
                magnitudes = np.abs(np.fft.rfft(pieces * window, axis=1)).T
                ends = -(-transform // (2 * hop)) if centred else 0
                if frames > 4 * ends + 4:
                    where = "centred" if centred else "not centred"
                    yield _Spectrum(
                        f"windows of {transform} every {hop} samples, {where}", transform, magnitudes, ends
                    )


def _fits(target: Array, made: Array) -> bool:
    with np.errstate(all="ignore"):
        gap = float(np.sqrt(np.mean(np.square(target - made))))
    return bool(np.isfinite(gap) and gap <= _LEFT * max(float(target.std()), 1e-30))


def _above(decibels: Array) -> Array:
    found: Array = np.maximum(decibels, np.nanmax(decibels) - _TOP_DB)
    return found


def _against_largest(x: Array) -> Array:
    decibels = _decibels(x)
    found: Array = decibels - np.nanmax(decibels)
    return found


def _orders(side: Array) -> Iterator[tuple[str, Array]]:
    x = numbers(side)
    if x.ndim == 4 and x.shape[-1] == 1:
        x = x[..., 0]
    if x.ndim == 2:
        x = x[None]
    if x.ndim == 3:
        yield "bands by time", x
        yield "time by bands", np.swapaxes(x, 1, 2)


def _sounds(raw: Array) -> tuple[list[Array], tuple[int, ...]]:
    """Return sounds as samples in -1..1, and the sample rates they may have."""
    if is_text(raw):
        try:
            read = [_read(data) for data in raw.ravel()]
        except (wave.Error, EOFError, ValueError):
            return [], ()
        return ([sound for sound, _ in read], (read[0][1],)) if read else ([], ())
    if raw.ndim not in (1, 2) or not 256 <= raw.shape[-1] <= _LONGEST:
        return [], ()
    x = numbers(raw) / (32768 if raw.dtype == np.int16 else 1)
    return list(np.atleast_2d(x)), _RATES


def _read(data: bytes) -> tuple[Array, int]:
    with wave.open(io.BytesIO(data)) as sound:
        if sound.getsampwidth() != 2:
            raise ValueError("not 16 bits")
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64) / 32768
        return samples.reshape(-1, sound.getnchannels()).mean(axis=1), sound.getframerate()
