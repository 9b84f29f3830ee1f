"""Synthetic sounds (nothing is downloaded), through librosa, SciPy and soundfile."""

import io

import librosa
import numpy as np
import scipy.signal
import soundfile

from benchmarks.preprocessing.cases.register import case, strings

RATE = 16000


def sound(rate=RATE, seconds=1.5, seed=0):
    """Return a glide with overtones, a few strikes and noise: something in every band."""
    random = np.random.default_rng(seed)
    t = np.arange(int(rate * seconds)) / rate
    glide = sum(np.sin(2 * np.pi * k * (180 + seed * 31) * t * (1 + 0.3 * t)) / k for k in range(1, 9))
    strikes = sum(np.exp(-((t - at) ** 2) * 4e4) * np.sin(2 * np.pi * 2500 * t) for at in (0.2, 0.6, 1.1))
    x = 0.2 * glide + 0.3 * strikes + 0.01 * random.normal(size=t.size)
    return (x / np.abs(x).max() * 0.8).astype(np.float32)


def wav(x, rate=RATE):
    """Return samples as 16-bit WAV."""
    out = io.BytesIO()
    soundfile.write(out, x, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def read(data):
    """Return the samples of an encoded sound as float32."""
    return soundfile.read(io.BytesIO(data), dtype="float32")[0]


WAVS = [wav(sound(seed=seed)) for seed in (0, 1)]
SOUNDS = np.stack([read(data) for data in WAVS])


def mel(x=SOUNDS, **options):
    """Return mel spectrograms of a batch."""
    options = {"sr": RATE, "n_fft": 512, "hop_length": 160, "n_mels": 64, **options}
    return np.stack([librosa.feature.melspectrogram(y=one, **options) for one in x])


def decibels(x):
    """Return decibels with librosa's defaults."""
    return np.stack([librosa.power_to_db(one) for one in x])


@case("2 sounds", "Slaney's against HTK's mel scale", "mel-scale")
def sound_mel_scale():
    return decibels(mel()), decibels(mel(htk=True)), strings(WAVS)


@case("2 sounds", "mel bands of equal area against equal height", "mel-norm")
def sound_mel_norm():
    return np.log(mel() + 1e-6), np.log(mel(norm=None) + 1e-6), strings(WAVS)


@case("2 sounds", "power against magnitude spectrogram, in mel bands", "power-magnitude")
def sound_power():
    return decibels(mel()), decibels(mel(power=1.0)), SOUNDS


@case("2 sounds", "log against log1p of mel powers", "log|log1p")
def sound_log():
    return np.log(mel() + 1e-6), np.log1p(mel())


@case("2 sounds", "decibels against natural logarithms", "log-base|log")
def sound_decibels():
    x = mel()
    return 10 * np.log10(np.maximum(x, 1e-10)), np.log(np.maximum(x, 1e-10))


@case("2 sounds", "decibels against mel powers themselves", "log")
def sound_no_log():
    x = mel()
    return 10 * np.log10(np.maximum(x, 1e-10)), x


@case("2 sounds", "magnitudes against powers of an STFT", "power-magnitude")
def sound_stft():
    x = np.abs(np.stack([librosa.stft(one, n_fft=512) for one in SOUNDS]))
    return x, x**2


@case("2 sounds", "pre-emphasis only in training", "pre-emphasis")
def sound_emphasis():
    return np.stack([scipy.signal.lfilter([1, -0.97], [1], one) for one in SOUNDS]).astype(np.float32), SOUNDS


@case("2 sounds", "16 kHz against 22.05 kHz, all of it", "sample-rate")
def sound_rate():
    other = np.stack(
        [librosa.resample(one, orig_sr=RATE, target_sr=22050, res_type="polyphase") for one in SOUNDS]
    )
    return SOUNDS, other


@case("2 sounds", "16 kHz against 44.1 kHz, the first 16,000 samples", "sample-rate")
def sound_rate_cut():
    high = np.stack([sound(44100, seed=seed) for seed in (0, 1)])
    low = np.stack([librosa.resample(one, orig_sr=44100, target_sr=RATE) for one in high])
    return low[:, :16000], high[:, :16000]


@case("2 sounds", "16-bit samples against -1..1", "unit|constant-scale")
def sound_pcm():
    return np.stack([soundfile.read(io.BytesIO(data), dtype="int16")[0] for data in WAVS]), SOUNDS


@case("2 sounds", "time by bands against bands by time", "axes")
def sound_axes():
    x = decibels(mel())
    return x.swapaxes(1, 2), x


@case("2 sounds", "another sound", None)
def other_sound():
    return decibels(mel()), decibels(mel(np.stack([sound(seed=5), sound(seed=6)]))), strings(WAVS)


@case("2 sounds", "clean: mel from WAV and from samples", None)
def clean_mel():
    return decibels(mel()), decibels(mel(np.stack([read(data) for data in WAVS]))), strings(WAVS)


@case("2 sounds", "clean: STFT in float32 against float64", None)
def clean_stft():
    x = np.stack([librosa.stft(one, n_fft=512) for one in SOUNDS])
    y = np.stack([librosa.stft(one.astype(np.float64), n_fft=512) for one in SOUNDS])
    return np.abs(x), np.abs(y)


@case("2 sounds", "clean: soundfile against the samples' own scale", None)
def clean_samples():
    return SOUNDS, np.stack([soundfile.read(io.BytesIO(data), dtype="int16")[0] / 32768 for data in WAVS])
