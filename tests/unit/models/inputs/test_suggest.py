from __future__ import annotations

import pytest
from savedmodel_matrix.models.inputs.generate import generate
from savedmodel_matrix.models.inputs.suggest import suggest_inputs
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec


def suggest(**inputs: TensorSpec):
    return suggest_inputs(Signature("predict", inputs, {})).generate


def test_known_sizes_need_only_a_batch():
    spec = suggest(x=TensorSpec("float32", (None, 28, 28)))
    assert (spec.batch, spec.length, spec.dims, spec.shapes) == (8, None, {}, {})


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "length"),
    [
        ("image", "float32", (None, None, None, 3), 224),
        ("audio", "float32", (None, None), 16000),
        ("input_ids", "int32", (None, None), 128),
        ("x", "float32", (None, None), 16),
        ("x", "string", (None, None), 1),
    ],
)
def test_one_length(name, dtype, shape, length):
    spec = suggest(**{name: TensorSpec(dtype, shape)})
    assert (spec.length, spec.dims) == (length, {})


def test_several_lengths():
    spec = suggest(ids=TensorSpec("int64", (None, None)), x=TensorSpec("float32", (4, None)))
    assert (spec.length, spec.dims) == (None, {"ids": [8, 128], "x": [16]})


def test_large_inputs_come_one_at_a_time():
    spec = suggest(x=TensorSpec("float32", (None, 1000, 1000)), ids=TensorSpec("int64", (None, None)))
    assert (spec.batch, spec.length) == (1, 128)
    both = suggest(audio=TensorSpec("float32", (None, None, 1000)), ids=TensorSpec("int64", (None, None)))
    assert (both.batch, both.dims) == (1, {"audio": [1, 16000], "ids": [1, 128]})


def test_unknown_ranks():
    spec = suggest(examples=TensorSpec("string", None), x=TensorSpec("float32", None))
    assert spec.shapes == {"examples": [8], "x": [8, 1]}


def test_what_is_suggested_can_be_generated():
    signature = Signature(
        "predict",
        {
            "audio": TensorSpec("float32", (None, None)),
            "ids": TensorSpec("int64", (None, None)),
            "any": TensorSpec("string", None),
            "scalar": TensorSpec("float32", ()),
            "sparse": TensorSpec("int64", (None, None), Kind.SPARSE),
            "ragged": TensorSpec("int64", (None, None), Kind.RAGGED, False, 1, "int64"),
        },
        {},
    )
    (batch,) = generate(signature, suggest_inputs(signature).generate)
    assert {value.name for value in batch} == set(signature.inputs)
