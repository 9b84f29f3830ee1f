"""Sounds: mel spectrograms from raw samples, in each convention for the scale and the logarithm."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers, unlimited
from savedmodel_matrix.verdicts.diagnose.recipes import cepstra, spectra
from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Sample rates in Hz: speech, librosa's default, CD, telephone, video, and two others in between.
_RATES = (16000, 22050, 44100, 8000, 48000, 32000, 24000)
#: Samples: ten seconds at 48 kHz. With longer sounds, trying every recipe takes too long.
_LONGEST = 480_000
#: A recipe may leave this share of the target's standard deviation: libraries round windows and filters to
#: float32, and the logarithm amplifies this if a band is nearly silent.
_LEFT = 2e-3
#: Recipes within this factor of the best one, or this close, are as good; the others are beaten.
_AS_GOOD, _EXACT = 2.0, 1e-5
#: librosa.power_to_db: ``top_db`` and ``amin``. Whisper: log10 of at least 1e-10 and of the maximum less 8,
#: then (x + 4) / 4.
_TOP_DB = 80.0
_LEAST_POWER = 1e-10
_WHISPER = 8.0
#: Sounds that recipes are compared on, and elements for the first screening.
_MOST_SOUNDS, _SCREENED = 8, 3000
#: How many framings with filters are tried with every window, gain and logarithm, and their least rank
#: correlation with the target: the logarithm keeps the order of values.
_TRIED, _LEAST_RANK = 8, 0.8
#: The share of elements above the floor that is enough to rank.
_LEAST_ABOVE = 0.02
#: Offsets and floors of logarithms in use: powers of ten from 1e-12 to 1, and how close a fitted one is.
_OFFSETS = tuple(10.0**power for power in range(-12, 1))
_NEAR = 0.02


class _Screened(NamedTuple):
    """One framing with filters, and the rank correlation of what they make with the target."""

    rank: float
    emphasis: float
    framing: spectra.Framing
    filters: dict[str, str]
    bank: Array
    power: float


def recipes(side: Array, raw: Array, check: Callable[[str], None] = unlimited) -> list[Recipe]:
    """Return the spectrograms that this side may consist of: the best one, and those that are as good."""
    if is_numeric(raw) and raw.dtype.kind not in "fi":
        return []
    sounds, rates = _sounds(raw)
    for order, target in _orders(side):
        if len(target) != len(sounds) or min(target.shape[1:]) < 8 or not np.isfinite(target).all():
            continue
        made: list[spectra.Made] = []
        for rate in rates:
            made += _all(target, sounds, rate, check)
            if min((each.left for each in made), default=np.inf) > _LEFT:
                made += cepstra.cepstra(target[:_MOST_SOUNDS], sounds, rate, check)
            made.sort(key=lambda each: each.left)
            if made and made[0].left <= _EXACT:
                break
        good = [
            each for each in made if each.left <= _LEFT and each.left <= max(_AS_GOOD * made[0].left, _EXACT)
        ]
        if not good:
            continue
        beaten = next((each.left for each in made if each.left > max(_AS_GOOD * made[0].left, _EXACT)), None)
        return [_recipe(each, order, target, side, beaten) for each in good]
    return []


def _recipe(each: spectra.Made, order: str, target: Array, side: Array, beaten: float | None) -> Recipe:
    whole = np.full(target.shape, np.nan)
    whole[: len(each.values), :, : each.values.shape[2]] = each.values
    back = np.swapaxes(whole, 1, 2) if order.startswith("time") else whole
    return Recipe(
        {**each.parts, "axes": order}, back.reshape(side.shape), each.left, left=each.left, beaten=beaten
    )


def _all(
    target: Array, sounds: list[Array], rate: int, check: Callable[[str], None]
) -> Iterator[spectra.Made]:
    """Yield every recipe of the most likely framings and filters, with what it leaves."""
    target, sounds = target[:_MOST_SOUNDS, :, : spectra.MOST_FRAMES], sounds[:_MOST_SOUNDS]
    loud = int(np.argmax([float(np.square(each).mean()) for each in sounds]))
    screened: list[_Screened] = []
    for emphasis in (0.0, spectra.EMPHASIS):
        sound = spectra.emphasised(sounds[loud], emphasis)
        for framing in spectra.framings(len(sound), target.shape[2]):
            check("spectrograms of the raw sounds")
            magnitudes = spectra.magnitudes(
                sound, framing, spectra.WINDOWS["a periodic Hann window"], target.shape[2]
            )
            inner = spectra.inner(framing, target.shape[2])
            for name, bank in spectra.banks(rate, framing.transform, target.shape[1]):
                for power in (2.0, 1.0):
                    rank = _rank((bank @ magnitudes**power)[:, inner], target[loud][:, inner])
                    if rank >= _LEAST_RANK:
                        screened.append(_Screened(rank, emphasis, framing, name, bank, power))
    for _, emphasis, framing, name, bank, power in sorted(screened, key=lambda each: -each.rank)[:_TRIED]:
        inner = spectra.inner(framing, target.shape[2])
        aim = target[:, :, inner]
        for window, shape in spectra.WINDOWS.items():
            plain = [
                spectra.magnitudes(spectra.emphasised(each, emphasis), framing, shape, target.shape[2])[
                    :, inner
                ]
                for each in sounds
            ]
            check("spectrograms of the raw sounds")
            for gain_name, gain in _GAINS.items():
                mel = np.stack(
                    [
                        bank @ (gain(each) * spectrum) ** power
                        for each, spectrum in zip(sounds, plain, strict=True)
                    ]
                )
                for log_name, reference, made in _logarithms(mel, aim):
                    left = _left(aim, made)
                    if left > 50 * _LEFT:
                        continue
                    values = np.full(target.shape, np.nan)
                    values[:, :, inner] = made
                    yield spectra.Made(
                        left,
                        {
                            "spectrogram": f"windows of {framing.transform} every {framing.hop} samples "
                            f"at {rate} Hz",
                            "framing": spectra.framed(framing),
                            "window": window,
                            "pre-emphasis": f"pre-emphasis of {emphasis:g}"
                            if emphasis
                            else "no pre-emphasis",
                            **name,
                            "power-magnitude": "powers" if power == 2 else "magnitudes",
                            "gain": gain_name,
                            "log": log_name,
                            "db-reference": reference,
                        },
                        values,
                    )


_GAINS: dict[str, Callable[[Array], float]] = {
    "sounds at their own level": lambda x: 1.0,  # noqa: ARG005 - the form of every gain
    "each sound scaled to its peak": lambda x: 1 / max(float(np.abs(x).max()), 1e-12),
    "each sound scaled to its root mean square": lambda x: (
        1 / max(float(np.sqrt(np.square(x).mean())), 1e-12)
    ),
}


def _rank(mel: Array, target: Array) -> float:
    """Return the rank correlation of a few elements above the target's floor, which has no order."""
    above = target > target.min() + 1e-6 * np.ptp(target)
    if above.mean() < _LEAST_ABOVE:
        return 0.0
    step = max(int(above.sum()) // _SCREENED, 1)
    ranks = [np.argsort(np.argsort(each[above][::step])).astype(np.float64) for each in (mel, target)]
    a, b = (each - each.mean() for each in ranks)
    # Sums of products rather than @: the threads of BLAS cost more than so few elements.
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-30))


