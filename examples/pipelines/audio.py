"""Sound preprocessed for an audio model with librosa.

Each function takes ``sound``, an object array of encoded files of shape [n].
"""

import io

import numpy as np


def librosa_wave(inputs):
    """Load at 16 kHz: ``wave``, float32 [n,samples]. librosa 0.10 resamples with a different library."""
    import librosa

    waves = [librosa.load(io.BytesIO(sound), sr=16000)[0] for sound in inputs["sound"]]
    return {"wave": np.stack(waves)}


def librosa_mel(inputs):
    """Log-mel spectrogram at librosa's own 22,050 Hz: ``mel``, float32 [n,64,frames], in dB."""
    import librosa

    mels = []
    for sound in inputs["sound"]:
        wave, rate = librosa.load(io.BytesIO(sound))
        power = librosa.feature.melspectrogram(y=wave, sr=rate, n_mels=64)
        mels.append(librosa.power_to_db(power, ref=np.max))
    return {"mel": np.stack(mels).astype(np.float32)}
