import pytest

from benchmarks.cost import BenchError
from benchmarks.scratch import floor_request

CASE = {"tags": None, "signature": "serving_default", "function": None, "runs": 2}


def part(name, digest, component=None, dtype="float32"):
    array = {"dtype": dtype, "shape": [1], "objects": [digest], "nbytes": 4}
    return {"name": name, "component": component, "array": array}


def test_a_case_is_asked_of_the_floor_with_the_files_of_its_inputs():
    batches = [[part("x", "aa1"), part("y", "bb2")], [part("x", "aa3"), part("y", "bb2")]]
    assert floor_request("objects", "models/cnn", CASE, batches) == {
        "model": "models/cnn",
        "tags": None,
        "signature": "serving_default",
        "runs": 2,
        "batches": [
            {"x": "objects/aa/aa1.npy", "y": "objects/bb/bb2.npy"},
            {"x": "objects/aa/aa3.npy", "y": "objects/bb/bb2.npy"},
        ],
    }


@pytest.mark.parametrize(
    ("case", "batches"),
    [
        (CASE, None),
        (CASE, [[part("x", "aa1", component="values")]]),
        (CASE, [[part("x", "aa1", dtype="string")]]),
        ({**CASE, "function": "__call__"}, [[part("x", "aa1")]]),
    ],
    ids=["no inputs", "sparse", "strings", "function"],
)
def test_what_the_floor_cannot_do_is_said_instead_of_measured(case, batches):
    with pytest.raises(BenchError, match=r"models/cnn: the bench takes signatures"):
        floor_request("objects", "models/cnn", case, batches)