def _logarithms(mel: Array, aim: Array) -> Iterator[tuple[str, str, Array]]:
    """Yield every form of the logarithm, with the reference of decibels, and what it makes."""
    none = "no reference"
    yield "no logarithm", none, mel
    yield "log1p", none, np.log1p(mel)
    with np.errstate(all="ignore"):
        bases = (
            ("natural logarithm", np.log, np.exp(np.clip(aim, -700, 700))),
            ("logarithm to base 10", np.log10, 10.0 ** np.clip(aim, -300, 300)),
            ("decibels", lambda x: 10 * np.log10(x), 10.0 ** np.clip(aim / 10, -300, 300)),
        )
        for name, log, power in bases:
            added = _offset(float(np.median((power - mel)[mel <= np.median(mel)])))
            if added is not None:
                yield f"{name} of x + {added:g}", none, log(mel + added)
            floor = _offset(float(power.min()))
            if floor is not None and (mel < floor).any():
                yield f"{name} of the larger of x and {floor:g}", none, log(np.maximum(mel, floor))
        # The floor may be below all values.
        yield "natural logarithm of x", none, np.log(np.maximum(mel, 1e-30))
        yield "logarithm to base 10 of x", none, np.log10(np.maximum(mel, 1e-30))
        decibels = 10 * np.log10(np.maximum(mel, _LEAST_POWER))
        clips = decibels.max(axis=(1, 2), keepdims=True)
        references = (
            ("a fixed reference", np.zeros_like(clips)),
            ("decibels relative to each sound's maximum", clips),
            ("decibels relative to the maximum of the batch", np.full_like(clips, clips.max())),
        )
        for reference, zero in references:
            relative = decibels - zero
            yield "decibels", reference, relative
            for floor_of, top in (
                ("the sound's", relative.max(axis=(1, 2), keepdims=True)),
                ("the batch's", relative.max()),
            ):
                yield (
                    f"decibels, at most {_TOP_DB:g} below {floor_of} maximum",
                    reference,
                    np.maximum(relative, top - _TOP_DB),
                )
        logs = np.log10(np.maximum(mel, _LEAST_POWER))
        for floor_of, top in (
            ("each sound's", logs.max(axis=(1, 2), keepdims=True)),
            ("the batch's", logs.max()),
        ):
            yield (
                f"Whisper's logarithm, at most {_WHISPER:g} below {floor_of} maximum",
                none,
                (np.maximum(logs, top - _WHISPER) + 4) / 4,
            )


def _offset(value: float) -> float | None:
    """Return the power of ten that a fitted offset or floor is; None if it is none."""
    return next((each for each in _OFFSETS if abs(value - each) <= _NEAR * each), None)


def _left(target: Array, made: Array) -> float:
    with np.errstate(all="ignore"):
        gap = float(np.sqrt(np.mean(np.square(target - made))))
    return gap / max(float(target.std()), 1e-30) if np.isfinite(gap) else float("inf")


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
