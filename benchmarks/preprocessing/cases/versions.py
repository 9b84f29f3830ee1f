"""The same preprocessing in two environments with different versions, one per side; the sides must agree."""

import cv2
import librosa
import numpy as np
import pandas as pd
import scipy.signal
from PIL import Image
from skimage import transform
from sklearn.datasets import load_breast_cancer, load_sample_images, load_wine
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from benchmarks.preprocessing.cases.register import case

PHOTOS = load_sample_images().images
RANDOM = np.random.default_rng(11)
SOUND = np.sin(
    2 * np.pi * 300 * np.arange(24000) / 16000 * (1 + np.arange(24000) / 48000)
) + 0.05 * RANDOM.normal(size=24000)


@case("2 photos", "clean: Pillow bicubic in two versions", None)
def clean_pillow():
    size = (224, 192)
    return (
        np.stack([np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)) for x in PHOTOS]),
    )


@case("2 photos", "clean: cv2 INTER_AREA in two versions", None)
def clean_cv2():
    return (np.stack([cv2.resize(x, (200, 150), interpolation=cv2.INTER_AREA) for x in PHOTOS]),)


@case("2 photos", "clean: skimage.transform.resize in two versions", None)
def clean_skimage():
    return (
        np.stack([transform.resize(x, (120, 160), anti_aliasing=True) for x in PHOTOS]).astype(np.float32),
    )


@case("wine", "clean: StandardScaler in two versions", None)
def clean_standard():
    return (StandardScaler().fit_transform(load_wine().data),)


@case("breast cancer", "clean: QuantileTransformer in two versions", None)
def clean_quantiles():
    return (QuantileTransformer(n_quantiles=100, random_state=0).fit_transform(load_breast_cancer().data),)


@case("colours", "clean: pandas.get_dummies in two versions (uint8 and bool)", None)
def clean_dummies():
    return (pd.get_dummies(pd.Series(RANDOM.choice(["red", "green", "blue"], 200))).to_numpy(),)


@case("a sound", "clean: librosa's mel spectrogram in two versions", None)
def clean_librosa():
    x = librosa.feature.melspectrogram(
        y=SOUND.astype(np.float32), sr=16000, n_fft=512, hop_length=160, n_mels=40
    )
    return (librosa.power_to_db(x),)


@case("a sound", "clean: scipy.signal.resample_poly in two versions", None)
def clean_resample():
    return (scipy.signal.resample_poly(SOUND, 1, 2).astype(np.float32),)
