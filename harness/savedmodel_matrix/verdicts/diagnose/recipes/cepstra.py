"""Cepstra (MFCC): the cosine transform of the logarithms of mel bands, in each convention."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.recipes import spectra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Numbers of coefficients in use: 12 or 13 in speech, 20 (librosa's default) to 40 in others.
_FEWEST, _MOST = 8, 40
#: Numbers of mel bands that cepstra are made of: librosa's 128, Kaldi's 23, python_speech_features's 26, and
#: usual ones in between.
_BANDS = (128, 40, 80, 64, 26, 23)
#: How many framings with filters are tried in every convention, and their least correlation with the target.
_TRIED, _LEAST = 8, 0.8
#: What recipes may leave; more is another recipe.
_FAR = 0.1
#: The liftering coefficient of HTK, Kaldi and python_speech_features.
_LIFTER = 22
#: librosa.power_to_db: ``top_db`` and ``amin``.
_TOP_DB, _LEAST_POWER = 80.0, 1e-10


class _Screened(NamedTuple):
    rank: float
    framing: spectra.Framing
    filters: dict[str, str]
    bank: Array


def cepstra(
    target: Array, sounds: list[Array], rate: int, check: Callable[[str], None]
) -> Iterator[spectra.Made]:
    """Yield every recipe that may make ``target`` (sounds, coefficients, frames), with what it leaves.

    What is left is relative to the standard deviation of each coefficient: the first is far larger.
    """
    count, frames = target.shape[1:]
    if not _FEWEST <= count <= _MOST:
        return
    target, sounds = target[:, :, : spectra.MOST_FRAMES], sounds[: len(target)]
    loud = int(np.argmax([float(np.square(each).mean()) for each in sounds]))
    found = _screened(target[loud], sounds[loud], rate, frames, check)
    screened = sorted(found, key=lambda each: -each.rank)
    for _, framing, name, bank in screened[:_TRIED]:
        inner = spectra.inner(framing, frames)
        aim = target[:, :, inner]
        width = np.maximum(aim.std(axis=(0, 2), keepdims=True), 1e-30)
        for window, shape in spectra.WINDOWS.items():
            mel = np.stack(
                [
                    bank @ spectra.magnitudes(each, framing, shape, target.shape[2])[:, inner] ** 2
                    for each in sounds
                ]
            )
            check("cepstra of the raw sounds")
            for log, logs in _logarithms(mel):
                for form, transform in _transforms(count, len(bank)):
                    plain = np.einsum("cb,sbf->scf", transform, logs)
                    for lifter, weights in _lifters(count):
                        made = plain * weights[:, None]
                        left = float(np.sqrt(np.mean(np.square((aim - made) / width))))
                        if not left <= _FAR:
                            continue
                        values = np.full(target.shape, np.nan)
                        values[:, :, inner] = made
                        parts = {
                            "spectrogram": f"windows of {framing.transform} every {framing.hop} samples "
                            f"at {rate} Hz",
                            "framing": spectra.framed(framing),
                            "window": window,
                            "mel-bands": f"{len(bank)} mel bands",
                            **name,
                            "log": log,
                            "cepstra": f"cepstra by {form}, {lifter}",
                        }
                        yield spectra.Made(left, parts, values)


def _screened(
    target: Array, sound: Array, rate: int, frames: int, check: Callable[[str], None]
) -> Iterator[_Screened]:
    """Yield framings with filters whose cepstra correlate with the target's, coefficient by coefficient."""
    window = spectra.WINDOWS["a periodic Hann window"]
    for framing in spectra.framings(len(sound), frames):
        inner = spectra.inner(framing, frames)
        power = spectra.magnitudes(sound, framing, window, target.shape[1])[:, inner] ** 2
        for bands in _BANDS:
            check("cepstra of the raw sounds")
            if not len(target) <= bands <= framing.transform // 2:
                continue
            transform = _cosines(len(target), bands)
            for name, bank in spectra.banks(rate, framing.transform, bands):
                found = transform @ (_decibels(bank @ power))
                rank = _correlation(found[1:], target[1:, inner])
                if rank >= _LEAST:
                    yield _Screened(rank, framing, name, bank)


def _correlation(one: Array, other: Array) -> float:
    """Return the median correlation of the rows of two arrays."""
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    sizes = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
    return float(np.median((a * b).sum(axis=1) / np.maximum(sizes, 1e-30)))


def _cosines(count: int, bands: int) -> Array:
    """Return the cosine transform of type II without a norm: (count, bands)."""
    found: Array = np.cos(np.pi * np.arange(count)[:, None] * (2 * np.arange(bands) + 1) / (2 * bands))
    return found


def _transforms(count: int, bands: int) -> Iterator[tuple[str, Array]]:
    plain = _cosines(count, bands)
    ortho = plain * np.sqrt(2 / bands)
    ortho[0] /= np.sqrt(2)
    yield "an orthonormal cosine transform", ortho
    # tf.signal.mfccs_from_log_mel_spectrograms, after HTK.
    yield "HTK's cosine transform", plain * np.sqrt(2 / bands)
    # scipy.fftpack.dct and librosa with norm=None.
    yield "a cosine transform without a norm", 2 * plain


def _lifters(count: int) -> Iterator[tuple[str, Array]]:
    yield "not liftered", np.ones(count)
    # python_speech_features.lifter and Kaldi begin at the sine of 0, librosa.feature.mfcc one later.
    for first, words in ((0, "python_speech_features's"), (1, "librosa's")):
        weights = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(first, first + count) / _LIFTER)
        yield f"liftered with {_LIFTER} in {words} way", weights


def _decibels(mel: Array) -> Array:
    decibels = 10 * np.log10(np.maximum(mel, _LEAST_POWER))
    found: Array = np.maximum(decibels, decibels.max(axis=(-2, -1), keepdims=True) - _TOP_DB)
    return found


def _logarithms(mel: Array) -> Iterator[tuple[str, Array]]:
    yield f"decibels, at most {_TOP_DB:g} below the sound's maximum", _decibels(mel)
    yield "decibels", 10 * np.log10(np.maximum(mel, _LEAST_POWER))
    yield "natural logarithm of x", np.log(np.maximum(mel, np.finfo(np.float64).eps))
    for offset in (1e-6, 1e-10):
        yield f"natural logarithm of x + {offset:g}", np.log(mel + offset)
