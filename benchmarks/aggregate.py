"""The cost of comparing: with more cells, with larger outputs, and versus whole arrays in plain NumPy.

Time is the best of several repeats. Memory is measured in a fresh process each time (Linux): the peak
resident memory of the comparison, including file pages of memory maps, above that of the process with
everything imported.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import TypeAdapter
from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.probe.arrays import object_path, read_array, verify, write_array
from savedmodel_matrix.verdicts.compare.classes import classes, representative_pairs
from savedmodel_matrix.verdicts.compare.metrics import compare_arrays
from savedmodel_matrix.verdicts.compare.pairs import compare_recordings
from savedmodel_matrix.verdicts.judge.tolerance import DEFAULTS, tolerance_for
from tabulate import tabulate

from benchmarks.bare import read_bare
from benchmarks.noise import with_noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.compare.metrics import Reader

Row = dict[str, int | float | None]

_CELLS = (10, 100, 1000)
_CLASSES = 6
_OUTPUTS = 5
_CELL_SHAPE = (50, 1000)  # of each output, float32
_MEGABYTES = (1, 10, 100, 1000)
_MOST_PLAIN_MEGABYTES = 100  # plain NumPy takes eighteen times the size of one array in memory
_WIDTH = 1000  # last dimension of the large outputs
_BLOCK_ROWS = 1 << 10  # rows of a large output written at a time


def main(megabytes: tuple[int, ...] = _MEGABYTES) -> dict[str, list[Row]]:
    """Print both tables and return their rows: ``"cells"`` and ``"sizes"``.

    Needs twice the largest size free in the folder for temporary files.
    """
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        rows["cells"] = [_over_cells(Path(folder), cells) for cells in _CELLS]
    rows["sizes"] = [_over_size(size) for size in megabytes]
    for title, table in rows.items():
        print(f"\n{_TITLES[title]}\n")  # noqa: T201 - a benchmark is what it prints
        print(tabulate(table, headers="keys", floatfmt=".3g"))  # noqa: T201
    return rows


_TITLES = {
    "cells": f"{_OUTPUTS} outputs of {_CELL_SHAPE[0]} x {_CELL_SHAPE[1]} float32, {_CLASSES} classes; "
    "every two classes are compared, NumPy compares every cell with the first",
    "sizes": "two float32 arrays that differ in most elements; NumPy takes the same numbers of whole arrays",
}


def plain_numpy(a: Array, b: Array) -> dict[str, float]:
    """Return the numbers that a user would compute, from whole arrays in float64."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    gap = np.abs(x - y)
    moduli = np.maximum(np.abs(x), np.abs(y))
    floor = np.sqrt((y * y).mean())
    unit = np.spacing(np.maximum(moduli, floor).astype(a.dtype)).astype(np.float64)
    nonzero = y != 0
    return {
        "different": int((a != b).sum()),
        "beyond": int((gap > 1e-5 + 1.3e-6 * np.abs(y)).sum()),
        "max_abs": float(gap.max()),
        "max_rel": float((gap[nonzero] / np.abs(y[nonzero])).max()),
        "rel_l2": float(np.linalg.norm(x - y) / np.linalg.norm(y)),
        "scaled_ulp": float((gap / unit).max()),
        "nan_mismatches": int((np.isnan(x) ^ np.isnan(y)).sum()),
        "inf_mismatches": int(((np.isinf(x) | np.isinf(y)) & (x != y)).sum()),
        "decision_changed": bool((x.argmax(axis=-1) != y.argmax(axis=-1)).any()),
    }


def _over_cells(folder: Path, cells: int) -> Row:
    objects, recordings = str(folder / "objects"), folder / f"recordings-{cells}"
    _write_recordings(objects, recordings, cells)
    read = _reader(objects)

    def ours() -> None:
        found = {path.name: read_bare(path) for path in sorted(recordings.iterdir())}
        for a, b in representative_pairs(classes(found)):
            compare_recordings(
                found[a],
                found[b],
                names=(a, b),
                tolerance=lambda output: tolerance_for(output, None),
                read=read,
                cache={},
            )

    def plain() -> None:
        first, *others = (json.loads(path.read_bytes())["outputs"] for path in sorted(recordings.iterdir()))
        for other in others:
            for a, b in zip(other, first, strict=True):
                plain_numpy(read_array(objects, a["array"]), read_array(objects, b["array"]))

    seconds, otherwise = _best(ours, 3), _best(plain, 1)
    return {
        "cells": cells,
        "seconds": seconds,
        "NumPy, seconds": otherwise,
        "times faster": otherwise / seconds,
    }


