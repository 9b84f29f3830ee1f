"""The checksums of a folder's files in a sealed JSON file: ``{"files": {relative path: SHA-256}}``."""

import hashlib
import json
import os

from . import sealed

_BLOCK = 1 << 20


def path_of(folder):
    """Return the path of the file with the checksums of ``folder``."""
    return folder + ".sums.json"


def of_folder(folder):
    """Return the SHA-256 of every file below ``folder``, by its path relative to it, with slashes."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, folder).replace(os.sep, "/")] = _digest(path)
    return found


def write(path, files):
    """Write checksums to ``path``, not atomically: the seal of a half-written file is broken."""
    with open(path, "wb") as out:
        out.write(sealed.seal(json.dumps({"files": files}, sort_keys=True)))


def read(path):
    """Return what ``write`` wrote, or ``None`` if it is missing or damaged."""
    try:
        with open(path, "rb") as file:
            return json.loads(sealed.unseal(file.read()).decode("utf-8"))["files"]
    except (OSError, ValueError):
        return None


def _digest(path):
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            whole.update(block)
    return whole.hexdigest()
