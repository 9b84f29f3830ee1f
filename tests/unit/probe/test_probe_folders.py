"""The folders that a case has to itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from savedmodel_matrix.probe import folders


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A function that makes the folders; the environment and the working folder come back afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setattr(tempfile, "tempdir", None)
    return lambda variables=(): folders.Folders(str(tmp_path), variables)


def test_what_a_case_writes_is_gone_for_the_next_one_and_the_places_are_the_same(made, tmp_path):
    own = made()
    places = [Path.cwd(), Path.home(), Path(tempfile.gettempdir())]
    assert len(set(places)) == 3
    assert all(tmp_path in place.parents for place in places)
    for place in places:
        (place / "folder").mkdir()
        (place / "folder/file").write_text("left")
        (place / "folder").chmod(0)
    own.renew()
    assert [Path.cwd(), Path.home(), Path(tempfile.gettempdir())] == places
    assert [list(place.iterdir()) for place in places] == [[], [], []]


def test_what_a_setting_names_stays(made, tmp_path):
    made({"HOME": "***"})
    assert os.environ["HOME"] == "before"
    assert tmp_path in Path(os.environ["TMPDIR"]).parents


def test_what_a_link_leads_to_is_not_removed_or_changed(made, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    outside.chmod(0o750)
    own = made()
    Path("link").symlink_to(outside)
    Path("locked").mkdir(mode=0)
    own.renew()
    assert (outside / "file").read_text() == "kept"
    assert outside.stat().st_mode & 0o777 == 0o750
