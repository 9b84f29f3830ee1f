from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.domain.expected_inputs import Confidence, InputExpectation, Step, StepKind
from savedmodel_matrix.verdicts.judge.prepared import judge_values

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def affine(mean, deviation):
    mean, deviation = (np.atleast_1d(np.asarray(each, float)) for each in (mean, deviation))
    scale, offset = tuple((1 / deviation).tolist()), tuple((-mean / deviation).tolist())
    return Step(StepKind.AFFINE, "scales", scale=scale, offset=offset)


BY_255, TO_ONES = affine(0, 255), affine(127.5, 127.5)
IMAGENET, IMAGENET_PIXELS = affine(MEAN, DEVIATION), affine(MEAN * 255, DEVIATION * 255)
CAFFE = affine([103.939, 116.779, 123.68], 1)


def photo(seed=0, size=24):
    """Something like a photo: smooth, of whole numbers from 0 to 255, each channel of its own brightness."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (2, size // 4, size // 4, 3)) * [1, 0.9, 0.8]
    return np.rint(coarse.repeat(4, axis=1).repeat(4, axis=2)).astype(np.float32)


WHOLE = photo()
IMAGES = {
    "pixels": WHOLE,
    "resized pixels": WHOLE * 0.97 + 0.4,
    "0..1": WHOLE / 255,
    "-1..1": WHOLE / 127.5 - 1,
    "normalised": ((WHOLE / 255 - MEAN) / DEVIATION).astype(np.float32),
    "mask": (WHOLE > 120).astype(np.float32),
    "black": WHOLE * 0,
    "dark": WHOLE / 255 * 0.2,
    "without mean": WHOLE - [104, 117, 124],
}
TWICE, NORMAL, SCALED, MISSING = (
    "scaled-twice",
    "normalised-twice",
    "scaled-before-normalising",
    "scaling-missing",
)


def judged(tensor, *steps, layout="NHWC"):
    expected = InputExpectation("x", "float32", None, layout=layout, steps=steps)
    finding = judge_values(expected, np.asarray(tensor, np.float32))
    return finding and finding.id


@pytest.mark.parametrize(
    ("step", "alarms"),
    [
        (BY_255, {"0..1": TWICE, "-1..1": TWICE, "normalised": NORMAL}),
        (TO_ONES, {"0..1": TWICE, "-1..1": TWICE, "normalised": NORMAL}),
        (IMAGENET_PIXELS, {"0..1": SCALED, "-1..1": SCALED, "normalised": NORMAL}),
        (CAFFE, {"0..1": SCALED, "-1..1": SCALED, "normalised": NORMAL}),
        (IMAGENET, {"pixels": MISSING, "resized pixels": MISSING, "-1..1": NORMAL, "normalised": NORMAL}),
        (affine(0, 16), {}),
        (affine(0, 1), {}),
    ],
)
def test_photos(step, alarms):
    assert {name: found for name, image in IMAGES.items() if (found := judged(image, step))} == alarms


def test_what_was_found_is_said_with_numbers():
    step = Step(StepKind.AFFINE, "x / 255", "rescaling", scale=(1 / 255,), offset=(0.0,))
    expected = InputExpectation("x", "float32", None, layout="NHWC", steps=(step,))
    finding = judge_values(expected, IMAGES["0..1"])
    assert finding.confidence is Confidence.LIKELY
    assert finding.sentence.startswith(
        "x: the model computes x / 255 in rescaling itself, but the values are"
    )
    assert finding.evidence["maximum"] == IMAGES["0..1"].max()


def table(seed=0, rows=64):
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, 4)) * [1, 10, 100, 1000] + [0, 50, 500, 20_000]


LAYER = affine([0, 50, 500, 20_000], [1, 10, 100, 1000])


def test_tables():
    raw = table()
    assert judged(raw, LAYER, layout="") is None
    assert judged((raw - raw.mean(0)) / raw.std(0), LAYER, layout="") == NORMAL
    assert judged((raw - raw.min(0)) / np.ptp(raw, axis=0), LAYER, layout="") == SCALED
    assert judged(raw[:4], LAYER, layout="") is None
    assert judged(raw * 0 + 0.5, LAYER, layout="") is None
    assert judged(raw.round(), LAYER, layout="") is None
    assert judged(raw / 1000, LAYER, layout="") is None
    assert judged((raw - raw.mean(0)) / raw.std(0), affine([0.1, 0, 0, 0], 1), layout="") is None


@pytest.mark.parametrize("seed", range(40))
def test_clean_data_of_any_statistics_raises_no_alarm(seed):
    random = np.random.default_rng(seed)
    columns = int(random.integers(1, 8))
    mean = random.normal(size=columns) * 10 ** random.uniform(-3, 5, columns)
    deviation = 10 ** random.uniform(-3, 5, columns)
    kinds = [
        random.normal(size=(50, columns)),
        random.uniform(-1.7, 1.7, (50, columns)),
        random.exponential(size=(50, columns)) - 1,
        random.choice([-1.0, 1.0], (50, columns)),
    ]
    for values in kinds:
        assert judged(values * deviation + mean, affine(mean, deviation), layout="") is None


def test_one_column_in_five_may_be_otherwise():
    layer = affine([50] * 5, [10] * 5)
    values = np.random.default_rng(0).normal(size=(64, 5))
    values[:, 0] = 50
    assert judged(values, layer, layout="") == NORMAL
    values[:, 1] = 50
    assert judged(values, layer, layout="") is None


def test_channels_are_found_behind_steps_that_move_them():
    image = (WHOLE / 255 - MEAN) / DEVIATION
    planes = image.transpose(0, 3, 1, 2)
    moved = Step(StepKind.TRANSPOSE, "transposes", method="0, 2, 3, 1")
    turned = Step(StepKind.REVERSE, "reverses", method="-1")
    assert judged(planes, moved, IMAGENET_PIXELS, layout="NCHW") == NORMAL
    assert judged(image[..., ::-1], turned, IMAGENET_PIXELS) == NORMAL
    assert judged(planes, IMAGENET_PIXELS, layout="NCHW") is None


@pytest.mark.parametrize("kind", [StepKind.LOOKUP, StepKind.DECODE, StepKind.ONE_HOT])
def test_behind_other_steps_the_values_are_unknown(kind):
    assert judged(IMAGES["0..1"], Step(kind, "does"), BY_255) is None


def test_nothing_is_judged_from_nothing():
    assert judged(IMAGES["0..1"]) is None
    assert judged(np.zeros((0, 3)), BY_255) is None
    assert judged(np.full((2, 24, 24, 3), np.nan), BY_255) is None
