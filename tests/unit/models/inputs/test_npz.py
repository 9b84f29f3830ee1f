from __future__ import annotations

import zipfile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.npz import read_npy, read_npz
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec


def signature(**inputs: TensorSpec) -> Signature:
    return Signature("predict", inputs, {})


def save(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    return tmp_path / "x.npz"


def parts(values):
    return {(value.name, value.component): (value.dtype, value.array.tolist()) for value in values}


def test_keys_are_names(tmp_path):
    file = save(tmp_path, a=np.float32([1, 2]), b=np.array([[True]]))
    assert parts(read_npz(file, None)) == {("a", None): ("float32", [1, 2]), ("b", None): ("bool", [[True]])}


def test_components(tmp_path):
    names = ["s.indices", "s.values", "s.dense_shape", "r.flat_values", "r.row_splits_0", "r.row_splits_12"]
    file = save(tmp_path, **{name: np.int64([1]) for name in names})
    assert {f"{name}.{component}" for name, component in parts(read_npz(file, None))} == set(names)


def test_a_name_of_the_signature_is_not_taken_apart(tmp_path):
    file = save(tmp_path, **{"x.values": np.int64([1])})
    spec = signature(**{"x.values": TensorSpec("int64", (None,))})
    assert list(parts(read_npz(file, spec))) == [("x.values", None)]


def test_a_dot_alone_makes_no_component(tmp_path):
    file = save(tmp_path, **{"layer.weights": np.int64([1]), "x.row_splits_last": np.int64([1])})
    assert set(parts(read_npz(file, None))) == {("layer.weights", None), ("x.row_splits_last", None)}


@pytest.mark.parametrize("given_as", [np.array(["é", "bc"]), np.array(["é".encode(), b"bc"])])
def test_strings(tmp_path, given_as):
    (value,) = read_npz(save(tmp_path, x=given_as), None)
    assert (value.dtype, value.array.tolist()) == ("string", ["é".encode(), b"bc"])


def test_objects_are_not_unpickled(tmp_path):
    with pytest.raises(InputsError, match=r"x\.npz: .*dtype=str"):
        read_npz(save(tmp_path, x=np.array(["a", None], dtype=object)), None)


def test_big_endian_is_the_same_type(tmp_path):
    (value,) = read_npz(save(tmp_path, x=np.array([1, 2], dtype=">f4")), None)
    assert (value.dtype, value.array.tolist()) == ("float32", [1, 2])


@pytest.mark.parametrize("stored_as", ["bits", "bfloat16"])
def test_bfloat16(tmp_path, stored_as):
    array = np.array([[1.5, -2]], dtype=ml_dtypes.bfloat16)
    file = save(tmp_path, x=array.view(np.uint16) if stored_as == "bits" else array)
    (value,) = read_npz(file, signature(x=TensorSpec("bfloat16", (None, 2))))
    assert (value.dtype, value.array.tobytes(), value.array.shape) == ("bfloat16", array.tobytes(), (1, 2))


def test_indices_of_a_bfloat16_input_stay_integers(tmp_path):
    file = save(tmp_path, **{"x.indices": np.uint16([1])})
    (value,) = read_npz(file, signature(x=TensorSpec("bfloat16", (None,), Kind.SPARSE)))
    assert value.dtype == "uint16"


def test_type_tensorflow_lacks(tmp_path):
    with pytest.raises(InputsError, match=r"datetime64\[D\], which TensorFlow does not have"):
        read_npz(save(tmp_path, x=np.array(["2026-11-01"], dtype="datetime64[D]")), None)


def test_npy_goes_to_the_only_input(tmp_path):
    np.save(tmp_path / "x.npy", np.int32(3))
    (value,) = read_npy(tmp_path / "x.npy", None, signature(only=TensorSpec("int32", ())))
    assert (value.name, value.dtype, value.array.tolist()) == ("only", "int32", 3)


def test_npy_goes_to_the_named_input(tmp_path):
    np.save(tmp_path / "x.npy", np.int32(3))
    assert read_npy(tmp_path / "x.npy", "b", None)[0].name == "b"


@pytest.mark.parametrize("spec", [None, signature(a=TensorSpec("int32", ()), b=TensorSpec("int32", ()))])
def test_npy_without_a_name(tmp_path, spec):
    np.save(tmp_path / "x.npy", np.int32(3))
    with pytest.raises(InputsError, match=r'x\.npy: .*write \{ npy = "x\.npy", input = "NAME" \}'):
        read_npy(tmp_path / "x.npy", None, spec)


def test_one_is_not_the_other(tmp_path):
    np.save(tmp_path / "x.npy", np.int32(3))
    with pytest.raises(InputsError, match=r'write \{ npy = "x\.npy" \}'):
        read_npz(tmp_path / "x.npy", None)
    with pytest.raises(InputsError, match=r'write \{ npz = "x\.npz" \}'):
        read_npy(save(tmp_path, x=np.int32(3)), "x", None)


def test_one_name_twice(tmp_path):
    with zipfile.ZipFile(save(tmp_path, x=np.int32(3)), "a") as archive:
        archive.writestr("x", archive.read("x.npy"))
    with pytest.raises(InputsError, match="two arrays have the same name"):
        read_npz(tmp_path / "x.npz", None)


def test_missing(tmp_path):
    with pytest.raises(InputsError, match=r"gone\.npz: No such file"):
        read_npz(tmp_path / "gone.npz", None)


def test_header_that_is_no_python(tmp_path):
    np.save(tmp_path / "x.npy", np.float32(3))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes().replace(b"'<f4',", b"'<f4'("))
    with pytest.raises(InputsError, match=r"x\.npy: cannot be read as NumPy arrays"):
        read_npy(tmp_path / "x.npy", "x", None)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_reads_or_is_refused(tmp_path, data):
    content = bytearray(save(tmp_path, x=np.float32([1, 2]), y=np.array(["a"])).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.npz"
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        answer = f"{file}: {len(read_npz(file, None))}"
    except InputsError as error:
        answer = str(error)
    assert answer.startswith(str(file))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_npy_reads_or_is_refused(tmp_path, data):
    file = tmp_path / "x.npy"
    np.save(file, np.float32([[1, 2]]))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        answer = f"{file}: {len(read_npy(file, 'x', None))}"
    except InputsError as error:
        answer = str(error)
    assert answer.startswith(str(file))
