"""Reading the request and writing the results."""

import datetime as dt
import json
import os
import sys

from . import sealed, texts
from .unfinished import whole

FORMAT = 2
HERE = os.path.dirname(os.path.abspath(__file__))

_REQUEST = ("objects", "imported", "isolation", "tensorflow", "scrub", "secrets", "variables", "cases")
_SETTING = (
    "device", "intra_op_threads", "inter_op_threads", "jit_compile", "grappler", "seed", "deterministic",
)  # fmt: skip
_CASE = (
    "result", "key", "identity", "measure", "after", "fresh_process", "model", "loader", "tags", "signature",
    "function", "endpoint", "call", "batches", "inputs_error", "runs", "time_limit_s", "memory_limit_bytes",
    "setting", "imports", "modules", "libraries", "sources", "links",
)  # fmt: skip
_MEASURE = ("kind", "program")


#: The kind of file that a recording is, as its checksum says.
RECORDING = "Recording"
#: Ends the name of the file that stands for a result which must not be filed: ``{"key", "reason"}``.
UNFILED = ".unfiled"


class Places:
    """The files of one running case: its current activity, and its part of the result."""

    def __init__(self, folder):
        self.folder = folder
        self.doing = os.path.join(folder, "doing")
        self.part = os.path.join(folder, "part.json")


def read_request(path):
    """Return the request at ``path``. Raises ``OSError``, or ``ValueError`` with the problem."""
    with open(path, encoding="utf-8") as file:
        request = json.load(file)
    if request.get("format") != FORMAT:
        raise ValueError("format {!r}; this probe reads format {}".format(request.get("format"), FORMAT))
    missing = _missing("", request, _REQUEST)
    for number, case in enumerate(request.get("cases", ())):
        where = "cases.{}.".format(number)
        missing += _missing(where, case, _CASE)
        missing += _missing(where + "measure.", case.get("measure", {}), _MEASURE)
        missing += _missing(where + "setting.", case.get("setting", {}), _SETTING)
    if missing:
        raise ValueError("missing: " + ", ".join(missing))
    for number, case in enumerate(request["cases"]):
        if case["batches"] is None and case["inputs_error"] is None:
            raise ValueError("cases.{} has neither batches nor inputs_error".format(number))
    if request["isolation"] not in ("auto", "fork", "process"):
        raise ValueError("unknown isolation {!r}".format(request["isolation"]))
    return request


def _missing(where, found, wanted):
    return [where + key for key in wanted if key not in found]


def with_batches(case):
    """Return ``case`` with its batches, and ``(outcome, reason)`` if there are none, otherwise ``None``.

    Batches that are the outputs of an earlier case, of this or another request, are read from its result.
    """
    taken = case["batches"]
    if not isinstance(taken, dict):
        return case, None
    try:
        result = read_json(taken["outputs_of"], RECORDING)
    except (OSError, ValueError):
        return dict(case, batches=[]), ("run-failed", "{} has no result".format(taken["name"]))
    if result["outcome"] != "recorded":
        return dict(case, batches=[]), (result["outcome"], result["reason"])
    batches = {}
    for output in result["outputs"]:
        item = {"name": output["name"], "component": output["component"], "array": output["array"]}
        batches.setdefault(output["batch"], []).append(item)
    return dict(case, batches=[batches[number] for number in sorted(batches)]), None


def changed_source(case):
    """Return the first file of ``case`` that is not what its key stands for, or ``None``."""
    for source in case["sources"]:
        try:
            status = os.stat(source["path"])
        except OSError:
            if source["size"] is None:  # it was missing when the key was made
                continue
            return source["path"]
        found = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        if found != (source["size"], source["mtime_ns"], source["ctime_ns"], source["inode"]):
            return source["path"]
    return None


