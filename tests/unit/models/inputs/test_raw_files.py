from __future__ import annotations

from pathlib import Path

import pytest
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.domain.input_sources import FilesSource
from savedmodel_matrix.models.inputs.make import make_batches
from savedmodel_matrix.models.inputs.raw_files import read_files
from savedmodel_matrix.probe.arrays import read_array

PHOTOS = FilesSource(files=Path("*.jpg"), input="photo")


def test_files_are_a_batch_of_their_bytes_and_names(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"\xff\x00\x00")  # zeros at the end, which NumPy's own strings lose
    (tmp_path / "a.jpg").write_bytes(b"")
    (batch,) = make_batches([PHOTOS], None, tmp_path, tmp_path / "objects", base_dir=tmp_path)
    found = {part["name"]: read_array(str(tmp_path / "objects"), part["array"]).tolist() for part in batch}
    assert found == {"photo": [b"", b"\xff\x00\x00"], "photo_name": [b"a.jpg", b"b.jpg"]}


def test_a_pattern_without_files_is_an_error(tmp_path):
    with pytest.raises(InputsError, match=r"\*\.jpg: no file matches"):
        read_files([], PHOTOS)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputsError, match=r"gone\.jpg"):
        read_files([tmp_path / "gone.jpg"], PHOTOS)
