import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

RANDOM = np.random.default_rng(1)
TABLE = (RANDOM.normal(3, 2, (64, 4)) * np.arange(1, 5)).astype(np.float32)
IMAGES = RANDOM.integers(0, 256, (2, 16, 12, 3)).astype(np.float32)


def found(train, serve, raw=None):
    return [each.id for each in diagnose({"x": train}, {"x": serve}, raw)]


def z(x, **options):
    return ((x - x.mean(0)) / x.std(0, **options)).astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32))
def test_the_same_but_for_rounding_is_no_diagnosis(seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(30, 3)).astype(np.float32)
    assert found(x, x) == []
    assert found(x, x * np.float32(1 + 2**-22)) == []


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_other_data_is_no_diagnosis(seed):
    random = np.random.default_rng(seed)
    assert found(*random.normal(size=(2, 40, 3)).astype(np.float32)) == []
    assert found(*random.integers(0, 256, (2, 2, 12, 12, 3)).astype(np.float32)) == []
    assert found(*random.integers(0, 50, (2, 40))) == []


def test_two_and_three_corrections_are_found_together():
    assert found(IMAGES / 255, IMAGES[..., ::-1]) == ["channel-order+value-range"]
    three = IMAGES[..., ::-1].transpose(0, 3, 1, 2) / 127.5 - 1
    (diagnosis,) = diagnose({"x": three}, {"x": IMAGES})
    assert diagnosis.steps == ("layout", "channel-order", "value-range")
    assert diagnosis.residual < 1e-6 < diagnosis.before


def test_a_diagnosis_says_both_sides_and_what_remains():
    low, high = TABLE.min(0), TABLE.max(0)
    (diagnosis,) = diagnose({"x": z(TABLE)}, {"x": (TABLE - low) / (high - low)})
    assert diagnosis.title == "z-score per column in training, min-max per column in serving"
    assert diagnosis.tensors == ("x",)
    assert diagnosis.max_abs_after < 1e-5 < diagnosis.max_abs_before


def test_single_columns_are_named():
    other = TABLE.copy()
    other[:, 2] = np.floor(TABLE[:, 2])
    (diagnosis,) = diagnose({"x": TABLE}, {"x": other})
    assert diagnosis.id == "rounding"
    assert diagnosis.title.startswith("column 2: ")


def test_two_tensors_with_one_fault_are_one_diagnosis():
    train = {"a": IMAGES, "b": IMAGES[:1], "c": TABLE}
    serve = {"a": IMAGES[..., ::-1], "b": IMAGES[:1, ..., ::-1], "c": TABLE}
    (diagnosis,) = diagnose(train, serve)
    assert diagnosis.tensors == ("a", "b")


def test_a_tensor_without_a_name_is_in_no_diagnosis():
    noise = RANDOM.normal(size=TABLE.shape).astype(np.float32)
    (diagnosis,) = diagnose({"a": IMAGES, "b": TABLE}, {"a": IMAGES[..., ::-1], "b": noise})
    assert diagnosis.tensors == ("a",)