def _write_recordings(objects: str, recordings: Path, cells: int) -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((_OUTPUTS, *_CELL_SHAPE), dtype=np.float32)
    kinds = []
    for _ in range(_CLASSES):
        arrays = [write_array(objects, with_noise(value, random), "float32") for value in values]
        kinds.append(
            [
                {"batch": 0, "name": f"output_{i}", "component": None, "array": entry}
                for i, entry in enumerate(arrays)
            ]
        )
    recordings.mkdir()
    for cell in range(cells):
        recording = {"outputs": kinds[cell % _CLASSES]}
        (recordings / f"{cell:04}.json").write_text(json.dumps(recording), encoding="utf-8")


def _over_size(megabytes: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        a, b = _write_pair(folder, megabytes)
        read = _reader(folder)
        # A process verifies an object once, when it first reads it.
        hashed = _best(lambda: [verify(folder, digest) for entry in (a, b) for digest in entry.objects], 1)
        seconds = _best(lambda: compare_arrays(a, b, read, DEFAULTS["float32"]), 3)
        same = _best(lambda: compare_arrays(a, a, read, DEFAULTS["float32"]), 3)
        row: Row = {
            "MB": megabytes,
            "seconds": seconds,
            "identical, seconds": same,
            "verified before, seconds": hashed,
            "MB more in memory": _memory_in_fresh_process(folder, a, b, "ours"),
            "NumPy, seconds": None,
            "NumPy, MB more": None,
            "times faster": None,
        }
        if megabytes <= _MOST_PLAIN_MEGABYTES:
            otherwise = _best(lambda: plain_numpy(*_whole(folder, a, b)), 1)
            row["NumPy, seconds"] = otherwise
            row["NumPy, MB more"] = _memory_in_fresh_process(folder, a, b, "numpy")
            row["times faster"] = otherwise / (seconds + hashed)
        return row


def _whole(objects: str, a: ArrayEntry, b: ArrayEntry) -> tuple[Array, Array]:
    return read_array(objects, a.to_json()), read_array(objects, b.to_json())


def _write_pair(objects: str, megabytes: int) -> tuple[ArrayEntry, ArrayEntry]:
    """Write two arrays of float32 in pieces, as objects named by their hashes."""
    rows = megabytes * 1_000_000 // (4 * _WIDTH)
    random = np.random.default_rng(0)
    paths = [Path(objects) / name for name in ("a.npy", "b.npy")]
    files = [
        np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, _WIDTH)) for path in paths
    ]
    for start in range(0, rows, _BLOCK_ROWS):
        values = random.standard_normal((min(_BLOCK_ROWS, rows - start), _WIDTH), dtype=np.float32)
        for file, piece in zip(files, (values, with_noise(values, random)), strict=True):
            file[start : start + len(piece)] = piece
    for file in files:
        file.flush()
    a, b = (
        ArrayEntry("float32", (rows, _WIDTH), (_filed(objects, path),), 4 * rows * _WIDTH) for path in paths
    )
    return a, b


def _filed(objects: str, path: Path) -> str:
    """Move a file to where the object with its bytes belongs, and return the object's name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = Path(object_path(objects, digest))
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return digest


def _reader(objects: str) -> Reader:
    def read(entry: ArrayEntry) -> Array:
        array: Array = read_array(objects, entry.to_json(), mmap=True)
        return array

    return read


def _best(call: Callable[[], object], repeats: int) -> float:
    """Return the wall time of the fastest of several calls, in seconds."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return min(found)


def _memory_in_fresh_process(objects: str, a: ArrayEntry, b: ArrayEntry, which: str) -> float:
    request = json.dumps([objects, a.to_json(), b.to_json(), which])
    command = [sys.executable, "-m", __spec__.name, request]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(ended.stdout)


def _measure_memory(objects: str, a: ArrayEntry, b: ArrayEntry, which: str) -> float:
    """Return by how many megabytes a comparison raises this process's peak resident memory."""
    # Lazily loaded libraries (BLAS, the first ufuncs) do not count.
    plain_numpy(*np.random.default_rng(0).standard_normal((2, 4, _WIDTH), dtype=np.float32))
    # The kernel's high-water mark, reset first: 5 is the documented way, see proc_pid_clear_refs(5).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _highest_resident()
    if which == "ours":
        compare_arrays(a, b, _reader(objects), DEFAULTS["float32"])
    else:
        plain_numpy(*_whole(objects, a, b))
    return (_highest_resident() - before) / 1e6


def _highest_resident() -> int:
    """Return the peak resident memory so far in bytes, of anonymous and file pages."""
    (line,) = (
        text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM")
    )
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asked = json.loads(sys.argv[1])
        entry = TypeAdapter(ArrayEntry).validate_python
        pair = entry(asked[1]), entry(asked[2])
        print(_measure_memory(asked[0], *pair, asked[3]))  # noqa: T201 - the answer to the parent
    else:
        main()
