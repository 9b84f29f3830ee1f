"""A lock on a file, held by one process at a time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on ``path``; wait for it if another process has it.

    Raises:
        OSError: naming the file, also where its file system refuses locks.
    """
    # The library's own substitute for a missing flock takes the file of earlier locks for a held one.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.filename is None:  # the lock is refused, not the file
            error.filename = str(path)
        raise
    try:
        yield
    finally:
        lock.release()
