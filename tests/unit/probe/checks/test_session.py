"""What checks compare with: bits, and what is kept of a difference."""

from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.checks.session import MOST_KEPT, Differences, nothing_to_compare, paired, same

Y = np.float32([1, 2])


def leaf(array, dtype="float32"):
    return np.asarray(array), dtype


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (leaf(Y), leaf(Y.copy()), True),
        (leaf(Y), leaf(Y[::-1][::-1]), True),
        (leaf(Y), leaf(np.nextafter(Y, np.float32(9))), False),
        (leaf(np.float32([0.0])), leaf(np.float32([-0.0])), False),
        (leaf(np.float32([np.nan])), leaf(np.float32([np.nan])), True),
        (leaf(Y), leaf(Y[None]), False),
        (leaf(Y), leaf(Y.view(np.int32), "int32"), False),
        (leaf(Y), None, False),
        (leaf(np.array([b"a"], object), "string"), leaf(np.array([b"a"], object), "string"), True),
        (leaf(np.array([b"a"], object), "string"), leaf(np.array([b"b"], object), "string"), False),
        (leaf(np.array(b"a", object), "string"), leaf(np.array(b"a", object), "string"), True),
    ],
)
def test_only_the_same_bits_are_the_same(one, other, is_same):
    assert same(one, other) is is_same


def leaves(**outputs):
    return [(name, None, array, "float32") for name, array in outputs.items()]


def test_outputs_of_either_side_are_paired():
    found = {key[0]: (one is None, other is None) for key, one, other in paired(
        leaves(a=Y, b=Y), leaves(b=Y, c=Y)
    )}  # fmt: skip
    assert found == {"a": (False, True), "b": (False, False), "c": (True, False)}


def test_a_difference_is_kept_with_both_sides(tmp_path):
    differences = Differences(str(tmp_path))
    assert differences.compare("call", 2, 0, leaves(y=Y, z=Y), leaves(y=Y + 1, z=Y)) == 1
    part = differences.part(runs=8)
    assert (part["compared"], part["different"], part["runs"], part["problem"]) == (2, 1, 8, None)
    (kept,) = part["differences"]
    assert (kept["what"], kept["position"], kept["batch"], kept["name"]) == ("call", 2, 0, "y")
    assert read_array(str(tmp_path), kept["reference"]).tolist() == [1, 2]
    assert read_array(str(tmp_path), kept["array"]).tolist() == [2, 3]


def test_what_one_side_lacks_is_a_difference(tmp_path):
    differences = Differences(str(tmp_path))
    assert differences.compare("call", 2, 0, leaves(y=Y), []) == 1
    assert differences.part()["differences"][0]["array"] is None


def test_many_differences_are_counted_and_few_are_kept(tmp_path):
    differences = Differences(str(tmp_path))
    for call in range(100):
        differences.compare("call", call, 0, leaves(y=Y, z=Y), leaves(y=Y + 1, z=Y + 1 if call > 90 else Y))
    part = differences.part()
    assert part["different"] == 109
    assert [each["name"] for each in part["differences"]].count("y") == MOST_KEPT
    assert [each["name"] for each in part["differences"]].count("z") == 9


def test_controls_name_what_changes_by_itself(tmp_path):
    differences = Differences(str(tmp_path))
    differences.control(1, leaves(y=Y, z=Y), leaves(y=Y + 1, z=Y))
    part = differences.part()
    assert part["unsettled"] == [{"batch": 1, "name": "y", "component": None}]
    assert (part["compared"], part["differences"]) == (0, [])


def test_nothing_to_compare_has_a_reason():
    assert nothing_to_compare("one row")["problem"] == "one row"
    assert nothing_to_compare("one row")["compared"] == 0
