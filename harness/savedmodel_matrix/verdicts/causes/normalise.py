"""Removes what differs from run to run from an error's text, so that the same failure reads the same."""

from __future__ import annotations

import re

_FRAME = re.compile(r'(?m)^(\s*File ")([^"\n]+)(", line )\d+')
#: Python 3.11 and later underline the part of a line that raised.
_UNDERLINE = re.compile(r"(?m)^[ \t]*[~^]+[ \t]*\n?")
# Bounded, so that a hostile text cannot take quadratic time.
_NODE = re.compile(
    r"\{\{\s*(?:function_)?node [^}\n]{0,1000}\}\}|(?:(?<=[Nn]ode ')|(?<=[Nn]ode: '))[^'\n]{1,1000}(?=')"
)
_NUMBERED = re.compile(r"(?<=[A-Za-z])_\d+(?=[/:;'\s}=]|$)")
# An absolute path. The "/" of a fraction, a URL, a MIME type or a labelled path does not begin one.
_PATH = re.compile(r"(?<![\w.<>/:-])(?:/[\w.+@~-]+){2,64}/?")

_VOLATILE = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b0x[0-9a-fA-F]{4,}\b"), "0x#"),
    (re.compile(r"\b(__(?:inference|forward|backward)_\w*?)_\d+(?!\w)"), r"\1_#"),
    (re.compile(r"\b((?:Stateful)?PartitionedCall)(?:_\d+)+\b"), r"\1"),
    (re.compile(r"(?<![A-Za-z])(Anonymous[A-Za-z]+?)_?\d+\b"), r"\1#"),
    (re.compile(r"\b(tmp|temp)(?:[a-z0-9_]{8})\b"), r"\1#"),
    # Prefixes of TensorFlow's log: "2026-11-24 17:28:42.266314: I tensorflow/core/util/port.cc:153] " and
    # "I0000 00:00:1795541891.279013   17027 cpu_feature_guard.cc:227] ".
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?: "), ""),
    (re.compile(r"(?m)^([IWEF])\d{4} \d\d:\d\d:[\d.]+ +\d+ "), r"\1 "),
    (re.compile(r"(?<=\.cc:)\d+(?=\])"), "#"),
)


def normalise(text: str) -> str:
    """Return ``text`` without the numbers in names, addresses, ids, line numbers and folders.

    Shapes, versions and op names stay, because they distinguish failures.
    """
    text = _FRAME.sub(lambda frame: f"{frame[1]}{_place(frame[2])}{frame[3]}#", text)
    text = _UNDERLINE.sub("", text)
    for volatile, stable in _VOLATILE:
        text = volatile.sub(stable, text)
    text = _NODE.sub(lambda node: _NUMBERED.sub("", node[0]), text)
    return _PATH.sub(lambda path: "<path>/" + _end(path[0].rstrip("/")), text)


def _end(path: str) -> str:
    """Return the last part of a path, with the folder of the SavedModel that contains it."""
    folder, _, name = path.rpartition("/")
    inside = folder.rpartition("/")[2]
    return f"{inside}/{name}" if inside in {"assets", "variables"} else name


def _place(path: str) -> str:
    """Return the path of a module inside the installed packages, or else only the file's name."""
    forward = path.replace("\\", "/")
    for folder in ("/site-packages/", "/dist-packages/"):
        if folder in forward:
            return forward.rpartition(folder)[2]
    return forward.rpartition("/")[2]
