"""Planted before the estimators were read, for those that others try least: knocks, forms, scans."""

import io

import cv2
import librosa
import numpy as np
from PIL import Image
from scipy.fft import dct
from skimage import data as photographs
from skimage import transform
from sklearn import datasets

from benchmarks.preprocessing.cases.register import case, strings

R = np.random.default_rng(408)
DIABETES = datasets.load_diabetes(scaled=False).data
DIGITS = datasets.load_digits()
PAGE, COINS, PORTRAIT = photographs.page(), photographs.coins(), photographs.astronaut()


def _knocks():
    """Decaying bursts of noise at 22.05 kHz: float32 [4, 22050]."""
    sounds = np.zeros((4, 22050))
    for row, sound in enumerate(sounds):
        for start in np.sort(R.integers(0, 20000, 5 + row)):
            length = min(2000, 22050 - start)
            fading = np.exp(-np.arange(length) / (150 + 100 * row))
            sound[start : start + length] += R.normal(size=length) * fading * (0.1 + 0.2 * row)
    return sounds.astype(np.float32)


KNOCKS = _knocks()


def _cepstra(**options):
    return np.stack(
        [
            librosa.feature.mfcc(y=x, sr=22050, n_mfcc=20, n_fft=1024, hop_length=512, **options)
            for x in KNOCKS
        ]
    )


@case("4 knocks", "MFCC of HTK mels against Slaney's", "mel-scale")
def cepstra_scale():
    return _cepstra(), _cepstra(htk=True), KNOCKS


@case("4 knocks", "MFCC with an orthonormal cosine transform against a plain one", "cepstra")
def cepstra_norm():
    return _cepstra(), _cepstra(norm=None), KNOCKS


@case("4 knocks", "MFCC liftered in training (python_speech_features's default) against not", "cepstra")
def cepstra_lifter():
    return _cepstra(lifter=22), _cepstra(), KNOCKS


@case("4 knocks", "clean: MFCC by librosa and by SciPy's cosine transform", None)
def clean_cepstra():
    mel = [librosa.feature.melspectrogram(y=x, sr=22050, n_fft=1024, hop_length=512) for x in KNOCKS]
    mine = [dct(librosa.power_to_db(each), axis=0, norm="ortho")[:20] for each in mel]
    return _cepstra(), np.stack(mine).astype(np.float32), KNOCKS


@case(
    "diabetes",
    "a dose in milligrams against grams, and one column in twenty rows corrected by hand",
    "partly unit",
)
def partly_corrected():
    x = DIABETES[:, 4:8].astype(np.float32)
    y = x / np.float32(1000)
    y[R.choice(len(x), 20, replace=False), 2] *= np.float32(1.3)
    return x, y


@case("a page", "0..255 against 0..1 with a stamp over one corner", "partly value-range")
def partly_stamped():
    x = np.repeat(PAGE[None, :180, :360, None], 3, axis=-1).astype(np.float32)
    x = np.concatenate([x, x[:, ::-1]])
    y = x / np.float32(255)
    y[:, 150:162, 300:324] = [0.9, 0.2, 0.1]
    return x, y


@case("4 knocks", "16-bit samples against -1..1 with hum added", "partly unit")
def partly_hum():
    hum = 0.001 * np.sin(2 * np.pi * 50 * np.arange(22050) / 22050)
    return np.round(KNOCKS * 32767).astype(np.float32), (KNOCKS + hum).astype(np.float32), KNOCKS


@case("diabetes", "noise as large as a third of the values: no step removes most of it", None)
def partly_too_little():
    x = (DIABETES - DIABETES.mean(0)) / DIABETES.std(0)
    return x, x + R.normal(size=x.shape) / 3


def _png(images, mode=None):
    out = []
    for image in images:
        written = io.BytesIO()
        (image if isinstance(image, Image.Image) else Image.fromarray(image, mode)).save(written, "PNG")
        out.append(written.getvalue())
    return strings(out)


@case("2 drawings", "a palette's colours in grey against its indices", "value-table|palette")
def palette():
    drawn = [
        Image.fromarray(each).quantize(24) for each in (PORTRAIT[:120, :120], PORTRAIT[120:240, 120:240])
    ]
    grey = np.stack([np.asarray(each.convert("RGB").convert("L")) for each in drawn])
    indices = np.stack([np.asarray(each) for each in drawn])
    return grey.astype(np.float32), indices.astype(np.float32), _png(drawn)


