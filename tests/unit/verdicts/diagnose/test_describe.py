import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.describe import describe


def test_pixels_and_levels_of_images():
    one = np.full((1, 10, 10, 3), 100, np.uint8)
    one[0, 0, 0] = 0
    other = one.copy()
    other[0, 5, 5, 1] += 3
    found = describe(one, other)
    assert found.different_pixels == pytest.approx(0.01)
    assert found.levels == 3
    assert found.sentence == "1% of pixels differ, by up to 3 levels of 255"
    assert describe(one / 255, other / 255).levels == pytest.approx(3)


def test_numbers_that_are_no_images():
    found = describe(np.array([1.0, np.nan, 3.0]), np.array([1.0, np.nan, 2.0], np.float32))
    assert found.different == pytest.approx(1 / 3)
    assert found.levels is None
    assert found.largest == 1
    assert (found.train.not_finite, found.train.mean, found.serve.dtype) == (1, 2.0, "float32")


def test_other_shapes_and_types_are_said():
    assert describe(np.zeros((2, 3)), np.zeros((3, 2), np.float32)).sentence == (
        "float64 [2, 3] in training, float32 [3, 2] in serving"
    )
    texts = np.array([b"a", b"b"], object)
    assert describe(texts, texts[::-1]).different == 1
    assert describe(texts, np.zeros(2)).different is None


def test_nothing_finite_is_not_a_number():
    side = describe(np.full(3, np.nan), np.zeros(3)).train
    assert np.isnan([side.low, side.high, side.mean, side.std]).all()
