from __future__ import annotations

from savedmodel_matrix.domain.arrays import Output, OutputId
from savedmodel_matrix.domain.recording import RecordedOutputs


def test_outputs_of_a_recording():
    array = {"dtype": "float32", "shape": [2, 3], "objects": ["ab"], "nbytes": 24}
    outputs = [
        {"batch": 0, "name": "x", "component": None, "array": array},
        {"batch": 1, "name": "x", "component": "values", "array": array},
    ]
    unstable = [{"batch": 1, "name": "x", "component": "values", "run": 1, "array": array}]
    found = RecordedOutputs.from_json({"outputs": outputs, "unstable": unstable, "other": 1})
    assert [output.to_json() for output in found.outputs] == outputs
    assert found.unstable == {OutputId(1, "x", "values")}
    assert found.outputs[0].array.shape == (2, 3)


def test_names_of_outputs():
    assert str(OutputId(0, "x", None)) == "x"
    assert str(OutputId(0, "x", "row_splits_0")) == "x.row_splits_0"
    assert Output.of(OutputId(0, "x", None), None).id.name == "x"
