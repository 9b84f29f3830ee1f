import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose
from savedmodel_matrix.verdicts.diagnose.recipes.mel import filters
from savedmodel_matrix.verdicts.diagnose.recipes.sound import recipes

T = np.arange(8000) / 16000
SOUND = np.sin(2 * np.pi * (300 + 3000 * T) * T) + 0.1 * np.random.default_rng(0).normal(size=T.size)


def mel(*, htk=False, norm=True, power=2, log=np.log):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    padded = np.pad(SOUND, 256)
    frames = np.stack([padded[at : at + 512] * window for at in range(0, 8001, 160)])
    bank = filters(16000, 512, 40, (0.0, 8000.0), htk=htk, slaney_norm=norm)
    return log(bank @ np.abs(np.fft.rfft(frames)).T ** power + 1e-6)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"htk": True}, "mel-scale"),
        ({"norm": False}, "mel-norm"),
        ({"power": 1}, "power-magnitude"),
        ({"log": np.log1p}, "log1p"),
    ],
)
def test_conventions_are_named(options, name):
    found = diagnose({"x": mel()}, {"x": mel(**options)}, {"sound": SOUND})
    assert [each.id for each in found] == [name]


def test_another_sound_has_no_recipe():
    assert recipes(mel()[None], SOUND[None])
    assert recipes(mel()[None], SOUND[None, ::-1]) == []


def test_the_scales_agree_where_they_are_defined_to():
    htk = filters(16000, 512, 20, (0.0, 8000.0), htk=True, slaney_norm=False)
    assert htk.max(axis=1).min() > 0.3
    assert htk.shape == (20, 257)
