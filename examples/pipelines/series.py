"""Time series preprocessed with SciPy. Each function takes ``signal``, float32 [n,samples]."""

import numpy as np


def scipy_decimate(inputs):
    """Every second sample after a low-pass filter: ``signal``, [n,samples/2], of the type SciPy returns."""
    from scipy.signal import decimate

    return {"signal": np.stack([decimate(each, 2) for each in inputs["signal"]])}


def scipy_envelope(inputs):
    """The envelope: ``signal``, [n,samples], of the type that SciPy returns."""
    from scipy.signal import hilbert

    return {"signal": np.abs(hilbert(inputs["signal"]))}


def scipy_normal(inputs):
    """Made more normal by a Box-Cox transform, fitted to each series: ``signal``, float32 [n,samples]."""
    from scipy.stats import boxcox

    shifted = [each - each.min() + 1 for each in inputs["signal"]]
    return {"signal": np.stack([boxcox(each)[0] for each in shifted]).astype(np.float32)}


def scipy_shift(inputs):
    """Shifted by part of a sample: ``signal``, float32 [n,samples]. SciPy 1.6 treats the ends differently."""
    from scipy.ndimage import shift

    return {"signal": np.stack([shift(each, 2.5, mode="nearest") for each in inputs["signal"]])}
