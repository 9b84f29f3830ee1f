"""Planted cases and near misses of the estimators that work from the raw input, on data of other domains."""

import io
import re

import cv2
import librosa
import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from skimage import color
from skimage import data as photographs
from sklearn import datasets
from sklearn.decomposition import PCA

from benchmarks.preprocessing.cases.register import case, strings

R = np.random.default_rng(77)
TEXTS = [line for line in datasets.load_iris().DESCR.splitlines() if len(line.split()) > 4]
TEXTS += [line for line in datasets.load_breast_cancer().DESCR.splitlines() if len(line.split()) > 4]
ROCKET, CAT = photographs.rocket(), photographs.chelsea()
TIMES = np.sort(R.integers(1_640_995_200, 1_672_531_200, 120))
WINE = datasets.load_wine().data
CHIRPS = np.stack(
    [librosa.chirp(fmin=110 * k, fmax=2000 * k, sr=16000, length=16000) * 0.3 * k for k in (1, 2, 3)]
).astype(np.float32)


def _looked_up(change=str, split=str.split, table=None):
    table = table or {word: 2 + at for at, word in enumerate(sorted({w for t in TEXTS for w in t.split()}))}
    out = np.zeros((len(TEXTS), 40), np.int32)
    for row, text in zip(out, TEXTS, strict=True):
        ids = [table.get(change(word), 1) for word in split(text)][:40]
        row[: len(ids)] = ids
    return out


def _texts():
    return strings([text.encode() for text in TEXTS])


@case("abstracts", "a cased vocabulary, looked up in lower case", "letter-case")
def lookup_case():
    return _looked_up(), _looked_up(str.lower), _texts()


@case("abstracts", "words with punctuation, looked up without", "punctuation|tokens|punctuation+tokens")
def lookup_punctuation():
    return _looked_up(), _looked_up(lambda word: re.sub(r"[^\w\s]", "", word)), _texts()


@case("abstracts", "one-letter words dropped (scikit-learn's token_pattern)", "tokens")
def lookup_tokens():
    table = {w: 2 + at for at, w in enumerate(sorted({w for t in TEXTS for w in re.findall(r"\w+", t)}))}
    return (
        _looked_up(split=re.compile(r"\w+").findall, table=table),
        _looked_up(split=re.compile(r"\b\w\w+\b").findall, table=table),
        _texts(),
    )


@case("abstracts", "clean: one vocabulary, two ways to build it", None)
def clean_lookup():
    return _looked_up(), _looked_up(lambda word: "".join(list(word))), _texts()


@case("wine", "PCA with the sign of two components reversed", "sign")
def mixture_sign():
    x = PCA(4, random_state=0).fit_transform(WINE)
    return x.astype(np.float32), (x * [1, -1, 1, -1]).astype(np.float32)


@case("wine", "PCA fitted again on half of the rows", "linear-mixture")
def mixture_pca():
    x = (WINE - WINE.mean(0)) / WINE.std(0)
    return PCA(13).fit(x).transform(x), PCA(13).fit(x[::2]).transform(x)


@case("a photo", "RGB against YCbCr (scikit-image)", "colour-space")
def mixture_colours():
    x = CAT[None, :120, :160] / 255.0
    return x, np.stack([color.rgb2ycbcr(each) for each in x])


@case("colours", "clean: get_dummies with an unused category on one side", None)
def clean_categories():
    values = pd.Series(R.choice(["a", "b", "c"], 60))
    one = pd.get_dummies(pd.Categorical(values, ["a", "b", "c", "d"])).to_numpy(np.float32)
    other = pd.get_dummies(values).reindex(columns=["a", "b", "c", "d"], fill_value=0).to_numpy(np.float32)
    return one, other


def _local(zone):
    return pd.to_datetime(TIMES, unit="s", utc=True).tz_convert(zone)


def _circle(times):
    angle = 2 * np.pi * (times.hour * 60 + times.minute) / 1440
    return np.stack([np.linspace(0, 1, len(times)), np.sin(angle), np.cos(angle), times.month], 1).astype(
        np.float32
    )


@case("trips", "Europe/Berlin against UTC+1 all year, in a wider table", "daylight-saving")
def clock_berlin():
    return _circle(_local("Europe/Berlin")), _circle(_local("Etc/GMT-1")), TIMES


@case("trips", "Asia/Kolkata against UTC, in a wider table", "timezone")
def clock_kolkata():
    return _circle(_local("Asia/Kolkata")), _circle(_local("UTC")), TIMES


@case("trips", "Australia/Sydney against America/Chicago, hours only", "timezone")
def clock_two():
    return np.asarray(_local("Australia/Sydney").hour), np.asarray(_local("America/Chicago").hour), TIMES


@case("trips", "clean: one zone under two names", None)
def clean_clock():
    return _circle(_local("Asia/Kolkata")), _circle(_local("Asia/Calcutta")), TIMES


def _scans(tags):
    found = []
    for image, tag in zip((ROCKET, CAT, ROCKET[::-1], CAT[:, ::-1]), tags, strict=True):
        exif, out = Image.Exif(), io.BytesIO()
        exif[0x0112] = tag
        Image.fromarray(np.ascontiguousarray(image[:240, :240])).save(out, "JPEG", quality=95, exif=exif)
        found.append(out.getvalue())
    return strings(found)


