"""The contract's exit status out of nox, which itself knows only success (0) and failure (1).

A session of ours that fails writes its status into a file named after the nox process that the user started,
and that process replaces nox's 1 by it as its very last act. Where none of our sessions failed, there is no
such file and nothing changes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import nox

_FAULT = HarnessError.exit_status


class _UnsuccessfulError(Exception):
    """A run that ended as it should, with a status that is not success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}, see above")
        self.status = status


def watch(folder: Path) -> None:
    """In a process of nox, arrange for the exit status; sessions leave theirs in ``folder``."""
    mine = folder / str(os.getpid())
    shutil.rmtree(mine, ignore_errors=True)  # of an earlier process with this number that was killed
    atexit.register(_leave, mine)


def require_zero(status: int) -> None:
    """End the session inside ``reported`` with this status, unless it is success."""
    if status:
        raise _UnsuccessfulError(status)


@contextlib.contextmanager
def reported(session: nox.Session, folder: Path) -> Iterator[None]:
    """Fail the session, without a traceback, for what the user can act on; keep its exit status."""
    # Under nox's own -j a session runs in a child of the nox that the user started.
    process = os.getppid() if session.parallel else os.getpid()
    mine = folder / str(process)
    try:
        yield
    except _UnsuccessfulError as ended:
        _say(mine, ended.status)
        session.error(str(ended))
    except HarnessError as error:
        _say(mine, error.exit_status)
        session.error(str(error))
    except Exception:
        _say(mine, _FAULT)
        raise


def _say(mine: Path, status: int) -> None:
    mine.mkdir(parents=True, exist_ok=True)
    (mine / str(status)).touch()


def _leave(mine: Path) -> None:
    said = [int(path.name) for path in mine.glob("*")]
    if not said:
        return
    shutil.rmtree(mine, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(max(said))  # the only way to another status than nox's own, this late
