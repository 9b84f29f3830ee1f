"""What killed processes left half-written."""

from __future__ import annotations

import os
import time

import pytest
from savedmodel_matrix.probe.unfinished import place
from savedmodel_matrix.store.sweep import sweep

DEAD = 2**22 + 1  # Linux gives out no id above 2**22
LONG_AGO = time.time() - 2 * 24 * 3600


def half_written(path, process, where):
    path.mkdir(parents=True, exist_ok=True)
    found = path / f".x.json.{process}@{where}.0123abcd.tmp"
    found.write_text("half")
    return found


@pytest.mark.parametrize("part", [".", "latest", "recordings/ab"])
def test_what_the_dead_left_goes(tmp_path, part):
    live = half_written(tmp_path / part, os.getpid(), place())
    other = half_written(tmp_path / part, DEAD, "elsewhere-1")
    dead = half_written(tmp_path / part, DEAD, place())
    abandoned = half_written(tmp_path / part, os.getpid(), "elsewhere-1")
    os.utime(abandoned, (LONG_AGO, LONG_AGO))
    os.utime(live, (LONG_AGO, LONG_AGO))
    whole = tmp_path / part / "whole.tmp"
    whole.write_text("")
    sweep(tmp_path)
    assert live.exists()
    assert other.exists()
    assert whole.exists()
    assert not dead.exists()
    assert not abandoned.exists()


def test_folders_go_whole_and_links_to_other_disks_are_followed(tmp_path):
    disk, results = tmp_path / "disk", tmp_path / "results"
    results.mkdir()
    (results / "objects").parent.mkdir(exist_ok=True)
    file = half_written(disk / "ab", DEAD, place())
    (results / "objects").symlink_to(disk)
    (results / "looped").symlink_to(results / "looped")
    model = results / "re-exports" / f".m.{DEAD}@{place()}.0123abcd.tmp"
    (model / "variables").mkdir(parents=True)
    sweep(results)
    assert not file.exists()
    assert not model.exists()
    assert (results / "re-exports").is_dir()


def test_a_folder_that_is_not_there(tmp_path):
    sweep(tmp_path / "nowhere")
