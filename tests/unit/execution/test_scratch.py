"""The temporary folder of a run."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest
from savedmodel_matrix.domain.errors import MachineError
from savedmodel_matrix.execution.scratch import own_folder, run_folder

DEAD = 2**22 + 1  # Linux gives out no id above 2**22


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def folder(temporary, host, process):
    made = temporary / f"savedmodel-matrix-{host}-{process}-abc"
    made.mkdir()
    (made / "left").write_text("")
    return made


def test_the_folder_goes_with_the_run(temporary):
    with run_folder(os.getpid()) as made:
        (made / "file").write_text("")
        assert made.parent == temporary
    assert list(temporary.iterdir()) == []


def test_only_folders_of_dead_processes_of_this_host_are_removed(temporary):
    host = socket.gethostname()
    dead = folder(temporary, host, DEAD)
    kept = [
        folder(temporary, host, os.getppid()),
        folder(temporary, "another", DEAD),
        folder(temporary, host, "x"),
    ]
    with run_folder(os.getpid()):
        assert not dead.exists()
        assert all((each / "left").exists() for each in kept)


def test_what_this_process_puts_aside_goes_with_its_folder(temporary):
    with own_folder():
        made = tempfile.mkdtemp()
        assert Path(made).parent != temporary
        assert made.startswith(str(temporary))
    assert list(temporary.iterdir()) == []
    assert tempfile.gettempdir() == str(temporary)


def test_no_folder_for_temporary_files(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/nowhere/at/all"])
    with pytest.raises(MachineError, match="set TMPDIR to a folder that can be written to"), run_folder(1):
        pass
