from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from savedmodel_matrix.domain.definition import CaseDefinition

from benchmarks.planted import change_model
from benchmarks.planted.catalogue import HELD_OUT, MODELS
from benchmarks.planted.change import Change
from benchmarks.planted.change_inputs import INPUTS

PROJECT = Path(__file__).parents[4]
KNOWN = {"weights": change_model.WEIGHTS, "graph": change_model.OPS, "inputs": INPUTS}
by_name = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def test_there_is_enough_to_find_and_something_not_to_find():
    real = [
        (model.name, change.name) for model in MODELS for change in model.changes if change.real is not False
    ]
    assert len(real) >= 14
    assert sum("package" in model.where for model in MODELS) >= 2
    assert {change.kind for model in MODELS for change in model.changes} == set(KNOWN)
    assert all(any(change.real is False for change in model.changes) for model in MODELS)


def test_a_third_is_held_out():
    assert 3 * len(HELD_OUT) >= len(MODELS) >= 15
    assert len({model.name for model in MODELS}) == len(MODELS)


@by_name
def test_every_change_is_one_that_can_be_made_and_has_a_name_of_its_own(model):
    assert all(change.change in KNOWN[change.kind] for change in model.changes)
    assert set(Counter(change.name for change in model.changes).values()) == {1}


@by_name
def test_inputs_are_files_that_a_matrix_can_name(model, tmp_path):
    files = model.write_inputs(PROJECT, tmp_path)
    CaseDefinition.model_validate(model.definition(files))
    for file, batch in zip(files, model.batches(PROJECT), strict=True):
        with np.load(file, allow_pickle=False) as read:
            assert {name: read[name].tobytes() for name in read} == {
                name: values.tobytes() for name, values in batch.items()
            }
            assert all(len(read[name]) >= 4 for name in read)


@by_name
def test_changed_inputs_are_other_files_of_the_same_shapes(model, tmp_path):
    originals = model.write_inputs(PROJECT, tmp_path)
    for change in model.changes:
        if change.kind == "inputs":
            for file, original in zip(model.write_inputs(PROJECT, tmp_path, change), originals, strict=True):
                with np.load(file) as changed, np.load(original) as read:
                    assert [changed[name].shape for name in changed] == [read[name].shape for name in read]
                    assert any((changed[name] != read[name]).any() for name in read)


def test_sound_is_within_the_range_of_16_bits():
    (basic_pitch,) = (model for model in MODELS if model.name == "basic_pitch")
    (batch,) = basic_pitch.batches(PROJECT)
    assert 0.1 < np.abs(batch["input_2"]).max() < 1


def test_a_request_is_what_the_script_takes():
    change = Change("weights", "a", "scale", {"factor": 2}, "Twice.")
    assert change.request(Path("from"), Path("to")) == {
        "source": "from",
        "target": "to",
        "change": "scale",
        "parameters": {"factor": 2},
    }
    with pytest.raises(ValueError, match="a change of the inputs"):
        Change("inputs", "b", "gain", {"factor": 2}, "Louder.").request(Path("from"), Path("to"))


def test_a_copy_of_the_model_takes_the_place_of_a_package():
    (model,) = (model for model in MODELS if model.name == "guesslang")
    assert model.definition([Path("x.npz")], Path("copy")) == {
        "path": "copy",
        "signature": "predict",
        "inputs": [{"npz": "x.npz"}],
    }
