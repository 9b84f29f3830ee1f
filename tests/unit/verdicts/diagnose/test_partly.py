"""A step that removes most of a difference is shown with what is left; one that removes little is not."""

import numpy as np
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(41)
SPECTRUM = np.abs(R.normal(3, 1, (12, 20, 6)))
TRACE = np.abs(R.normal(3, 1, (12, 20)))
SATELLITE = R.uniform(0, 1, (3, 16, 16, 3)).astype(np.float32)
HOUSES = R.normal(0, 1, (50, 4)) * [1, 40, 3, 900] + [0, 300, 9, 5000]


def found(train, serve):
    return diagnose({"x": train}, {"x": serve})


def test_channels_and_noise_of_a_compression():
    (one,) = found(SATELLITE, SATELLITE[..., ::-1] + R.normal(0, 0.01, SATELLITE.shape))
    assert one.id == "channel-order"
    assert one.title.endswith("and something else")
    assert one.left.startswith("this removes 9")
    assert one.max_abs_after > 0


def test_axes_and_a_rounding_that_has_no_name():
    flipped = SPECTRUM.transpose(0, 2, 1) + R.normal(0, 0.02, (12, 6, 20))
    (one,) = found(SPECTRUM, flipped)
    assert (one.id, bool(one.left)) == ("axes", True)


def test_backwards_with_something_else():
    (one,) = found(TRACE, TRACE[:, ::-1] + R.normal(0, 0.02, TRACE.shape))
    assert one.id == "reversed-sequence"
    assert "what is left has no diagnosis" in one.left


def test_other_data_has_no_partial_explanation():
    assert found(SATELLITE, R.uniform(0, 1, SATELLITE.shape).astype(np.float32)) == []
    assert found(HOUSES, HOUSES + R.normal(0, 0.2, HOUSES.shape) * HOUSES.std(0)) == []
