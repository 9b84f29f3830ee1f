"""JPEG inputs by each decoder that is loaded."""

import io

import numpy as np
import PIL.Image
import pytest
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements import decoders


@pytest.fixture(autouse=True)
def only_pillow(monkeypatch):
    for name in ("cv2", "imageio", "tensorflow"):
        monkeypatch.delitem(decoders.sys.modules, name, raising=False)


def files(form, count=2):
    out = np.empty(count, object)
    for at in range(count):
        data = io.BytesIO()
        PIL.Image.fromarray(np.full((8, 9, 3), 20 * at, np.uint8)).save(data, form)
        out[at] = data.getvalue()
    return out


def test_each_file_is_decoded(tmp_path):
    found = decoders.decoded(str(tmp_path), 0, {"photo": files("JPEG")})
    assert [(each["decoder"], each["file"]) for each in found] == [("Pillow", 0), ("Pillow", 1)]
    assert read_array(str(tmp_path), found[1]["array"])[0, 0].tolist() == [20, 20, 20]


def test_other_inputs_and_many_files_are_not(tmp_path):
    given = {"png": files("PNG"), "numbers": np.zeros(3), "mixed": np.append(files("JPEG"), files("PNG"))}
    assert decoders.decoded(str(tmp_path), 0, given) == []
    assert len(decoders.decoded(str(tmp_path), 0, {"photo": files("JPEG", 12)})) == 8


def test_a_decoder_that_fails_is_left_out(tmp_path):
    given = files("JPEG")
    given[1] = given[1][:20]
    assert decoders.decoded(str(tmp_path), 0, {"photo": given}) == []
