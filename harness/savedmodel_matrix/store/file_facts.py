"""What the file system says of a file: enough to notice that it changed without reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

#: Size in bytes, time of modification and of change in ns, inode. Only the last change of a file's content,
#: name or mode moves the time of change: a tool that puts the old modification time back cannot hide it.
Facts = tuple[int, int, int, int]

#: A file changed again within its clock's tick keeps its times: too fresh is not relied on
#: (https://git-scm.com/docs/racy-git). Two seconds is the coarsest tick in use, FAT's.
SETTLED_NS = 2_000_000_000


def facts_of(status: os.stat_result) -> Facts:
    """Return the facts of a file with this status."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
