"""Room for what is about to be installed."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest
from savedmodel_matrix.environments import space

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch, tmp_path):
    """Free bytes, and the cache on the same disk."""
    found = {"free": 0}
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: Usage(0, 0, found["free"]))
    monkeypatch.setattr(space, "_cache", lambda: tmp_path / "cache")
    return found


@pytest.mark.parametrize(("megabytes", "enough"), [(439, False), (441, True)])
def test_what_is_needed_is_compared_with_what_is_free(free, tmp_path, megabytes, enough):
    free["free"] = megabytes * 10**6
    said = space.lack_of_space(100, tmp_path / "not" / "yet")
    assert (said is None) is enough
    if said is not None:
        assert "may take 440 MB, and 439 MB are free in" in said
        assert said.count(str(tmp_path)) == 1, "one disk is named once"
        assert str(Path("not")) not in said.replace(str(tmp_path), "")


def test_without_a_cache_that_is_known(free, tmp_path, monkeypatch):
    monkeypatch.setattr(space, "_cache", lambda: None)
    assert space.lack_of_space(1, tmp_path) is not None
