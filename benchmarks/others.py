"""The same recorded outputs, compared by this tool, NVIDIA Polygraphy's comparator and NumPy's allclose.

Each measurement is a separate process (Linux), which has imported everything and compared something small
before. Memory is that of the first comparison, including file pages of memory maps; time is the best of that
one and several more. All sides read the same files from the system's cache.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from savedmodel_matrix.domain.divergence import Tolerance
from savedmodel_matrix.probe.arrays import read_array, write_array
from savedmodel_matrix.store.results import Results
from savedmodel_matrix.verdicts.compare.classes import classes, representative_pairs
from savedmodel_matrix.verdicts.compare.pairs import compare_recordings
from tabulate import tabulate

from benchmarks.bare import read_bare
from benchmarks.cost import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.recording import RecordedOutputs
    from savedmodel_matrix.verdicts.compare.elements import Array

Row = dict[str, str | float | None]

#: Polygraphy's defaults.
#: https://docs.nvidia.com/deeplearning/tensorrt/polygraphy/docs/comparator/compare_func.html
_TOLERANCE = Tolerance(rtol=1e-5, atol=1e-5)
_WIDTH = 1000  # last dimension of every output
_REPEATS = 3
_ENOUGH_S = 10.0  # nothing is repeated after this time
_OUTPUT = "output_0"
SIDES = ("ours", "Polygraphy", "allclose")


@dataclass(frozen=True)
class Scenario:
    """Recordings of one case: cells with one float32 output each, with ``contents`` different ones.

    ``target`` is how many times faster than Polygraphy the comparison should be; None for no target.
    """

    title: str
    cells: int
    contents: int
    megabytes: int
    target: int | None = None


SCENARIOS = (
    Scenario("a pair that differs, 100 MB", cells=2, contents=2, megabytes=100, target=10),
    Scenario("a pair that is identical, 100 MB", cells=2, contents=1, megabytes=100, target=100),
    Scenario("24 cells in 3 classes, 20 MB", cells=24, contents=3, megabytes=20),
)
_SMALL = Scenario("small", cells=2, contents=2, megabytes=1)


@dataclass(frozen=True)
class Measured:
    """The result of one side: seconds, additional megabytes of memory, and which cells passed."""

    seconds: float
    memory_mb: float
    passed: list[bool]


def main(scenarios: tuple[Scenario, ...] = SCENARIOS) -> list[Row]:
    """Print the table, and return its rows.

    Raises:
        BenchError: if Polygraphy is not installed, or the sides do not agree on which cells pass.
    """
    version = _polygraphy_version()
    rows: list[Row] = []
    for scenario in scenarios:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            hashing = write_recordings(folder / "measured", scenario)
            write_recordings(folder / "small", _SMALL)
            rows += table(scenario, {side: _in_fresh_process(folder, side) for side in SIDES}, hashing)
    print(_ABOUT.format(version=version, numpy=np.__version__))  # noqa: T201 - a benchmark is what it prints
    print("\n" + tabulate(rows, headers="keys", floatfmt=".3g"))  # noqa: T201
    return rows


_ABOUT = """\
Ours works as on a real store: it reads the recordings, groups cells by the SHA-256 of their outputs, and
compares one member of every two classes, in blocks from memory maps. Comparing identical outputs means
comparing hashes. The outputs were hashed when they were recorded; the time for all cells has its own
column, and "hashing too" is how many times faster ours is including it. Polygraphy {version}:
Comparator.compare_accuracy with defaults, without its log. NumPy {numpy}: allclose. Both load whole arrays
and compare every cell with the first, in sequence. Ours also compares the other classes with each other,
and measures more. All with rtol = atol = 1e-5. MB is the peak resident memory of one comparison, above that
of the process with everything imported."""


def table(scenario: Scenario, measured: Mapping[str, Measured], hashing: float) -> list[Row]:
    """Return a row of each side; ``hashing`` is seconds for all outputs when they were recorded.

    Raises:
        BenchError: if the sides do not agree on which cells pass, because then they did different work.
    """
    ours = measured["ours"]
    passed = {side: taken.passed for side, taken in measured.items()}
    if any(found != ours.passed for found in passed.values()):
        raise BenchError(f"{scenario.title}: the comparators do not agree on which cells pass: {passed}")
    return [
        {
            "": scenario.title if side == "ours" else "",
            "by": side,
            "wall s": taken.seconds,
            "ours is x faster": None if side == "ours" else taken.seconds / ours.seconds,
            "hashing too": None if side == "ours" else taken.seconds / (ours.seconds + hashing),
            "target": f"{scenario.target} x" if scenario.target and side == "Polygraphy" else "",
            "MB more": taken.memory_mb,
            "hashed before, s": hashing if side == "ours" else None,
        }
        for side, taken in measured.items()
    ]


def write_recordings(folder: Path, scenario: Scenario) -> float:
    """Write a scenario's recordings and objects in the store's layout.

    The second content differs from the first by rounding and passes, further ones do not.

    Returns:
        The seconds that hashing the outputs of all cells takes: the recording probe does it once per output.
    """
    random = np.random.default_rng(0)
    shape = (scenario.megabytes * 1_000_000 // (4 * _WIDTH), _WIDTH)
    first = random.standard_normal(shape, dtype=np.float32)
    folder.mkdir()
    entries, hashing = [], 0.0
    for content in range(scenario.contents):
        # Factors of about one unit in the last place, and then of one in a thousand.
        step = np.float32(0 if content == 0 else 2**-23 if content == 1 else 1e-3 * content)
        values = first * (1 + step * random.integers(-1, 2, shape).astype(np.float32))
        entries.append(write_array(str(folder / "objects"), values, "float32"))
        payload = values.reshape(-1).view(np.uint8).data
        started = time.perf_counter()
        hashlib.sha256(payload)
        hashing += (time.perf_counter() - started) * len(range(content, scenario.cells, scenario.contents))
    (folder / "recordings").mkdir()
    for cell in range(scenario.cells):
        array = entries[cell % scenario.contents]
        output = {"batch": 0, "name": _OUTPUT, "component": None, "array": array}
        text = json.dumps({"outputs": [output]})
        (folder / "recordings" / f"{cell:03}.json").write_text(text, encoding="utf-8")
    return hashing


def compare_ours(folder: Path) -> list[bool]:
    """Return which cells pass against the first, in the same way as the report."""
    found = _recordings(folder)
    baseline = next(iter(found))
    groups = classes(found)
    verdicts = dict.fromkeys(next(group for group in groups if baseline in group), True)

    for a, b in representative_pairs(groups, baseline):
        rows = compare_recordings(
            found[a],
            found[b],
            names=(a, b),
            tolerance=lambda _: _TOLERANCE,
            read=Results(folder).array,
            cache={},
        )
        if b == baseline:
            passed = not any(measured.divergence.beyond for measured in rows)
            verdicts |= dict.fromkeys(next(group for group in groups if a in group), passed)
    return [verdicts[cell] for cell in found]


def compare_allclose(folder: Path) -> list[bool]:
    """Return which cells pass against the first, by NumPy."""
    first, *others = _arrays(folder)
    reference = _load(folder, first)
    return [
        True,
        *(bool(np.allclose(_load(folder, other), reference, **asdict(_TOLERANCE))) for other in others),
    ]


def compare_polygraphy(folder: Path) -> list[bool]:
    """Return which cells pass against the first, by Polygraphy."""
    # Imported by name: it is installed only for this, and has no types.
    comparator: Any = importlib.import_module("polygraphy.comparator")
    logger: Any = importlib.import_module("polygraphy.logger").G_LOGGER
    first, *others = _arrays(folder)

    def result(entry: ArrayEntry) -> Any:  # noqa: ANN401 - Polygraphy's own
        return [comparator.IterationResult({_OUTPUT: _load(folder, entry)}, runtime=0.0)]

    reference = result(first)
    found = [True]
    with logger.verbosity(logger.CRITICAL):
        for other in others:
            pair = comparator.RunResults([("cell", result(other)), ("first", reference)])
            found.append(bool(comparator.Comparator.compare_accuracy(pair)))
    return found


COMPARE = dict(zip(SIDES, (compare_ours, compare_polygraphy, compare_allclose), strict=True))


def _recordings(folder: Path) -> dict[str, RecordedOutputs]:
    return {path.name: read_bare(path) for path in sorted((folder / "recordings").iterdir())}


def _arrays(folder: Path) -> list[ArrayEntry]:
    return [recording.outputs[0].array for recording in _recordings(folder).values()]


def _load(folder: Path, entry: ArrayEntry) -> Array:
    array: Array = read_array(str(folder / "objects"), entry.to_json())
    return array


def _polygraphy_version() -> str:
    if importlib.util.find_spec("polygraphy") is None:
        raise BenchError(
            "compare: Polygraphy is not installed here. `nox -s bench -- compare` installs it, and so does "
            "`uv pip install --group bench` in the project's folder."
        )
    return str(importlib.import_module("polygraphy").__version__)


def _in_fresh_process(folder: Path, side: str) -> Measured:
    command = [sys.executable, "-m", __spec__.name, str(folder), side]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise BenchError(f"compare, {side}: exit status {ended.returncode}\n{ended.stderr[-4000:]}")
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))


def _measure(folder: Path, side: str) -> Measured:
    """Measure one side in this process."""
    compare = COMPARE[side]
    compare(folder / "small")  # lazily loaded libraries do not count
    # The kernel's high-water mark, reset first: 5 is the documented way, see proc_pid_clear_refs(5).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _highest_resident()
    taken: list[float] = []
    passed: list[bool] = []
    more = 0.0
    for repeat in range(_REPEATS):
        if sum(taken) > _ENOUGH_S:
            break
        started = time.perf_counter()
        passed = compare(folder / "measured")
        taken.append(time.perf_counter() - started)
        if repeat == 0:
            more = (_highest_resident() - before) / 1e6
    return Measured(min(taken), more, passed)


def _highest_resident() -> int:
    """Return the peak resident memory so far in bytes, of anonymous and file pages."""
    (line,) = (
        text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM")
    )
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Path(sys.argv[1]), sys.argv[2]))))  # noqa: T201 - for the parent
