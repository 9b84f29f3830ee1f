"""What lies in the place of a SavedModel or of one of its files: from names and the first bytes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BEGINNING = 512
#: Files of a folder that are looked at.
_MOST_FILES = 200

POINTER = "a git-lfs pointer without the file's content: run `git lfs pull` where the model comes from"
PAGE = "a web page, probably of a sign-in or an error: download the file again"
_KERAS_FILE = (
    "load it with the Keras that made it and save it as a folder (model.export, or model.save up to "
    "TensorFlow 2.15)"
)
_GRAPH = (
    "a graph on its own (a GraphDef, as frozen graphs are): import it with tf.compat.v1.import_graph_def and "
    "save it with a signature"
)
_CHECKPOINT = (
    "it holds a checkpoint, which has variables and no graph: restore it into the model's own code and save "
    "that with tf.saved_model.save"
)


def file_instead(file: Path) -> str:
    """Return what a file is and what to do, if it is something that is often taken for a model; else ""."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return ""
        with file.open("rb") as stream:
            head = stream.read(_BEGINNING)
    except OSError:
        return ""
    return next((says for fits, says in _known(file, head) if fits), "")


def _known(file: Path, head: bytes) -> Iterator[tuple[bool, str]]:
    """Yield each kind of file, and whether it is one."""
    is_zip = head.startswith(b"PK\x03\x04")
    yield head.startswith(b"version https://git-lfs.github.com/spec/"), POINTER
    yield head.lstrip().lower().startswith((b"<!doctype html", b"<html")), PAGE
    yield head.startswith(b"\x89HDF\r\n\x1a\n"), f"a Keras .h5 file: {_KERAS_FILE}"
    yield is_zip and (file.suffix == ".keras" or b"metadata.json" in head), f"a .keras file: {_KERAS_FILE}"
    yield is_zip, "a zip archive: unpack it"
    yield head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar", "an archive: unpack it"
    yield head[4:8] == b"TFL3", "a TensorFlow Lite model"
    # A SavedModel begins with its version, a GraphDef with a node and its name.
    yield file.suffix == ".pb" and head[:1] == b"\n" and b"\n" in head[1:4], _GRAPH


def folder_instead(folder: Path) -> str:
    """Return what a folder without a SavedModel holds instead and what to do; "" if that is unknown."""
    names = sorted(_names(folder))[:_MOST_FILES]
    if any(name.endswith(".index") for name in names):
        return _CHECKPOINT
    if "model.json" in names:
        return "it holds a model of TensorFlow.js"
    for name in names:
        if name.endswith((".h5", ".hdf5", ".keras", ".tflite", ".zip", ".gz", ".tar", ".pb")):
            found = file_instead(folder / name)
            if found:
                return f"{name} is {found}"
    return ""


def replaced_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the kind, ``POINTER`` or ``PAGE``, of each file of a model that is no such file."""
    inside = [f"{part}/{name}" for part in ("variables", "assets") for name in sorted(_names(folder / part))]
    for name in ["saved_model.pb", "keras_metadata.pb", *inside[:_MOST_FILES]]:
        kind = file_instead(folder / name)
        if kind in {POINTER, PAGE}:
            yield name, kind


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names only
    except OSError:
        return []
