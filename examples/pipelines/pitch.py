# /// script
# dependencies = ["librosa", "numpy<2", "setuptools<70"]
# ///
"""Sound for basic-pitch, loaded with librosa, which resamples with a different library from 0.10 on."""

import io

import librosa
import numpy as np

RATE = 22050
SAMPLES = 43844  # just under two seconds: the model's input length


def window(inputs):
    """Load ``sound`` at 22,050 Hz and fill up with silence: float32 [n,43844,1]."""
    waves = []
    for sound in inputs["sound"]:
        wave, _ = librosa.load(io.BytesIO(sound), sr=RATE)
        waves.append(np.pad(wave[:SAMPLES], (0, SAMPLES - len(wave[:SAMPLES]))))
    return {"input_2": np.stack(waves)[..., np.newaxis].astype(np.float32)}