def _opened(raw, turned, method=Image.Resampling.BOX):
    images = [Image.open(io.BytesIO(each)) for each in raw]
    images = [ImageOps.exif_transpose(each) if turned else each for each in images]
    return np.stack(
        [np.asarray(each.convert("RGB").resize((60, 60), method)) for each in images]
    ) / np.float32(255)


@case("4 scans", "turned by EXIF (OpenCV, area) against stored (Pillow, box)", "exif-orientation")
def turn_cv():
    raw = _scans((6, 1, 3, 8))
    area = [
        cv2.resize(cv2.imdecode(np.frombuffer(each, np.uint8), 1), (60, 60), interpolation=cv2.INTER_AREA)
        for each in raw
    ]
    return np.stack(area)[..., ::-1] / np.float32(255), _opened(raw, False), raw


@case("4 scans", "stored, bicubic, against turned, box", "exif-orientation+resize-method")
def turn_method():
    raw = _scans((6, 6, 8, 8))
    return _opened(raw, False, Image.Resampling.BICUBIC), _opened(raw, True), raw


@case("4 scans", "random flips left on in serving", "per-sample-choice")
def turn_random():
    x = _opened(_scans((1, 1, 1, 1)), False)
    y = x.copy()
    y[0], y[2] = x[0, :, ::-1], x[2, ::-1]
    return x, y


@case("4 scans", "clean: turned by Pillow and by NumPy", None)
def clean_turn():
    raw = _scans((3, 3, 3, 3))
    stored = [np.asarray(Image.open(io.BytesIO(each)).convert("RGB"))[::-1, ::-1] for each in raw]
    again = [
        np.asarray(Image.fromarray(np.ascontiguousarray(each)).resize((60, 60), Image.Resampling.BOX))
        for each in stored
    ]
    return _opened(raw, True), np.stack(again) / np.float32(255), raw


def _mel(center=True, window="hann"):
    return np.stack(
        [
            librosa.feature.melspectrogram(
                y=each, sr=16000, n_fft=512, hop_length=256, n_mels=64, center=center, window=window
            )
            for each in CHIRPS
        ]
    )


@case("3 chirps", "centred frames cut to length against frames from the start", "framing")
def sound_framing():
    return np.log(_mel(False) + 1e-6), np.log(_mel()[:, :, :61] + 1e-6), CHIRPS


@case("3 chirps", "log(x + e) against log(max(x, e))", "log")
def sound_floor():
    mel = _mel(False)
    return np.log10(mel + 1e-4), np.log10(np.maximum(mel, 1e-4)), CHIRPS


@case("3 chirps", "Hann against Hamming windows", "window")
def sound_window():
    return np.log(_mel(False) + 1e-5), np.log(_mel(False, "hamming") + 1e-5), CHIRPS


@case("3 chirps", "decibels per clip against per batch", "db-reference")
def sound_reference():
    mel = _mel(False)
    return (
        np.stack([librosa.power_to_db(each, ref=np.max) for each in mel]),
        librosa.power_to_db(mel, ref=np.max),
        CHIRPS,
    )


@case("3 chirps", "clean: log mel by librosa and by hand", None)
def clean_mel():
    window = np.hanning(513)[:-1]
    bank = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64)
    frames = [
        np.lib.stride_tricks.sliding_window_view(each.astype(np.float64), 512)[::256] for each in CHIRPS
    ]
    mine = np.stack([bank @ (np.abs(np.fft.rfft(each * window)) ** 2).T for each in frames])
    return np.log(_mel(False) + 1e-5), np.log(mine + 1e-5).astype(np.float32), CHIRPS


@case("wine", "every value of a column lost in serving", "constant-side")
def constant():
    return WINE.astype(np.float32), np.zeros(WINE.shape, np.float32), WINE


def _png(images):
    out = []
    for image in images:
        data = io.BytesIO()
        image.save(data, "PNG")
        out.append(data.getvalue())
    return strings(out)


@case("2 icons", "blended over white against alpha dropped", "alpha")
def icon_alpha():
    alpha = np.clip(np.add.outer(np.arange(96), np.arange(96)) * 2, 0, 255)
    icons = [Image.fromarray(np.dstack([each[:96, :96], alpha]).astype(np.uint8)) for each in (ROCKET, CAT)]
    white = Image.new("RGBA", (96, 96), (255, 255, 255, 255))
    blended = np.stack([np.asarray(Image.alpha_composite(white, each).convert("RGB")) for each in icons])
    plain = np.stack([np.asarray(each.convert("RGB")) for each in icons])
    return blended.astype(np.float32), plain.astype(np.float32), _png(icons)


@case("2 scans of 16 bits", "divided by 256 against clipped at 255", "bit-depth")
def deep():
    levels = [each[:96, :96, 0].astype(np.uint16) * 9 for each in (ROCKET, CAT)]
    raw = _png([Image.fromarray(each) for each in levels])
    return (
        np.stack([each >> 8 for each in levels])[..., None],
        np.stack([np.clip(each, 0, 255) for each in levels])[..., None],
        raw,
    )
