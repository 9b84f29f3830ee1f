"""The temporary folder of a run: everything its processes put aside is in it, and goes with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from savedmodel_matrix.domain.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def own_folder() -> Iterator[None]:
    """Let this process put its temporary files into a folder of their own, and remove it at the end."""
    before = tempfile.tempdir
    with run_folder(os.getpid()) as made:
        tempfile.tempdir = str(made)
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def run_folder(process: int) -> Iterator[Path]:
    """Make a temporary folder for the run of this process and remove it at the end.

    A killed process cannot remove its own, so the folders of processes of this host that are dead are
    removed first. ``process`` is the id of the process that runs.

    Raises:
        MachineError: if there is no folder for temporary files.
    """
    ours = f"savedmodel-matrix-{socket.gethostname()}-"
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        advice = "set TMPDIR to a folder that can be written to, and run again"
        raise MachineError(f"{error.strerror}; {advice}. What is recorded is kept") from error
    for folder in temporary.glob(f"{ours}*"):
        owner = folder.name.removeprefix(ours).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{ours}{process}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
