from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.domain.input_sources import GenerateSpec
from savedmodel_matrix.models.inputs.examples import encode_example, encode_sequence
from savedmodel_matrix.models.inputs.generate import generate
from savedmodel_matrix.models.inputs.wanted import described, wanted_numbers, wanted_strings
from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec
from savedmodel_matrix.models.savedmodel.wants import Feature, Form, Layout, Want

KEY = (1, 0, "x")


@pytest.mark.parametrize("form", [Form.JPEG, Form.PNG, Form.BMP])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_pictures_can_be_decoded_and_vary(form, channels):
    first, second = wanted_strings(Want(form=form, channels=channels), KEY, 2)
    pixels = np.asarray(Image.open(io.BytesIO(first)))
    assert pixels.shape[:2] == (32, 32)
    assert pixels.std() > 20
    assert first != second


def test_base64_is_web_safe():
    (made,) = wanted_strings(Want(form=Form.JPEG, base64=True), KEY, 1)
    padded = made + b"=" * (-len(made) % 4)
    assert base64.b64decode(padded, altchars=b"-_", validate=True).startswith(b"\xff\xd8")


def test_an_example_on_the_wire():
    # The bytes that protobuf writes for the one feature "a", an int64_list of 3.
    message = encode_example({b"a": ("int64", np.array([3]))})
    assert message == bytes.fromhex("0a0c0a0a0a016112051a030a0103")


def test_features_of_an_example_are_within_their_tables():
    ids = Feature(b"id", "int64", Layout.FIXED, (1,), want=Want(below=1))
    word = Feature(b"w", "string", Layout.VARIABLE, want=Want(words=(b"cash",)))
    want = Want(form=Form.EXAMPLE, features=(ids, word))
    expected = encode_example(
        {b"id": ("int64", np.array([0])), b"w": ("string", np.array([b"cash"], object))}
    )
    assert list(wanted_strings(want, KEY, 2)) == [expected] * 2
    assert "id: int64[1], w: string[any number]" in described(want)


def test_numbers_are_within_a_table():
    made = wanted_numbers(Want(below=3, lowest=0.0), KEY, (50, 2), whole=True)
    assert made.shape == (50, 2)
    assert set(made.ravel()) == {0, 1, 2}
    assert wanted_numbers(Want(), KEY, (2,), whole=True) is None


def test_what_the_definition_says_is_preferred():
    signature = Signature("predict", {"x": TensorSpec("int64", (None,))}, {})
    wants = {"x": Want(below=3)}
    (batch,) = generate(signature, GenerateSpec(batch=4, ranges={"x": (7, 7)}), wants)
    assert batch[0].array.tolist() == [7] * 4


def test_a_form_that_cannot_be_made_is_named():
    signature = Signature("predict", {"x": TensorSpec("string", (None,))}, {})
    wants = {"x": Want(form=Form.PROTO, message="my.Request")}
    with pytest.raises(InputsError, match=r"input 'x': it must be serialized my\.Request messages"):
        list(generate(signature, GenerateSpec(), wants))


def test_floats_of_an_example_have_the_range_of_its_input():
    free = Feature(b"f", "float32", Layout.FIXED, (50,))
    known = Feature(b"g", "float32", Layout.FIXED, (50,), want=Want(lowest=-9.0, highest=-8.0))
    floats = {}
    for bounds in (None, (100, 101)):
        (made,) = wanted_strings(Want(form=Form.EXAMPLE, features=(free, known)), KEY, 1, bounds)
        floats[bounds] = (
            np.frombuffer(made[-200:], "<f4"),
            np.frombuffer(made, "<f4", 50, made.index(b"f") + 10),
        )
    known_before, before = floats[None]
    known_after, after = floats[100, 101]
    assert np.array_equal(known_before, known_after)
    assert known_before.max() <= -8
    assert abs(before).max() < 6
    assert after.min() >= 100


def test_a_sequence_on_the_wire():
    # The bytes that protobuf writes: context "a" an int64_list of 3, and a list "b" of two steps, 1 and 2.
    message = encode_sequence({b"a": ("int64", np.array([3]))}, {b"b": ("int64", np.array([[1], [2]]))})
    context, lists = "0a0c0a0a0a016112051a030a0103", "12150a130a0162120e0a051a030a01010a051a030a0102"
    assert message == bytes.fromhex(context + lists)


def test_sequences_have_a_context_and_steps():
    whole = Feature(b"c", "int64", Layout.FIXED, (1,), want=Want(below=1))
    steps = Feature(b"s", "int64", Layout.FIXED, (1,), want=Want(below=1), in_list=True)
    want = Want(form=Form.SEQUENCE_EXAMPLE, features=(whole, steps))
    zero, four = np.array([0]), np.zeros((4, 1), np.int64)
    expected = encode_sequence({b"c": ("int64", zero)}, {b"s": ("int64", four)})
    assert list(wanted_strings(want, KEY, 2)) == [expected] * 2
    assert described(want).endswith("c: int64[1], s: int64[1] in each step")