def _twelve_bits():
    return [(transform.resize(each, (96, 96)) * 4095).astype(np.uint16) for each in (COINS, PAGE)]


def _windowed(values, low, high):
    return np.clip((values.astype(np.float32) - low) / (high - low), 0, 1)


@case(
    "2 scans of 12 bits",
    "a display window of 400 to 2000 against all of 0 to 4095",
    "value-table|bit-depth|clipping",
)
def display_window():
    scans = _twelve_bits()
    one, other = (np.stack([_windowed(x, *ends) for x in scans]) for ends in ((400, 2000), (0, 4095)))
    return one, other, _png(scans)


@case("2 grey scans", "a table of gamma 2.2 applied in serving only", "value-table|gamma")
def gamma_table():
    scans = np.stack([COINS[:100, :100], PAGE[:100, :100]])
    table = np.round(255 * (np.arange(256) / 255) ** (1 / 2.2)).astype(np.uint8)
    return scans.astype(np.float32), table[scans].astype(np.float32), _png(list(scans))


@case("2 scans of 12 bits", "clean: a display window by a formula and by np.interp", None)
def clean_window():
    scans = _twelve_bits()
    other = np.stack([np.interp(x, [400, 2000], [0, 1]) for x in scans]).astype(np.float32)
    return np.stack([_windowed(x, 400, 2000) for x in scans]), other, _png(scans)


@case("digits", "blank images in serving: whole numbers divided by 255 as integers", "constant-side")
def constant_blank():
    x = DIGITS.images[:60].astype(np.uint8)
    return x / np.float32(16), (x // 255).astype(np.float32), x


@case("forms", "every name unknown in serving: looked up with another key", "constant-side")
def constant_unknown():
    names = [f"street {R.integers(40)}" for _ in range(80)]
    table = {name: 1 + at for at, name in enumerate(sorted(set(names)))}
    ids = np.array([table[name] for name in names], np.int64)[:, None]
    return ids, np.zeros_like(ids), strings(names)


@case("forms", "clean: a column that is the same on both sides, because no form fills it in", None)
def clean_constant():
    x = DIABETES[:50].astype(np.float32)
    x[:, 3] = 0
    return x, x.astype(np.float64), x


@case("2 scans", "resized by OpenCV and by scikit-image, in 8 bits", "harmless 8-bit-rounding")
def level_resized():
    small = np.stack(
        [
            cv2.resize(x[:300, :300], (150, 150), interpolation=cv2.INTER_LINEAR)
            for x in (COINS, PORTRAIT[..., 0])
        ]
    )
    other = [
        transform.resize(x[:300, :300], (150, 150), order=1, anti_aliasing=False, preserve_range=True)
        for x in (COINS, PORTRAIT[..., 0])
    ]
    return small[..., None], np.round(np.stack(other)).astype(np.uint8)[..., None]


@case("a portrait", "by way of YCbCr and back", "harmless 8-bit-rounding")
def level_colours():
    image = PORTRAIT[None, :160, :160]
    back = cv2.cvtColor(cv2.cvtColor(image[0], cv2.COLOR_RGB2YCrCb), cv2.COLOR_YCrCb2RGB)
    return image.astype(np.float32), back[None].astype(np.float32)


@case("digits", "enlarged in integers and in floats", "harmless 8-bit-rounding")
def level_enlarged():
    images = [np.round(x * 15.9).astype(np.uint8) for x in DIGITS.images[:20]]
    one = np.stack([cv2.resize(x, (32, 32), interpolation=cv2.INTER_LINEAR) for x in images])
    other = [cv2.resize(x.astype(np.float32), (32, 32), interpolation=cv2.INTER_LINEAR) for x in images]
    return one[..., None] / np.float32(255), np.round(np.stack(other))[..., None] / np.float32(255)


@case("a portrait", "one level brighter throughout: not rounding", "constant-offset")
def level_brighter():
    image = np.clip(PORTRAIT[None, :160, :160], 0, 254)
    return image.astype(np.float32), image.astype(np.float32) + 1
