"""Columns that are lines of all of the other side's: each name by an example, and near misses."""

import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(12)
SENSORS = R.normal(2, 1, (120, 4)) @ R.normal(size=(4, 4)) + [3, 1, 7, 2]
CLIP = R.uniform(0, 255, (3, 12, 12, 3))
JFIF = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
WEEKDAY = np.eye(7)[R.integers(0, 7, 90)]


def ids(train, serve):
    return [each.id for each in diagnose({"x": train}, {"x": serve})]


def turned(angle):
    out = np.eye(4)
    out[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return out


@pytest.mark.parametrize(
    ("train", "serve", "name", "says"),
    [
        (CLIP, CLIP @ JFIF.T + [0, 128, 128], "colour-space", "YCbCr (BT.601, full range) in serving"),
        (CLIP @ JFIF.T + [0, 128, 128], CLIP, "colour-space", "RGB in serving"),
        (CLIP, (CLIP @ JFIF.T + [0, 128, 128])[..., [0, 2, 1]], "colour-space", "as in OpenCV"),
        (WEEKDAY, WEEKDAY * [0, 1, 1, 1, 1, 1, 1], "dropped-category", "column 0 is always 0 in serving"),
        (WEEKDAY * [1, 1, 1, 1, 1, 1, 0], WEEKDAY, "dropped-category", "column 6 is always 0 in training"),
        (SENSORS, SENSORS * [1, -1, 1, -1], "sign", "columns 1, 3 reversed in serving"),
        (SENSORS @ turned(0.3), SENSORS, "linear-mixture", "a rotation of all of serving's columns"),
        (SENSORS @ R.normal(size=(4, 4)), SENSORS, "linear-mixture", "an invertible mixture"),
    ],
)
def test_named(train, serve, name, says):
    (found,) = diagnose({"x": train}, {"x": serve})
    assert found.id == name
    assert says in found.title
    assert found.residual < 1e-3


@pytest.mark.parametrize(
    ("train", "serve"),
    [
        (SENSORS, SENSORS @ turned(0.3) + R.normal(0, 0.05, SENSORS.shape)),
        (SENSORS[:20], SENSORS[:20] @ R.normal(size=(4, 4))),
        (WEEKDAY, np.eye(7)[R.integers(0, 7, 90)] * [0, 1, 1, 1, 1, 1, 1]),
        (CLIP, CLIP @ JFIF.T + R.normal(0, 30, CLIP.shape)),
    ],
    ids=["noise", "few rows", "other rows", "noisy colours"],
)
def test_a_near_miss_has_no_such_name(train, serve):
    assert not {"colour-space", "dropped-category", "sign", "linear-mixture"} & set(ids(train, serve))


def test_a_category_that_no_row_has_is_no_difference():
    rows = WEEKDAY[WEEKDAY[:, 3] == 0]
    assert ids(rows, rows.copy()) == []
