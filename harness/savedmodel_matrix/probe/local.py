"""A case's own modules: made importable in its process, imported, and searched for Keras objects.

This happens only in the process of the case, which no other case shares.
"""

import importlib
import importlib.util
import inspect
import os
import sys

from . import texts

#: Packages whose layers Keras already knows.
_KERAS = ("keras", "tensorflow", "tf_keras")


class _Listed:
    """Finds the files that the case lists, each under its name, and no other files in their folders."""

    def __init__(self, files):
        self._files = files

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 - importlib's own form
        if name in self._files:
            return importlib.util.spec_from_file_location(name, self._files[name])
        return None


def reach(paths):
    """Add the folders among ``paths`` to sys.path, in order, and make the files importable."""
    sys.dont_write_bytecode = True  # leave no files in other people's source folders
    sys.path[:0] = [path for path in paths if os.path.isdir(path)]
    names = names_of(paths)
    # After installed modules: a file with another module's name must be reported, not replace that module.
    sys.meta_path.append(_Listed({names[path]: path for path in names}))


def names_of(paths):
    """Return ``{file: module name}`` for the files among ``paths``.

    A file inside a listed folder has its dotted name there, so that relative imports work; any other file has
    its stem.
    """
    folders = [path for path in paths if os.path.isdir(path)]
    names = {}
    for path in paths:
        if path in folders:
            continue
        stem, name = os.path.splitext(path)[0], None
        for folder in folders:
            if stem.startswith(os.path.join(folder, "")):
                parts = os.path.relpath(stem, folder).split(os.sep)
                name = ".".join(parts[:-1] if parts[-1] == "__init__" and parts[:-1] else parts)
                break
        names[path] = name or os.path.basename(stem)
    return names


def bring(path, paths):
    """Import the file ``path``, one of ``paths``; for a folder, only check that it exists.

    Raises ``texts.PlainError`` if it does not exist, or if its name is another module's.
    """
    if not os.path.exists(path):
        raise texts.PlainError("there is no such file or folder")
    if os.path.isdir(path):
        return
    name = names_of(paths)[path]
    module = importlib.import_module(name)
    if os.path.realpath(getattr(module, "__file__", None) or "") != os.path.realpath(path):
        raise texts.PlainError("this environment has another module with the name {!r}".format(name))


def imported(paths):
    """Return the modules that ``bring`` imported from ``paths``."""
    return [sys.modules[name] for name in names_of(paths).values()]


def custom_objects(modules, layer):
    """Return ``{name: object}`` of what Keras may need to find by name in ``modules``.

    These are their own classes and functions, and layers (of the base class ``layer``) that they import from
    outside Keras.
    """
    found = {}
    for module in modules:
        for value in vars(module).values():
            if not callable(value) or not hasattr(value, "__name__"):
                continue
            home = getattr(value, "__module__", None) or ""
            foreign_layer = (
                inspect.isclass(value) and issubclass(value, layer) and home.split(".")[0] not in _KERAS
            )
            if home == module.__name__ or foreign_layer:
                found[value.__name__] = value
    return found
