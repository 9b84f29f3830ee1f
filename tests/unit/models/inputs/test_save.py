from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.models.inputs.npz import read_npz
from savedmodel_matrix.models.inputs.rest import read_rest
from savedmodel_matrix.models.inputs.save import existing, save_batch
from savedmodel_matrix.models.inputs.values import string_array
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec

SIGNATURE = Signature(
    "predict",
    {
        "text": TensorSpec("string", (None,)),
        "features/x": TensorSpec("float32", (None, 2)),
        "b": TensorSpec("bfloat16", (None,)),
        "sparse": TensorSpec("int64", (None, None), Kind.SPARSE),
    },
    {},
)


def arrays(*texts):
    return {
        "text": ("string", string_array(texts, (len(texts),))),
        "features/x": ("float32", np.array([[0.1, 1e-30], [np.pi, -2]], np.float32)),
        "b": ("bfloat16", np.array([0x3F80, 0x4000], np.uint16)),
        "sparse.indices": ("int64", np.array([[0, 1]])),
        "sparse.values": ("int64", np.array([5])),
        "sparse.dense_shape": ("int64", np.array([2, 3])),
    }


@pytest.mark.parametrize(
    ("texts", "suffix"), [((b"plain", b"a\0b"), ".npz"), ((b"ends with \0", b"\xff"), ".json")]
)
def test_what_is_saved_is_read_again(tmp_path, texts, suffix):
    given = arrays(*texts)
    if suffix == ".json":
        del given["b"]  # JSON has numbers, not the bits of a type of 16
    path = save_batch(tmp_path / "inputs", "case", "serving_default", given)
    assert path == tmp_path / "inputs" / f"case{suffix}"
    rest = suffix == ".json"
    values = read_rest(path, SIGNATURE, "serving_default") if rest else read_npz(path, SIGNATURE)
    found = {
        each.name if each.component is None else f"{each.name}.{each.component}": each for each in values
    }
    assert found.keys() == given.keys()
    for name, (dtype, array) in given.items():
        assert found[name].dtype == dtype
        again = found[name].array
        assert again.tolist() == array.tolist() if dtype == "string" else again.tobytes() == array.tobytes()


def test_an_existing_file_is_found_whatever_its_form(tmp_path):
    assert existing(tmp_path, "case") is None
    (tmp_path / "case.json").touch()
    assert existing(tmp_path, "case") == tmp_path / "case.json"
