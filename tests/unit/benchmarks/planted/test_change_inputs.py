import numpy as np
import pytest

from benchmarks.planted.change_inputs import INPUTS, changed_inputs


def _changed(values, change, **parameters):
    return changed_inputs({"x": np.array(values)}, change, parameters)["x"]


def test_a_crop_one_place_late_drops_the_first_and_repeats_the_last():
    assert _changed([[1, 2, 3], [4, 5, 6]], "shift", axis=1).tolist() == [[2, 3, 3], [5, 6, 6]]
    assert _changed([[1, 2], [3, 4], [5, 6]], "shift", axis=0).tolist() == [[3, 4], [5, 6], [5, 6]]


def test_gain_rounds_once():
    assert (
        _changed(np.float32([1, -3, 0]), "gain", factor=0.99).tolist()
        == np.float32([0.99, -2.97, 0]).tolist()
    )


def test_each_row_is_standardised_by_itself():
    made = _changed(np.float32([[[1], [3]], [[10], [50]]]), "standardise")
    assert made.tolist() == [[[-1], [1]], [[-1], [1]]]
    assert made.dtype == np.float32


def test_integers_hold_the_nearest_step_and_nothing_beyond_their_range():
    made = _changed(np.float32([0.1, 15.97, 17, -1]), "through-integers", range=[0, 16], levels=255)
    assert made.tolist() == np.float32([2 * 16 / 255, 16, 16, 0]).tolist()


def test_text_may_grow():
    made = _changed([b"a\nb\n", b"c"], "replace-text", old="\n", new="\r\n")
    assert made.tolist() == [b"a\r\nb\r\n", b"c"]


def test_a_change_that_changes_nothing_is_an_error():
    with pytest.raises(ValueError, match="changes nothing"):
        _changed([b"a b"], "replace-text", old=", ", new=",")


def test_an_unknown_change_says_which_there_are():
    with pytest.raises(ValueError, match=f"no change 'mirror' of inputs; there are {', '.join(INPUTS)}"):
        _changed([1.0], "mirror")
