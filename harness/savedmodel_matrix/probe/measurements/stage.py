"""A stage: a Python callable before or after the model, run on its own, with its outputs recorded.

It takes ``{name: array}`` and returns ``{name: array}``; encoded files are arrays of ``bytes`` objects.
Every call gets fresh arrays, to detect a stage that writes to its input. It is called more than once, to
detect a stage that is not deterministic.
"""

import ast
import collections.abc
import contextlib
import importlib
import inspect
import os
import sys
import time

import numpy as np

from .. import arrays, effective, exchange, folders, local, tensors, texts
from ..failing import CaseError, failing_as
from ..run import apply_setting, differing
from . import decoders

#: Folders of a project that the harness itself writes to.
_OURS = ("results", ".nox")
#: Of a batch, this many samples also run alone. Whether the others matter to a sample shows in the first few.
_ALONE = 8
#: No further part of a batch is run once the parts have taken this long.
_PARTS_LIMIT_S = 30.0


def run(job):
    """Run the stage and record what it returns.

    ``job.tf`` is ``None`` in a separate environment, which has no TensorFlow.
    """
    name = job.case["measure"]["name"]
    job.part["measured"] = {
        "wrote": [],
        "remarks": [],
        "libraries": {},
        "brought": {},
        "parts": [],
        "in_another_folder": [],
        "decoded": [],
    }
    try:
        _run(job)
    except CaseError as failure:
        raise CaseError(failure.outcome, "{}: {}".format(name, failure.reason)) from failure.__cause__


def _run(job):
    tf, request, case, report = job.tf, job.request, job.case, job.report
    phases, part = job.phases, job.part
    spec, facts, missing, home = case["measure"], part["measured"], job.missing, os.getcwd()
    if tf is not None:
        with failing_as("run-failed"):
            apply_setting(tf, case["setting"])
            part["effective"] = effective.of_run(tf)
    if missing is not None:
        raise CaseError(*missing)
    if case["batches"] is None:
        raise CaseError("run-failed", "inputs could not be made: " + texts.first_line(case["inputs_error"]))
    if spec["root"] is not None:
        _bring_listed(spec)
    opened = _Opened(spec)
    report("importing {}".format(spec["name"]))
    before = set(sys.modules)
    with phases.timed("load"), failing_as("run-failed"), opened.watching(), _explaining(spec):
        function = _function(spec)
    for run in range(case["runs"]):
        for number, batch in enumerate(case["batches"]):
            report("running {} of batch {}".format(spec["name"], number))
            given, kept = _read(request, batch), _read(request, batch)
            arrays_given = dict(given)  # the stage may change its dict
            with phases.timed("further_runs" if run else "first_run"), failing_as("run-failed"):
                with opened.watching(), _explaining(spec):
                    returned = function(given)
                leaves = _leaves(returned)
            facts["wrote"] += [
                {"batch": number, "name": name}
                for name in kept
                if not run and not _same(arrays_given[name], kept[name])
            ]
            with failing_as("run-failed"):
                if not run and spec["expects"] is not None:
                    facts["remarks"] += _held_to(spec["expects"], leaves, number)
                entries = tensors.store(request["objects"], number, leaves)
            if run:
                part["unstable"] += differing(part["outputs"], entries, number, run + 1)
            else:
                part["outputs"] += entries
    if spec["parts"] and not part["unstable"]:
        for number, batch in enumerate(case["batches"]):
            report("running {} of parts of batch {}".format(spec["name"], number))
            with phases.timed("further_runs"):
                facts["parts"] += _parts(job, number, batch, function, opened)
                facts["in_another_folder"] += _in_another_folder(job, number, batch, function, opened, home)
                facts["decoded"] += decoders.decoded(request["objects"], number, _read(request, batch))
    facts["libraries"], facts["brought"] = _libraries(spec, before)
    facts["remarks"] += sorted(
        "reads {}, which is not in the stage's `reads`: changes to it go unnoticed".format(path)
        for path in opened.found
    )


def _parts(job, number, batch, function, opened):
    """Run the stage on parts of one batch, and return what it made of them, in the batch's order.

    ``[{"way", "batch", "samples", "outputs"}]``: ``way`` is "reversed", "halves" or "alone", and ``samples``
    how many of the first samples it covers. A way that fails, as one sample may, is left out. So are batches
    whose arrays do not all have one entry per sample.
    """
    given = _read(job.request, batch)
    sizes = {len(array) if np.ndim(array) else 0 for array in given.values()}
    count = sizes.pop() if len(sizes) == 1 else 0
    if count < 2:
        return []
    half, alone = count // 2, min(count, _ALONE)
    ways = [
        ("reversed", count, [np.arange(count)[::-1]]),
        ("halves", count, [np.arange(half), np.arange(half, count)]),
        ("alone", alone, [np.array([row]) for row in range(alone)]),
    ]
    found, until = [], time.time() + _PARTS_LIMIT_S
    for way, samples, parts in ways:
        made = []
        for rows in parts:
            if time.time() > until:
                return found
            part = {name: array[rows] for name, array in _read(job.request, batch).items()}
            # Failing on a part is no fault: only whole batches are asked of a stage.
            try:
                with opened.watching():
                    returned = function(part)
                leaves = _leaves(returned)
            except Exception:
                made = None
                break
            if any(part is not None or np.shape(array)[:1] != rows.shape for _, part, array, _ in leaves):
                return found
            made.append(leaves)
        whole = made and _together(made, way)
        if whole:
            entries = tensors.store(job.request["objects"], number, whole)
            found.append({"way": way, "batch": number, "samples": samples, "outputs": entries})
    return found


