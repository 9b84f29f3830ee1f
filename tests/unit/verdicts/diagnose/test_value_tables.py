"""Tables per value: exact functions of the raw input, and of nothing else."""

import io

import numpy as np
import pytest
from PIL import Image
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose
from savedmodel_matrix.verdicts.diagnose.pair import Pair
from savedmodel_matrix.verdicts.diagnose.value_tables import explain

R = np.random.default_rng(8)
RAW = R.integers(0, 60, (2, 30, 30)) * 17


def window(low, high):
    return np.clip((RAW - low) / (high - low), 0, 1)


def encoded(images):
    out = np.empty(len(images), object)
    for at, image in enumerate(images):
        data = io.BytesIO()
        image.save(data, "PNG")
        out[at] = data.getvalue()
    return out


@pytest.mark.parametrize(
    ("train", "serve", "words"),
    [
        (window(200, 800), window(0, 1100), ("a window: 200..800", "a line: ")),
        ((RAW / 1023) ** 2.2, RAW / 1023.0, ("a table", "a line: ")),
        (RAW // 100, RAW * 1.0, ("a table of 11 values", "the value itself")),
    ],
)
def test_different_functions_of_the_raw_value_are_named(train, serve, words):
    found = explain(Pair(train, serve, {"scan": RAW}))
    assert found.id == "value-table"
    assert found.train.startswith(words[0])
    assert found.serve.startswith(words[1])


def test_a_gamma_curve_is_named():
    raw = R.integers(0, 256, (2, 60, 60))
    found = explain(Pair(raw / 255, (raw / 255) ** (1 / 2.2), {"scan": raw}))
    assert found.serve == "a gamma curve of 0.455"


def test_every_palette_is_its_own():
    drawn = [Image.fromarray(R.integers(0, 256, (40, 40, 3)).astype(np.uint8)).quantize(12) for _ in range(2)]
    grey = np.stack([np.asarray(each.convert("RGB").convert("L"), np.float64) for each in drawn])
    indices = np.stack([np.asarray(each, np.float64) for each in drawn])
    (found,) = diagnose({"x": grey}, {"x": indices}, {"files": encoded(drawn)})
    assert (found.id, found.serve) == ("value-table", "the palette index itself")


@pytest.mark.parametrize(
    "serve",
    [
        window(0, 1100) + R.normal(size=RAW.shape) * 1e-3,  # not of the value alone
        (RAW > 500) * 1.0,  # a mask is a function of too much
        np.roll(window(0, 1100), 1, axis=2),
    ],
)
def test_what_is_no_function_of_the_value_is_not(serve):
    assert explain(Pair(window(200, 800), serve, {"scan": RAW})) is None


def test_values_that_are_seen_once_prove_nothing():
    raw = np.arange(200.0).reshape(2, 100)
    assert explain(Pair(np.sqrt(raw), raw**2, {"table": raw})) is None
