from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.domain.expected_inputs import (
    Confidence,
    Expectations,
    InputExpectation,
    Step,
    StepKind,
)
from savedmodel_matrix.verdicts.judge.input_findings import IDS, check_expectations

DECODE = Step(StepKind.DECODE, "decodes JPEG", method="JPEG")
RESIZE = Step(StepKind.RESIZE, "resizes to 24 x 24, bilinear", size=(24, 24), method="bilinear")
TO_INT = Step(StepKind.CAST, "casts to int32", method="int32")
IMAGE = (None, None, None, 3)


def found(tensor, *steps, dtype="float32", shape=None, layout="", dense=True):
    expected = InputExpectation("x", dtype, shape, dense, layout, steps)
    return check_expectations(Expectations("s", {"x": expected}), {"x": tensor})


def ids(tensor, *steps, **how):
    findings = found(tensor, *steps, **how)
    assert all(each.id in IDS and each.input == "x" and each.sentence.startswith("x: ") for each in findings)
    return [each.id for each in findings]


def files(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def test_types():
    (finding,) = found(np.zeros(3, np.uint8))
    assert (finding.id, finding.confidence) == ("dtype", Confidence.CERTAIN)
    assert finding.evidence == {"given": "uint8", "declared": "float32"}
    assert ids(np.zeros(3, np.float32)) == []
    assert ids(np.zeros(3, "S2"), dtype="string") == []
    assert ids(np.zeros(3, np.float32), dtype="string") == ["dtype"]
    assert ids(np.zeros(3, np.uint8), dtype="quint8") == []
    assert ids(np.zeros(3, np.uint8), dtype="invalid") == []


@pytest.mark.parametrize(
    ("given", "declared", "layout", "expected"),
    [
        ((2, 8, 9, 3), (None, 8, 9, 3), "NHWC", []),
        ((2, 3, 8, 9), (None, 8, 9, 3), "NHWC", ["layout"]),
        ((2, 3, 8, 9), IMAGE, "NHWC", ["layout"]),
        ((2, 8, 9, 3), (None, 3, None, None), "NCHW", ["layout"]),
        ((2, 8, 9, 4), IMAGE, "NHWC", ["shape"]),
        ((2, 9, 9, 3), (None, 8, 9, 3), "NHWC", ["shape"]),
        ((2, 8), (None, 9), "", ["shape"]),
        ((2, 1), (), "", []),
        ((2, 8), None, "", []),
    ],
)
def test_shapes(given, declared, layout, expected):
    assert ids(np.zeros(given, np.float32), shape=declared, layout=layout) == expected


def test_nothing_is_said_of_values_on_the_wrong_axes():
    pixels = Step(StepKind.AFFINE, "x / 255", scale=(1 / 255,), offset=(0.0,))
    image = np.random.default_rng(1).random((2, 3, 16, 16)).astype(np.float32)
    assert ids(image, pixels, shape=IMAGE, layout="NHWC") == ["layout"]


@pytest.mark.parametrize("value", [b"\xff\xd8\xff\xe0JFIF", b"\x89PNG\r\n\x1a\n...", b"GIF89a.."])
def test_files_that_are_files(value):
    assert ids(files(value), DECODE, dtype="string", shape=(None,)) == []


@pytest.mark.parametrize("value", [b"/9j/4AAQSkZJRg", "/9j/4AAQ", b""])
def test_files_that_are_none(value):
    (finding,) = found(files(b"\xff\xd8\xff\xe0", value), DECODE, dtype="string", shape=(None,))
    assert (finding.id, finding.confidence) == ("not-encoded", Confidence.CERTAIN)
    assert finding.evidence == {"wrong": 1, "of": 2}


def test_text_that_the_model_does_not_decode_itself():
    assert ids(files(b"/9j/4AAQ"), dtype="string", shape=(None,)) == []
    base64 = Step(StepKind.DECODE, "decodes base64", method="base64")
    assert ids(files(b"/9j/4AAQ"), base64, dtype="string", shape=(None,)) == []


def test_resizing_to_the_same_size_is_a_hint():
    (finding,) = found(np.zeros((1, 24, 24, 3), np.float32), RESIZE, shape=IMAGE, layout="NHWC")
    assert (finding.id, finding.confidence) == ("resized-twice", Confidence.HINT)
    assert ids(np.zeros((1, 24, 25, 3), np.float32), RESIZE, shape=IMAGE, layout="NHWC") == []
    fixed = (None, 24, 24, 3)
    assert ids(np.zeros((1, 24, 24, 3), np.float32), RESIZE, shape=fixed, layout="NHWC") == []


def test_fractions_that_are_cut_off():
    assert ids(np.array([1.0, 2.5], np.float32), TO_INT) == ["fractions"]
    assert ids(np.array([1.0, 2.0], np.float32), TO_INT) == []
    assert ids(np.zeros(0, np.float32), TO_INT) == []


def test_sparse_and_missing_inputs_are_left_alone():
    assert ids(np.zeros(3, np.uint8), dense=False) == []
    expected = Expectations("s", {"y": InputExpectation("y", "float32", None)})
    assert check_expectations(expected, {"x": np.zeros(3)}) == []
