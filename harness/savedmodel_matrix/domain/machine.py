"""What the machine refuses (a full disk, a read-only folder) as errors that say what to do next."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_LOCKS = "its file system has no locks: put the project on a local disk, and run again"
_ADVICE = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some space and run again",
    errno.EROFS: "make it writable, or run from a folder that is",
    errno.EACCES: "allow this user to read and write it, and run again",
    errno.EPERM: "allow this user to read and write it, and run again",
    errno.ENOENT: "restore it, or remove the link that points to it, and run again",
    errno.ENOTDIR: "move the file that stands where a folder belongs, and run again",
    errno.EEXIST: "move the file that stands where a folder belongs, and run again",
    errno.EISDIR: "move the folder that stands where a file belongs, and run again",
    errno.ELOOP: "remove the link that leads to itself, and run again",
    errno.ENAMETOOLONG: "use a shorter path",
    errno.ENOLCK: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
    errno.ENOSYS: _NO_LOCKS,
    errno.EMFILE: "raise the limit of open files (ulimit -n), and run again",
}


@contextlib.contextmanager
def stated() -> Iterator[None]:
    """Turn errors of the operating system, and a lack of memory, into one line.

    Raises:
        MachineError: names the file, what the system says of it, and the next step.
    """
    try:
        yield
    except OSError as error:
        named = [str(path) for path in (error.filename, error.filename2) if path is not None]
        where = f"{' -> '.join(named)}: " if named else ""
        advice = _ADVICE.get(error.errno or 0, "run again when the machine allows it")
        text = error.strerror or str(error) or type(error).__name__
        raise MachineError(f"{where}{text}; {advice}. What is recorded is kept") from error
    except MemoryError as error:
        raise MachineError(
            "this machine has too little free memory; end other programs and run again. "
            "What is recorded is kept"
        ) from error
