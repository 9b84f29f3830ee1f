"""The contract's exit status out of nox, which itself knows only success (0) and failure (1).

Nox turns every failed session into exit status 1, and runs parallel sessions in child processes. So
a session that fails says its status in a file that the first nox process of the run created, and
that process replaces nox's 1 by it as its very last act. Nothing is changed where nox succeeded.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import nox

_FOLDER = "SAVEDMODEL_MATRIX_EXIT"


def watch() -> None:
    """In the first nox process of a run, arrange for the exit status; in its children do nothing."""
    if _FOLDER in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="savedmodel-matrix-")
    os.environ[_FOLDER] = folder
    (Path(folder) / "first").write_text(str(os.getpid()), encoding="ascii")
    atexit.register(_leave, Path(folder))


def is_first_process() -> bool:
    """Whether this is the nox process that the user started, not one that it started."""
    return (Path(os.environ[_FOLDER]) / "first").read_text(encoding="ascii") == str(os.getpid())


def shared(name: str, text: str) -> str:
    """Return ``text`` as the first nox process of the run gave it, in that process and in its children."""
    path = Path(os.environ[_FOLDER]) / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


class _UnsuccessfulError(Exception):
    """A run that ended as it should, with a status that is not success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}, see above")
        self.status = status


def require_zero(status: int) -> None:
    """End the session inside ``reported`` with this status, unless it is success."""
    if status:
        raise _UnsuccessfulError(status)


@contextlib.contextmanager
def reported(session: nox.Session) -> Iterator[None]:
    """Fail the session, without a traceback, for what the user can act on; keep its exit status."""
    try:
        yield
    except _UnsuccessfulError as ended:
        _say(ended.status)
        session.error(str(ended))
    except HarnessError as error:
        _say(error.exit_status)
        session.error(str(error))
    except Exception:
        _say(HarnessError.exit_status)
        raise


def _say(status: int) -> None:
    (Path(os.environ[_FOLDER]) / f"status-{status}").touch()


def _leave(folder: Path) -> None:
    said = [int(path.name.removeprefix("status-")) for path in folder.glob("status-*")]
    shutil.rmtree(folder, ignore_errors=True)
    if said:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(max(said))  # the only way to another status than nox's own, this late