def _in_another_folder(job, number, batch, function, opened, home):
    """Return what the stage makes of one batch in another working folder, where that is something else.

    Empty if it makes the same, or fails there, or does not make the same as before back in ``home``.
    """
    spec, objects, made = job.case["measure"], job.request["objects"], []
    other = os.path.join(os.path.dirname(home), "another")
    os.makedirs(other, exist_ok=True)
    # Failing in another folder is no fault: a stage may keep files of its own in the first.
    try:
        for folder in (other, home):
            os.chdir(folder)
            if spec["root"] is not None:
                _bring_listed(spec)
            given = _read(job.request, batch)  # not as a file that the stage opens
            with opened.watching():
                returned = function(given)
            made.append(tensors.store(objects, number, _leaves(returned)))
    except Exception:
        return []
    finally:
        os.chdir(home)
    there, again = made
    before = [each for each in job.part["outputs"] if each["batch"] == number]
    return there if again == before != there else []


def _together(made, way):
    """Return the leaves of parts as leaves of the batch; None if they do not fit together."""
    by_name = [{leaf[0]: leaf for leaf in leaves} for leaves in made]
    if any(each.keys() != by_name[0].keys() for each in by_name):
        return None
    whole = []
    for name, (_, _, first, dtype) in sorted(by_name[0].items()):
        arrays_of = [each[name][2] for each in by_name]
        if any(each.dtype != first.dtype or each.shape[1:] != first.shape[1:] for each in arrays_of):
            return None
        joined = np.concatenate(arrays_of)
        whole.append((name, None, joined[::-1] if way == "reversed" else joined, dtype))
    return whole


def _bring_listed(spec):
    """Make what the stage lists reachable from the working folder by its path from the project's root."""
    listed = [spec["file"], *spec["modules"], *spec["reads"]]
    folders.link((os.path.relpath(path, spec["root"]), path) for path in listed if path)


@contextlib.contextmanager
def _explaining(spec):
    """Say of a project's file that is not found from the working folder that the stage has to list it."""
    try:
        yield
    except (AttributeError, TypeError) as error:
        # Strings are stored as they are in TensorFlow: as bytes, where NumPy's users expect str.
        if "bytes" not in str(error):
            raise
        text = "{}: {}: strings in its inputs are bytes: decode them, as in [each.decode() for each in x]"
        raise texts.PlainError(text.format(type(error).__name__, error)) from error
    except FileNotFoundError as error:
        name = error.filename
        if spec["root"] is None or not isinstance(name, str) or os.path.isabs(name):
            raise
        if not os.path.exists(os.path.join(spec["root"], name)):
            raise
        text = "it opens {!r}, which is not in its working folder: add it to the stage's `reads`"
        raise texts.PlainError(text.format(name)) from error


def _function(spec):
    """Return the callable that ``spec`` names, with its file and modules importable."""
    paths, place = spec["modules"], spec["module"]
    if spec["file"] is not None:
        paths = [*paths, spec["file"]]
    local.reach(paths)
    if spec["file"] is not None:
        local.bring(spec["file"], paths)
        place = local.names_of(paths)[spec["file"]]
    target = importlib.import_module(place)
    for part in spec["function"].split("."):
        target = getattr(target, part, None)
    if not callable(target):
        offered = ", ".join(sorted(_functions(sys.modules[place]))) or "none"
        text = "there is no function {!r} in {}; it has: {}"
        raise texts.PlainError(text.format(spec["function"], place, offered))
    return target


def _functions(module):
    return (
        name for name, value in vars(module).items() if inspect.isfunction(value) and not name.startswith("_")
    )


def _read(request, batch):
    """Return the arrays of ``batch`` by name, as writable copies."""
    return {
        item["name"]
        if item["component"] is None
        else "{}.{}".format(item["name"], item["component"]): np.array(
            arrays.read_array(request["objects"], item["array"])
        )
        for item in batch
    }


