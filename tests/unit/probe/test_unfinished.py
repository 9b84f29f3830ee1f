"""Half-written files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from savedmodel_matrix.probe import unfinished
from savedmodel_matrix.probe.unfinished import owned_by, owner_of, place, whole


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    monkeypatch.setattr(unfinished, "_OWNER", [])


def _fail_halfway(path, begin):
    with whole(path) as half:
        begin(Path(half))
        raise OSError("full")


def test_a_file_or_folder_is_whole_or_as_before(tmp_path):
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("before")
    with pytest.raises(OSError, match="full"):
        _fail_halfway(file, lambda half: half.write_text("half"))
    with pytest.raises(OSError, match="full"):
        _fail_halfway(folder, lambda half: (half / "below").mkdir(parents=True))
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
    with whole(file) as half:
        Path(half).write_text("after")
    with whole(folder) as half:
        (Path(half) / "below").mkdir(parents=True)
    assert file.read_text() == "after"
    assert (folder / "below").is_dir()
    assert sorted(tmp_path.iterdir()) == [file, folder]


def test_its_name_says_whose_it_is(tmp_path):
    with whole(tmp_path / "a.json") as half:
        assert Path(half).parent == tmp_path
        assert owner_of(Path(half).name) == (os.getpid(), place())
        Path(half).touch()
    owned_by("17@elsewhere-0")
    with whole(tmp_path / "b") as half:
        assert owner_of(Path(half).name) == (17, "elsewhere-0")
        Path(half).touch()


@pytest.mark.parametrize(
    "name", ["a.json", ".a.tmp", ".a.1@b.tmp", "a.1@b.01234567.tmp", ".a.x@b.01234567.tmp"]
)
def test_other_names_say_nothing(name):
    assert owner_of(name) is None
