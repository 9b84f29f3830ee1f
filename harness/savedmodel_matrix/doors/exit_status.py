"""Our exit status from nox, which itself only knows success (0) and failure (1).

A session of ours that fails writes its status to a file named after the nox process that the user started.
That process replaces nox's status 1 with it as its last action. If none of our sessions failed, there is no
such file and nothing changes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from savedmodel_matrix.commands.say import say
from savedmodel_matrix.domain.errors import HarnessError, MachineError
from savedmodel_matrix.domain.machine import stated
from savedmodel_matrix.domain.visible import visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import nox

_FAULT = HarnessError.exit_status
_INCOMPLETE = MachineError.exit_status
#: Statuses of the sessions that ran in this process, by the folder that should hold them.
_SAID: dict[Path, list[int]] = {}


class _UnsuccessfulError(Exception):
    """A run that finished normally with a status other than success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}, see above")
        self.status = status


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """End this process with a status of ours if the sessions cannot be defined while nox loads a noxfile."""
    try:
        with stated():
            yield
    except HarnessError as error:
        _end(str(error), error.exit_status)
    except ImportError as error:
        _end(f"savedmodel-matrix is not completely installed ({error}); install it again", _INCOMPLETE)
    except Exception:
        say(traceback.format_exc(), error=True)
        sys.exit(_FAULT)


def _end(message: str, status: int) -> NoReturn:
    say(message, error=True)  # nox shows no logs yet
    sys.exit(status)


def watch(folder: Path) -> None:
    """Arrange for the exit status of this nox process; sessions write theirs to ``folder``."""
    mine = folder / str(os.getpid())
    shutil.rmtree(mine, ignore_errors=True)  # left by an earlier, killed process with the same id
    atexit.register(_leave, mine)


def require_zero(status: int) -> None:
    """End the session within ``reported`` with this status, unless it is success."""
    if status:
        raise _UnsuccessfulError(status)


@contextlib.contextmanager
def reported(session: nox.Session, folder: Path) -> Iterator[None]:
    """Fail the session without a traceback for errors that the user can act on; keep the exit status."""
    # Under nox's own -j a session runs in a child of the nox that the user started.
    process = os.getppid() if session.parallel else os.getpid()
    mine = folder / str(process)
    try:
        with stated():
            yield
    except _UnsuccessfulError as ended:
        _say(mine, ended.status)
        session.error(str(ended))
    except HarnessError as error:
        _say(mine, error.exit_status)
        session.error(str(error))
    except Exception:
        _say(mine, _FAULT)
        session.error(f"a fault of the harness, please report it:\n{visible_lines(traceback.format_exc())}")


def _say(mine: Path, status: int) -> None:
    _SAID.setdefault(mine, []).append(status)
    with contextlib.suppress(OSError):  # a full disk: this process still knows
        mine.mkdir(parents=True, exist_ok=True)
        (mine / str(status)).touch()


def _leave(mine: Path) -> None:
    said = [*_SAID.pop(mine, []), *(int(path.name) for path in mine.glob("*"))]
    if not said:
        return
    shutil.rmtree(mine, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(max(said))  # this late, the only way to a status other than nox's own