def _same(one, other):
    """Whether an array is unchanged: the type, the shape and every bit."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool((one == other).all()) if one.dtype == object else one.tobytes() == other.tobytes()


def _leaves(returned):
    """Return a stage's outputs in the form of ``tensors.flatten_arrays``. Raises ``texts.PlainError``."""
    if not isinstance(returned, collections.abc.Mapping):
        text = "it returned a {} instead of a dict of arrays by name"
        raise texts.PlainError(text.format(type(returned).__name__))
    if not returned:
        raise texts.PlainError("it returned an empty dict")
    for name, value in returned.items():
        if not isinstance(name, str) or isinstance(value, (list, tuple, dict)) or value is None:
            text = "it returned {!r} as a {} instead of an array"
            raise texts.PlainError(text.format(name, type(value).__name__))
    leaves = []
    for name in sorted(returned):
        if _holds_strings(returned[name]):
            leaves.append((name, None, returned[name], arrays.STRING))
        else:
            leaves += tensors.flatten_arrays({name: returned[name]})
    return leaves


def _holds_strings(value):
    return (
        isinstance(value, np.ndarray)
        and value.dtype == object
        and all(isinstance(item, (bytes, str)) for item in value.reshape(-1))
    )


def _held_to(expects, leaves, batch):
    """Return remarks on a stage's outputs; raise ``texts.PlainError`` for what the model cannot accept.

    ``expects`` is ``{input: {"dtype", "shape", "optional"}}``, as the signature declares its inputs. Declared
    shapes can be wrong, so a different shape is only a remark, and the model decides.
    """
    given = {name: (array, dtype) for name, part, array, dtype in leaves if part is None}
    needed = {name for name, wanted in expects.items() if not wanted["optional"]}
    missing = sorted(needed - {name for name, _, _, _ in leaves})
    unknown = sorted({name for name, _, _, _ in leaves} - set(expects))
    if missing or unknown:
        text = "it returned {}; the signature takes {}"
        names = [", ".join(map(repr, sorted(each))) for each in ({leaf[0] for leaf in leaves}, expects)]
        raise texts.PlainError(text.format(*names))
    remarks = []
    for name, (array, dtype) in sorted(given.items()):
        wanted = expects[name]
        if wanted["dtype"] is not None and dtype != wanted["dtype"]:
            text = "it returned {!r} as {}, but the signature takes {}: convert it, e.g. with .astype({!r})"
            raise texts.PlainError(text.format(name, dtype, wanted["dtype"], wanted["dtype"]))
        if not _fits(np.shape(array), wanted["shape"]):
            text = "gives {!r} of batch {} the shape {}, but the signature declares {}"
            declared = "[{}]".format(
                ", ".join("?" if size is None else str(size) for size in wanted["shape"])
            )
            remarks.append(text.format(name, batch, list(np.shape(array)), declared))
    return remarks


def _fits(shape, declared):
    if declared is None:
        return True
    return len(shape) == len(declared) and all(
        wanted in (None, size) for size, wanted in zip(shape, declared)
    )


def _libraries(spec, before):
    """Return ``{module: version}`` of the packages that the stage's code imports, and of their imports."""
    named = {"numpy"}
    for path in [spec["file"], *spec["modules"]]:
        if path is not None and path.endswith(".py"):
            named |= _imported_by(path)
    if spec["module"] is not None:
        named.add(spec["module"].partition(".")[0])
    brought = {name.partition(".")[0] for name in set(sys.modules) - before} - named
    return _versions(named), _versions(brought)


def _imported_by(path):
    """Return the top-level modules that a file imports anywhere."""
    with open(path, encoding="utf-8") as file:
        nodes = list(ast.walk(ast.parse(file.read())))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in found}


def _versions(names):
    found = {}
    for name in sorted(names):
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        # Some standard library modules have versions too, which mean nothing.
        if isinstance(version, str) and "site-packages" in (getattr(module, "__file__", None) or ""):
            found[name] = version
    return found


class _Opened:
    """Files below ``root`` that the stage opens and does not list.

    Works from Python 3.8 on, which has audit hooks; files that a library opens in C are not seen.
    """

    def __init__(self, spec):
        self.found = set()
        self._watching = False
        add_hook = getattr(sys, "addaudithook", None)
        if spec["root"] is None or add_hook is None:
            return
        self._root = os.path.join(os.path.realpath(spec["root"]), "")
        known = [spec["file"], *spec["modules"], *spec["reads"], sys.prefix, exchange.HERE]
        known += [self._root + name for name in _OURS]
        self._known = [os.path.realpath(path) for path in known if path]
        add_hook(self._hook)  # permanent: hooks cannot be removed

    @contextlib.contextmanager
    def watching(self):
        """Watch while the stage's own code runs, not while the probe itself reads files."""
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def _hook(self, event, arguments):
        if not self._watching or event != "open" or not isinstance(arguments[0], str):
            return
        path = os.path.realpath(arguments[0])
        listed = any(path == each or path.startswith(os.path.join(each, "")) for each in self._known)
        if path.startswith(self._root) and not listed and "__pycache__" not in path and os.path.isfile(path):
            self.found.add(path[len(self._root) :])
