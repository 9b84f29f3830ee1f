"""What is a failure of the case, and what is not."""

from __future__ import annotations

import pytest
from savedmodel_matrix.probe import arrays
from savedmodel_matrix.probe.failing import CaseError, failing_as

ENTRY = {"dtype": "float32", "shape": [1], "objects": ["00" * 32], "nbytes": 4}


def test_an_array_that_is_gone_is_no_failure_of_the_case(tmp_path):
    with pytest.raises(arrays.UnavailableError) as caught, failing_as("run-failed"):
        arrays.read_array(str(tmp_path), ENTRY)
    assert caught.value.filename == arrays.object_path(str(tmp_path), ENTRY["objects"][0])


def test_nor_is_an_array_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(arrays.UnavailableError), failing_as("run-failed"):
        arrays.write_array(str(tmp_path / "file"), [1.0], "float32")


def test_a_file_of_its_own_is(tmp_path):
    with pytest.raises(CaseError), failing_as("load-failed"):
        open(tmp_path / "nowhere")  # noqa: PTH123, SIM115
