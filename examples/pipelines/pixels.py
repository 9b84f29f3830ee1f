"""Pixels scaled with NumPy alone. Each function takes ``pixels``, uint8 [n,height,width,3]."""

import numpy as np


def centred(inputs):
    """Minus the middle grey, which a configuration gives as a NumPy number: ``image``, float32 [n,h,w,3].

    NumPy 1 keeps uint8 and wraps below 0; NumPy 2 computes in int64.
    """
    grey = np.int64(128)
    return {"image": (inputs["pixels"] - grey).astype(np.float32)}


def scaled(inputs):
    """Scaled by NumPy numbers: ``image``, [n,h,w,3], float32 with NumPy 1 and float64 with NumPy 2."""
    mean, deviation = np.float64(127.5), np.float64(64)
    return {"image": (inputs["pixels"].astype(np.float32) - mean) / deviation}
