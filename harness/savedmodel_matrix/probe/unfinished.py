"""Half-written files and folders: whole or not there, and their names say whose they are.

A kill leaves them behind. The next run removes those whose owner is gone.
"""

import contextlib
import os
import re
import shutil
import socket
import uuid

_NAME = re.compile(r"\..+\.(\d+)@(.+)\.[0-9a-f]{8}\.tmp")
#: The process that answers for what this one writes, if it is another: see ``owned_by``.
_OWNER = []


@contextlib.contextmanager
def whole(path):
    """Yield a path beside ``path`` to write a file or a folder to, which then replaces ``path``.

    If writing it fails, nothing of it is left.
    """
    half_written = unfinished(path)
    try:
        yield half_written
        os.replace(half_written, path)
    except BaseException:
        remove(half_written)
        raise


def unfinished(path):
    """Return a name beside ``path`` that says whose it is."""
    folder, name = os.path.split(os.fspath(path))
    owner = _OWNER[-1] if _OWNER else owner_here()
    return os.path.join(folder, ".{}.{}.{}.tmp".format(name, owner, uuid.uuid4().hex[:8]))


def remove(path):
    """Remove a file or a folder, if it is there and the system allows it."""
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def owner_of(name):
    """Return ``(process id, place)`` of the owner that a file's name states, or ``None``."""
    found = _NAME.fullmatch(name)
    return None if found is None else (int(found.group(1)), found.group(2))


def owner_here():
    """Return the owner that stands for this process."""
    return "{}@{}".format(os.getpid(), place())


def owned_by(owner):
    """Let ``owner`` answer for what this process and those that it forks write from now on.

    The process that starts the probe outlives it, and where the probe is isolated its own id means nothing.
    """
    _OWNER.append(owner)


def place():
    """Return where an id means this process: the host, and the namespace of process ids."""
    try:
        namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:
        namespace = "0"
    return "{}-{}".format(socket.gethostname(), namespace)
