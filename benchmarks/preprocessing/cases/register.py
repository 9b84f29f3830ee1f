"""The list of cases, and the format of their arrays: numbers unchanged, strings as bytes and lengths."""

import fnmatch
import json
from pathlib import Path

import numpy as np

CASES = []


def case(data, planted, expected, held_out=False):
    """Register a function of ``(train, serve)`` or ``(train, serve, raw)``: arrays, or dicts of them.

    ``expected`` has the ids of the correct diagnosis: "a+b" for two steps, "a|b" if either name is right,
    None if the two are the same up to rounding or the difference has no name. Before the ids, "partly" asks
    for a diagnosis that says what it leaves, and "harmless" for one that says that nothing need be done.
    """

    def register(function):
        CASES.append((function.__name__.strip("_"), data, planted, expected, held_out, function))
        return function

    return register


def write(folder, only="*"):
    """Make every registered case whose name matches, and write it as NAME.npz, along with ``index.json``."""
    index = []
    for name, data, planted, expected, held_out, function in CASES:
        if not fnmatch.fnmatchcase(name, only):
            continue
        sides = dict(zip(("train", "serve", "raw"), function(), strict=False))
        arrays = {}
        for side, found in sides.items():
            for tensor, value in (found if isinstance(found, dict) else {"x": found}).items():
                _flatten(arrays, f"{side}/{tensor}", np.asarray(value))
        np.savez(Path(folder) / f"{name}.npz", **arrays)
        index.append(
            {"name": name, "data": data, "planted": planted, "expected": expected, "held_out": held_out}
        )
    (Path(folder) / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _flatten(arrays, key, value):
    if value.dtype.kind not in "OSU":
        arrays[key] = value
        return
    texts = [each if isinstance(each, bytes) else str(each).encode() for each in value.ravel()]
    arrays[key + "#bytes"] = np.frombuffer(b"".join(texts), np.uint8)
    arrays[key + "#lengths"] = np.array([len(each) for each in texts])
    arrays[key + "#shape"] = np.array(value.shape)


def strings(texts):
    """Return texts, or bytes, as an object array."""
    out = np.empty(len(texts), object)
    out[:] = texts
    return out
