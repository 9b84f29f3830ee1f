import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose
from savedmodel_matrix.verdicts.diagnose.recipes.mel import filters

R = np.random.default_rng(4)
SOUND = R.normal(size=8000) * np.repeat(R.uniform(0.05, 1, 20), 400)


def cepstra(*, htk=False, lifter=0, norm=True, seed=None):
    sound = SOUND if seed is None else np.random.default_rng(seed).permutation(SOUND)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 256), 512)[::160]
    powers = np.abs(np.fft.rfft(frames * np.hanning(513)[:-1])).T ** 2
    bands = filters(16000, 512, 40, (0.0, 8000.0), htk=htk, slaney_norm=True) @ powers
    logs = np.log(bands + 1e-6)
    cosines = np.cos(np.pi * np.arange(13)[:, None] * (2 * np.arange(40) + 1) / 80)
    made = cosines @ logs * (np.sqrt(2 / 40) if norm else 2)
    return made * (1 + lifter / 2 * np.sin(np.pi * np.arange(13) / max(lifter, 1)))[:, None]


@pytest.mark.parametrize(
    ("options", "name"),
    [({"htk": True}, "mel-scale"), ({"lifter": 22}, "cepstra"), ({"norm": False}, "cepstra")],
)
def test_conventions_of_cepstra_are_named(options, name):
    (found,) = diagnose({"x": cepstra()[None]}, {"x": cepstra(**options)[None]}, {"sound": SOUND[None]})
    assert found.id == name


def test_cepstra_of_another_sound_have_no_recipe():
    assert diagnose({"x": cepstra()[None]}, {"x": cepstra(seed=1)[None]}, {"sound": SOUND[None]}) == []
