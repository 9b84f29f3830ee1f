from __future__ import annotations

import pytest
from pydantic import ValidationError
from recordings import entry, output, recording, unstable
from savedmodel_matrix.domain.arrays import Output, OutputId
from savedmodel_matrix.domain.recording import RecordedOutputs, Recording


def test_outputs_of_a_recording():
    array = entry((2, 3), nbytes=24)
    outputs = (output(array, "x"), output(array, "x", batch=1, component="values"))
    made = recording(outputs=outputs, unstable=[unstable("x", array, batch=1, component="values", run=1)])
    found = RecordedOutputs.of(Recording.model_validate_json(made.model_dump_json(by_alias=True)))
    assert found.outputs == outputs
    assert found.unstable == {OutputId(1, "x", "values")}
    assert found.outputs[0].array.shape == (2, 3)


def test_names_of_outputs():
    assert str(OutputId(0, "x", None)) == "x"
    assert str(OutputId(0, "x", "row_splits_0")) == "x.row_splits_0"
    assert Output.of(OutputId(0, "x", None), None).id.name == "x"


def test_every_array_is_found_wherever_it_is_named():
    first, again, deep = (entry(objects=(digit * 64,)) for digit in "123")
    part = {"outputs": [{"std": None, "flipped": deep.to_json()}], "errors": ["text"]}
    made = recording(outputs=[output(first)], unstable=[unstable(array=again), unstable()], measured=part)
    assert list(made.arrays()) == [first, again, deep]


@pytest.mark.parametrize("objects", [["ab"], ["../" + "0" * 61], ["0" * 63 + "G"]])
def test_an_object_has_the_name_of_a_digest_and_of_nothing_else(objects):
    made = recording(outputs=[output(entry())]).model_dump_json().replace('"' + "0" * 64 + '"', '"OBJECT"')
    with pytest.raises(ValidationError, match="objects"):
        Recording.model_validate_json(made.replace("OBJECT", objects[0]))
