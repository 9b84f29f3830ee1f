"""Print, as JSON, which ops an installed package registers, and what has to be imported for that.

Standalone, like ``dump_ops.py``: ``maintenance/refresh_op_packages.py`` starts it with the interpreter of an
environment that holds the package::

    python -m maintenance.dump_op_package tensorflow-text tensorflow_text

It imports the package as a user does. Some packages load their libraries only when an op is first called:
then it also imports the package's modules one by one, to find those that load a library, and at last loads
the libraries that no module loads.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maintenance.dump_ops import registered_ops

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Modules that nobody imports to load a model.
_NOT_FOR_MODELS = ("test", "benchmark", "example", "tool", "convert")


def dump(package: str, module: str) -> dict[str, Any]:
    """Return the ops by the module or the file that registers them, or the problem."""
    tensorflow = importlib.import_module("tensorflow")
    found: list[dict[str, Any]] = []
    known = set(registered_ops())
    importlib.import_module(module)
    known = _note(found, known, module, library=False)
    loaded = {name: (path, *_in_a_child(path)) for name, path in _libraries(package)}
    problems = [problem for _, _, problem in loaded.values() if problem]
    if loaded and not found and len(problems) == len(loaded):
        return {"problem": f"none of its libraries can be loaded: {problems[0]}"}
    libraries = {name: (path, ops) for name, (path, ops, _) in loaded.items()}
    in_libraries = {op for _, ops in libraries.values() for op in ops}
    for name in _modules(module) if in_libraries - known else ():
        if _quietly(importlib.import_module, name):
            known = _note(found, known, name, library=False)
        if not in_libraries - known:
            break
    for name, (path, ops) in libraries.items():
        if ops - known:
            tensorflow.load_op_library(str(path))
            known = _note(found, known, name, library=True)
    return {"registers": found}


def _note(found: list[dict[str, Any]], known: set[str], by: str, *, library: bool) -> set[str]:
    """Add the ops that are new, and return all."""
    now = set(registered_ops())
    if new := sorted(now - known):
        found.append({"by": by, "library": library, "ops": new})
    return now


def _libraries(package: str) -> Iterator[tuple[str, Path]]:
    """Yield the package's shared libraries that are not modules of Python."""
    for file in importlib.metadata.files(package) or []:
        if file.name.endswith(".so") and ".cpython-" not in file.name and "pywrap" not in file.name:
            yield str(file), Path(str(file.locate()))


def _in_a_child(library: Path) -> tuple[set[str], str]:
    """Return the ops after a library is loaded, by a process that may die of it; or the problem."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "w") as pipe:
            try:
                importlib.import_module("tensorflow").load_op_library(str(library))
                json.dump([registered_ops(), ""], pipe)
            except Exception as error:
                json.dump([[], getattr(error, "message", str(error)).rpartition(": ")[2]], pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    ops, problem = json.loads(text) if text else ([], "it crashes")
    return set(ops), problem


def _modules(package: str) -> Iterator[str]:
    """Yield the modules below a package; walking them imports each that is a package itself."""
    places = list(getattr(importlib.import_module(package), "__path__", []))
    for each in pkgutil.iter_modules(places, f"{package}."):
        spec = each.module_finder.find_spec(each.name, None)
        # A library of ops looks like a compiled module: importing it fails, after it has been loaded.
        if any(word in each.name for word in _NOT_FOR_MODELS) or not str(spec and spec.origin).endswith(
            ".py"
        ):
            continue
        yield each.name
        if each.ispkg and each.name in sys.modules:
            yield from _modules(each.name)


def _quietly(call: Any, argument: str) -> bool:  # noqa: ANN401 - a function of any kind
    """Whether the call does not raise; no more is asked of what cannot be imported or loaded."""
    with contextlib.suppress(Exception):
        call(argument)
        return True
    return False


def main(package: str, module: str) -> None:
    """Print the JSON, and nothing else, to standard output."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What a package prints while it is imported must not get into the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    json.dump(dump(package, module), answer, sort_keys=True)
    answer.write("\n")
    answer.flush()
    # Some packages crash when the interpreter tears them down.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
