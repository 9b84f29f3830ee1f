"""Sounds: mel spectrograms from raw samples, in each convention for the scale and the logarithm."""

from __future__ import annotations

import io
import wave
from functools import cache
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
#: Recipes within this factor of the best one, or this close, are as good; the others are beaten.
_AS_GOOD, _EXACT = 2.0, 1e-5
#: librosa.power_to_db: ``top_db`` and ``amin``. Whisper: log10 of at least 1e-10 and of the maximum less 8,
#: then (x + 4) / 4.
_TOP_DB = 80.0
_LEAST_POWER = 1e-10
_WHISPER = 8.0
#: Pre-emphasis of HTK, Kaldi and librosa.
_EMPHASIS = 0.97
#: Sounds and frames that recipes are compared on, and elements for the first screening.
_MOST_SOUNDS, _MOST_FRAMES, _SCREENED = 8, 400, 3000
#: How many framings with filters are tried with every window, gain and logarithm, and their least rank
#: correlation with the target: the logarithm keeps the order of values.
_TRIED, _LEAST_RANK = 8, 0.8
#: The share of elements above the floor that is enough to rank.
_LEAST_ABOVE = 0.02
#: Offsets and floors of logarithms in use: powers of ten from 1e-12 to 1, and how close a fitted one is.
_OFFSETS = tuple(10.0**power for power in range(-12, 1))
_NEAR = 0.02


class _Framing(NamedTuple):
    """How a sound is cut: ``ends`` frames at each end reach beyond the sound when centred."""

    transform: int
    hop: int
    centred: bool
    whole: bool
    ends: int


class _Screened(NamedTuple):
    """One framing with filters, and the rank correlation of what they make with the target."""

    rank: float
    emphasis: float
    framing: _Framing
    filters: dict[str, str]
    bank: Array
    power: float


class _Made(NamedTuple):
    """A recipe with what it leaves of the target, relative to the target's standard deviation."""

    left: float
    parts: dict[str, str]
    values: Array  # (sounds, bands, frames), NaN where it says nothing


def recipes(side: Array, raw: Array) -> list[Recipe]:
    """Return the spectrograms that this side may consist of: the best one, and those that are as good."""
    if is_numeric(raw) and raw.dtype.kind not in "fi":
        return []
    sounds, rates = _sounds(raw)
    for order, target in _orders(side):
        if len(target) != len(sounds) or min(target.shape[1:]) < 8 or not np.isfinite(target).all():
            continue
        made: list[_Made] = []
        for rate in rates:
            made = sorted([*made, *_all(target, sounds, rate)], key=lambda each: each.left)
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


def _recipe(each: _Made, order: str, target: Array, side: Array, beaten: float | None) -> Recipe:
    whole = np.full(target.shape, np.nan)
    whole[: len(each.values), :, : each.values.shape[2]] = each.values
    back = np.swapaxes(whole, 1, 2) if order.startswith("time") else whole
    return Recipe(
        {**each.parts, "axes": order}, back.reshape(side.shape), each.left, left=each.left, beaten=beaten
    )


def _all(target: Array, sounds: list[Array], rate: int) -> Iterator[_Made]:
    """Yield every recipe of the most likely framings and filters, with what it leaves."""
    target, sounds = target[:_MOST_SOUNDS, :, :_MOST_FRAMES], sounds[:_MOST_SOUNDS]
    loud = int(np.argmax([float(np.square(each).mean()) for each in sounds]))
    screened: list[_Screened] = []
    for emphasis in (0.0, _EMPHASIS):
        sound = _emphasised(sounds[loud], emphasis)
        for framing in _framings(len(sound), target.shape[2]):
            magnitudes = _magnitudes(sound, framing, _WINDOWS["a periodic Hann window"], target.shape[2])
            inner = _inner(framing, target.shape[2])
            for name, bank in _banks(rate, framing.transform, target.shape[1]):
                for power in (2.0, 1.0):
                    rank = _rank((bank @ magnitudes**power)[:, inner], target[loud][:, inner])
                    if rank >= _LEAST_RANK:
                        screened.append(_Screened(rank, emphasis, framing, name, bank, power))
    for _, emphasis, framing, name, bank, power in sorted(screened, key=lambda each: -each.rank)[:_TRIED]:
        inner = _inner(framing, target.shape[2])
        aim = target[:, :, inner]
        for window, shape in _WINDOWS.items():
            plain = [
                _magnitudes(_emphasised(each, emphasis), framing, shape, target.shape[2])[:, inner]
                for each in sounds
            ]
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
                    yield _Made(
                        left,
                        {
                            "spectrogram": f"windows of {framing.transform} every {framing.hop} samples "
                            f"at {rate} Hz",
                            "framing": "frames centred on their time"
                            if framing.centred
                            else "frames that begin at their time",
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


def _emphasised(sound: Array, factor: float) -> Array:
    return np.append(sound[0], sound[1:] - factor * sound[:-1]) if factor else sound


def _framings(samples: int, frames: int) -> Iterator[_Framing]:
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
                yield _Framing(transform, hop, centred, given == frames, ends)


def _inner(framing: _Framing, frames: int) -> slice:
    # The frames at the ends of a centred spectrogram depend on the padding.
    return slice(framing.ends, min(frames, _MOST_FRAMES) - (framing.ends if framing.whole else 0))


def _magnitudes(sound: Array, framing: _Framing, window: Callable[[int], Array], frames: int) -> Array:
    x = np.pad(sound, framing.transform // 2) if framing.centred else sound
    pieces = np.lib.stride_tricks.sliding_window_view(x, framing.transform)[:: framing.hop][:frames]
    found: Array = np.abs(np.fft.rfft(pieces * window(framing.transform), axis=1)).T
    return found


#: librosa, tf.signal and torch use the periodic window; np.hanning and scipy's sym=True the symmetric one.
_WINDOWS: dict[str, Callable[[int], Array]] = {
    "a periodic Hann window": lambda n: np.hanning(n + 1)[:-1],
    "a symmetric Hann window": np.hanning,
    "a periodic Hamming window": lambda n: np.hamming(n + 1)[:-1],
    "a symmetric Hamming window": np.hamming,
    "a rectangular window": np.ones,
}
_GAINS: dict[str, Callable[[Array], float]] = {
    "sounds at their own level": lambda x: 1.0,  # noqa: ARG005 - the form of every gain
    "each sound scaled to its peak": lambda x: 1 / max(float(np.abs(x).max()), 1e-12),
    "each sound scaled to its root mean square": lambda x: (
        1 / max(float(np.sqrt(np.square(x).mean())), 1e-12)
    ),
}


def _banks(rate: int, transform: int, bands: int) -> Iterator[tuple[dict[str, str], Array]]:
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
        yield "natural logarithm of x", none, np.log(np.maximum(mel, 1e-30))
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
