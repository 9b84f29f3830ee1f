"""A case's own folders: what a model writes to '.', to its home folder or to temporary files goes with it."""

import contextlib
import os
import shutil
import tempfile

_HOME = ("HOME", "USERPROFILE")
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")


class Folders:
    """A working folder, a home folder and a temporary folder, which are empty when a case starts.

    They have the same paths for each case, because what is imported once may remember them.
    """

    def __init__(self, work, variables):
        """Make them in the folder ``work``, and let the environment name them, except by ``variables``."""
        self._work, self._own = work, os.path.join(work, "own")
        self.current = os.path.join(self._own, "folder")
        home, temporary = os.path.join(self._own, "home"), os.path.join(self._own, "tmp")
        self._all = (self.current, home, temporary)
        for names, folder in ((_HOME, home), (_TEMPORARY, temporary)):
            os.environ.update({name: folder for name in names if name not in variables})
        tempfile.tempdir = None  # it remembers the one before
        self.renew()

    def renew(self):
        """Remove what is in them, and make the working folder this process's own again."""
        os.chdir(self._work)
        remove(self._own)
        for folder in self._all:
            os.makedirs(folder, exist_ok=True)
        os.chdir(self.current)


def link(places):
    """Make files reachable from the working folder: ``places`` are (path relative to it, path of a file)."""
    for place, path in sorted(places):  # a folder comes before what is in it
        if not place.startswith(os.pardir) and os.path.exists(path) and not os.path.lexists(place):
            os.makedirs(os.path.dirname(place) or os.curdir, exist_ok=True)
            os.symlink(path, place)


def remove(folder):
    """Remove ``folder`` and all that is in it, readable or not."""
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.isdir(folder):
        return
    for place, inside, _ in os.walk(folder):  # enters a folder after its mode has changed
        for path in [place, *(os.path.join(place, name) for name in inside)]:
            if not os.path.islink(path):
                with contextlib.suppress(OSError):
                    os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
