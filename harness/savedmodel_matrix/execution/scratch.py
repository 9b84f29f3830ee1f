"""The temporary folder of a run: everything its processes put aside is in it, and goes with it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def run_folder(process: int) -> Iterator[Path]:
    """Make a temporary folder for the run of this process and remove it at the end.

    A killed process cannot remove its own, so the folders of processes of this host that are dead are
    removed first. ``process`` is the id of the process that runs.
    """
    ours = f"savedmodel-matrix-{socket.gethostname()}-"
    for folder in Path(tempfile.gettempdir()).glob(f"{ours}*"):
        owner = folder.name.removeprefix(ours).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{ours}{process}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
