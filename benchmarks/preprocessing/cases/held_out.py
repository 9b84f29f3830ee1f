"""Planted after the corrections were written, with different data and combinations; never used for tuning."""

import io
import unicodedata

import cv2
import librosa
import numpy as np
import pandas as pd
from PIL import Image
from skimage import data as photographs
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from benchmarks.preprocessing.cases.register import case, strings

PICTURES = [photographs.astronaut(), photographs.coffee(), photographs.chelsea()]
DIGITS = datasets.load_digits().data
CANCER = datasets.load_breast_cancer().data[:, 10:20]
RANDOM = np.random.default_rng(2024)


def _resized(size, method, pictures=None):
    return np.stack([cv2.resize(x, size, interpolation=method) for x in (pictures or PICTURES)])


def _jpeg(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=92)
    return out.getvalue()


@case(
    "3 pictures as JPEG",
    "cv2 area and BGR against Pillow bicubic and RGB",
    "resize-method+channel-order",
    held_out=True,
)
def held_resize_bgr():
    encoded = [_jpeg(x) for x in PICTURES]
    decoded = [np.asarray(Image.open(io.BytesIO(each)).convert("RGB")) for each in encoded]
    one = _resized((180, 140), cv2.INTER_AREA, decoded)[..., ::-1]
    other = [np.asarray(Image.fromarray(x).resize((180, 140), Image.Resampling.BICUBIC)) for x in decoded]
    return one.astype(np.float32), np.stack(other).astype(np.float32), strings(encoded)


@case("3 pictures", "NCHW, cv2 nearest against NHWC, cv2 linear", "resize-method+layout", held_out=True)
def held_resize_layout():
    one = _resized((96, 128), cv2.INTER_NEAREST).transpose(0, 3, 1, 2) / np.float32(255)
    encoded = strings([cv2.imencode(".png", x[..., ::-1])[1].tobytes() for x in PICTURES])
    return one.astype(np.float32), (_resized((96, 128), cv2.INTER_LINEAR) / 255).astype(np.float32), encoded


@case(
    "a picture",
    "centre crop and ImageNet against stretched and 0..1",
    "crop+image-normalisation",
    held_out=True,
)
def held_crop_imagenet():
    x = PICTURES[2][None]  # 300 x 451
    crop = np.stack(
        [np.asarray(Image.fromarray(y[:, 75:375]).resize((224, 224), Image.Resampling.BILINEAR)) for y in x]
    )
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    other = np.stack(
        [np.asarray(Image.fromarray(y).resize((224, 224), Image.Resampling.BILINEAR)) for y in x]
    )
    return ((crop / 255 - mean) / std).astype(np.float32), (other / 255).astype(np.float32), x


@case(
    "a picture",
    "NCHW, BGR and -1..1 against NHWC, RGB and 0..255",
    "layout+channel-order+value-range",
    held_out=True,
)
def held_three():
    x = PICTURES[0][None, 40:168, 60:220].astype(np.float32)
    return (x[..., ::-1] / 127.5 - 1).transpose(0, 3, 1, 2), x


@case("digits", "min-max per column against over the whole table", "statistics-axis", held_out=True)
def held_axis():
    x = DIGITS[:400] + RANDOM.normal(size=(400, 64))
    return MinMaxScaler().fit_transform(x).astype(np.float32), ((x - x.min()) / np.ptp(x)).astype(np.float32)


@case("breast cancer with holes", "mean and z-score against zero and z-score", "missing-fill", held_out=True)
def held_missing():
    x = CANCER.copy()
    x[RANDOM.random(x.shape) < 0.1] = np.nan
    filled = SimpleImputer(strategy="mean").fit_transform(x), np.nan_to_num(x)
    return *(StandardScaler().fit_transform(each).astype(np.float32) for each in filled), x


@case(
    "breast cancer",
    "columns sorted, and bfloat16-like float16 in serving",
    "column-order+dtype",
    held_out=True,
)
def held_columns_half():
    x = StandardScaler().fit_transform(CANCER).astype(np.float32)
    return x, x[:, [3, 0, 9, 1, 2, 8, 4, 5, 7, 6]].astype(np.float16)


@case(
    "time stamps",
    "America/New_York in winter against UTC, hours as sine and cosine",
    "timezone",
    held_out=True,
)
def held_hours():
    times = pd.date_range("2025-01-05", periods=300, freq="53min", tz="UTC")
    both = [each.hour.to_numpy() * 2 * np.pi / 24 for each in (times.tz_convert("America/New_York"), times)]
    return (*(np.stack([np.sin(each), np.cos(each)], axis=1) for each in both),)


@case("a sound", "HTK and log10 against Slaney and log10, 22.05 kHz", "mel-scale", held_out=True)
def held_mel():
    t = np.arange(33075) / 22050
    x = (np.sin(2 * np.pi * (220 + 900 * t) * t) * 0.5 + 0.02 * RANDOM.normal(size=t.size)).astype(np.float32)
    both = [
        librosa.feature.melspectrogram(y=x, sr=22050, n_fft=1024, hop_length=256, n_mels=80, htk=htk)
        for htk in (True, False)
    ]
    return *(np.log10(np.maximum(each, 1e-10)) for each in both), x


@case(
    "cities",
    "upper case and NFKD against as they come",
    "letter-case+unicode-form|unicode-form+letter-case",
    held_out=True,
)
def held_text():

    names = ["Reykjavík", "Tromsø", "Besançon", "Düsseldorf", "A Coruña", "Plzeň"]
    one = [unicodedata.normalize("NFKD", name.upper()) for name in names]
    return strings([each.encode() for each in one]), strings([name.encode() for name in names])


@case(
    "token ids",
    "another vocabulary order, padded at the other end",
    "vocabulary-order+padding-side|padding-side+vocabulary-order",
    held_out=True,
)
def held_tokens():
    order = np.r_[0, 1 + RANDOM.permutation(30)]
    rows = [RANDOM.integers(1, 31, RANDOM.integers(5, 20)) for _ in range(60)]
    one, other = np.zeros((60, 20), np.int64), np.zeros((60, 20), np.int64)
    for a, b, row in zip(one, other, rows, strict=True):
        a[: len(row)] = row
        b[20 - len(row) :] = order[row]
    return one, other


@case("digits", "clean: float64 table read as float32", None, held_out=True)
def clean_held_digits():
    x = DIGITS / 7
    return x, x.astype(np.float32)


@case("3 pictures", "clean: cv2 resized one by one and from a copy", None, held_out=True)
def clean_held_pictures():
    one = _resized((150, 150), cv2.INTER_AREA)
    return one, _resized((150, 150), cv2.INTER_AREA, [x.copy() for x in PICTURES])


@case("breast cancer", "clean: scaled twice, in other order of rows and back", None, held_out=True)
def clean_held_rows():
    order = RANDOM.permutation(len(CANCER))
    back = np.argsort(order)
    return StandardScaler().fit_transform(CANCER), StandardScaler().fit_transform(CANCER[order])[back]