def write_json(path, value, kind=""):
    """Write ``value`` (a dict) to ``path`` with the checksum of its kind, atomically.

    Somebody may have deleted the folder meanwhile; it is made again.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with whole(path) as half_written, open(half_written, "wb") as out:
        out.write(sealed.seal(json.dumps(value), kind))


def read_part(places):
    """Return what the case's process wrote, or ``None`` if it did not get that far."""
    try:
        return read_json(places.part)
    except (OSError, ValueError):
        return None


def read_json(path, kind=""):
    """Return what ``write_json`` wrote. Raises ``OSError``, or ``ValueError`` if it is damaged."""
    with open(path, "rb") as file:
        return json.loads(sealed.unseal(file.read(), kind).decode("utf-8"))


def scrubber(request, work):
    """Return a function that removes the request's paths and our own from every text in a JSON value."""
    own = [(HERE, "<probe>"), (work, "<work>"), (sys.prefix, "<environment>"), (sys.base_prefix, "<python>")]
    own.append((os.path.expanduser("~"), "~"))
    # "/" and "/usr" do not identify a machine, and hiding them would garble every system path.
    named = [(path, label) for path, label in own if path.count(os.sep) > 1] + request["scrub"]
    paths = [(spelled, label) for path, label in named for spelled in {path, os.path.realpath(path)}]
    return lambda value: texts.masked(value, paths, request["secrets"])


def _measured(part, clean):
    """Return what was measured with its texts scrubbed; names of outputs and variables do not change."""
    found, texts_of = part.get("measured"), part.get("texts")
    if texts_of is None or not isinstance(found, dict):
        return clean(found)
    return {key: clean(value) if key in texts_of else value for key, value in found.items()}


class Begun:
    """When a case began, and which of its files had changed by then."""

    def __init__(self, case):
        self.time, self.changed = now(), changed_source(case)


def write_result(case, begun, imported, part, clean, printed):
    """Write the result of ``case``, or why there is none.

    ``clean`` scrubs text for people; ``printed`` is what the case's process printed.
    """
    why = part.get("unfiled") or unfiled(case, begun.changed, clean)
    if why is None:
        found = result(case, imported, part, clean, printed)
        write_json(case["result"], dict(found, started=begun.time, ended=now()), RECORDING)
    else:
        write_json(case["result"] + UNFILED, {"key": case["key"], "reason": why})


def write_failed(request, work, failed, printed):
    """Write for every case of ``request`` that TensorFlow could not be imported: the part ``failed``."""
    clean = scrubber(request, work)
    for case in request["cases"]:
        write_result(case, Begun(case), {}, failed, clean, printed)


def unfiled(case, before, clean):
    """Return why what ``case`` gave must not be filed under its key, or ``None``.

    ``before`` is what had changed before it ran.
    """
    changed = before or changed_source(case)
    if changed is not None:
        return clean("{} changed since the run began".format(changed))
    taken = case["batches"]
    if isinstance(taken, dict) and not os.path.exists(taken["outputs_of"]):
        return "{} has no recording".format(taken["name"])
    return None


def now():
    """Return the time as an ISO 8601 text, in UTC."""
    return dt.datetime.now(dt.timezone.utc).isoformat()


def result(case, imported, part, clean, printed):
    """Return the result of ``case``: its own part, and what all cases of the process share.

    Output names and digests are data, and do not change.
    """
    return {
        "format": FORMAT,
        "key": case["key"],
        "identity": case["identity"],
        "outcome": part["outcome"],
        "reason": clean(part["reason"]),
        "traceback": clean(part.get("traceback")),
        "log_tail": clean(printed),
        "outputs": part.get("outputs", []),
        "unstable": part.get("unstable", []),
        "before": part.get("before", []),
        "not_before": {name: clean(why) for name, why in part.get("not_before", {}).items()},
        "measured": _measured(part, clean),
        "effective": clean(dict(imported.get("effective", {}), **part.get("effective", {}))),
        "phases": dict(imported.get("phases", {}), **part.get("phases", {})),
    }
