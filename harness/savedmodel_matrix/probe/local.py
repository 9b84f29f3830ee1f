"""A case's own modules: put within reach of its process, imported, and searched for Keras's objects.

Only in the process of the case, which no other case shares.
"""

import importlib
import importlib.util
import inspect
import os
import sys

from . import texts

#: Whose layers Keras knows by itself.
_KERAS = ("keras", "tensorflow", "tf_keras")


class _Listed:
    """Finds the files that the case lists, each under its name, and none of their neighbours."""

    def __init__(self, files):
        self._files = files

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 - importlib's own form
        if name in self._files:
            return importlib.util.spec_from_file_location(name, self._files[name])
        return None


def reach(paths):
    """Put the folders among ``paths`` on the path, the first one first, and make the files importable."""
    sys.dont_write_bytecode = True  # nothing is left beside other people's sources
    sys.path[:0] = [path for path in paths if os.path.isdir(path)]
    names = names_of(paths)
    # Behind what is installed: a file that has another module's name must be told, and not replace it.
    sys.meta_path.append(_Listed({names[path]: path for path in names}))


def names_of(paths):
    """Return ``{file: name of the module}`` of the files among ``paths``.

    A file inside a listed folder has its dotted name there, so that relative imports work; another its stem.
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
    """Import the file ``path``, one of ``paths``; of a folder see only that it is there.

    Raises ``texts.PlainError`` where there is nothing, or its name is another module's.
    """
    if not os.path.exists(path):
        raise texts.PlainError("there is no such file or folder")
    if os.path.isdir(path):
        return
    name = names_of(paths)[path]
    module = importlib.import_module(name)
    if os.path.realpath(getattr(module, "__file__", None) or "") != os.path.realpath(path):
        raise texts.PlainError("the name {!r} is that of another module of this environment".format(name))


def imported(paths):
    """Return the modules that ``bring`` imported of ``paths``."""
    return [sys.modules[name] for name in names_of(paths).values()]


def custom_objects(modules, layer):
    """Return ``{name: object}`` of what Keras may have to find by name in ``modules``.

    Their own classes and functions; and layers, of the base class ``layer``, that they import from elsewhere
    than Keras.
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
