"""Differences that users reported, made small; each was once named wrongly or not at all."""

import numpy as np
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(19)
PIXELS = R.integers(0, 256, (3, 20, 20, 3)).astype(np.float32)
STEREO = R.normal(size=(4, 500, 2))
PEOPLE = np.stack([R.integers(18, 90, 200), R.normal(50, 9, 200), R.integers(0, 2, 200)], 1).astype(float)


def test_values_that_are_divided_by_255_twice():
    (found,) = diagnose({"x": PIXELS / 255}, {"x": PIXELS / 255 / 255})
    assert (found.id, found.train) == ("value-range", "0..1")
    assert found.serve == "0..1 divided by 255 again"


def test_the_mean_of_two_channels_against_the_first():
    (found,) = diagnose({"x": STEREO.mean(-1)}, {"x": STEREO[..., 0]}, {"sound": STEREO})
    assert found.id == "channel-mix"
    assert diagnose({"x": STEREO.mean(-1)}, {"x": R.normal(size=(4, 500))}, {"sound": STEREO}) == []


def test_one_column_in_another_unit_is_named_alone():
    other = PEOPLE.copy()
    other[:, 0] /= 100
    (found,) = diagnose({"x": other}, {"x": PEOPLE}, {"people": PEOPLE})
    assert (found.id, found.title[:9]) == ("unit", "column 0:")


def test_unknown_words_are_no_missing_values():
    texts = np.empty(60, object)
    texts[:] = [b"on the mat" if at % 3 else b"by the sea" for at in range(60)]
    ids = np.array([[1, 2, 3] if at % 3 else [4, 2, 5] for at in range(60)])
    found = diagnose({"x": ids}, {"x": np.where(ids == 3, 0, ids)}, {"text": texts})
    assert "missing-fill" not in [each.id for each in found]


def test_a_few_other_values_do_not_hide_a_range():
    stamped = PIXELS / 255
    stamped[:, 2:4, 2:4] = [0.9, 0.2, 0.1]
    (found,) = diagnose({"x": PIXELS}, {"x": stamped})
    assert (found.id, bool(found.left)) == ("value-range", True)
