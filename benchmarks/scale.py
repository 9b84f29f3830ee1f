"""How time and memory grow with the matrix, on projects without an environment (``synthetic.py``)."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from tabulate import tabulate

from benchmarks.cost import measured, plain_environment
from benchmarks.synthetic import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENVIRONMENTS = (25, 50, 100, 200)
_CASES = 50
_OUTPUTS = 5
_REPEATS = 3
_BAR = 50  # characters

_PEAK = Path(__file__).parent / "peak.py"
_NOX = (sys.executable, "-m", "nox")
#: What is measured, by the name that it gets in the tables.
_LIST = "nox -l"
_UNCHANGED = "a run without work"
_REPORT = "report"
_COMMANDS = {
    _LIST: (*_NOX, "-l"),
    _UNCHANGED: (*_NOX, "-s", "matrix"),
    _REPORT: (sys.executable, "-m", "savedmodel_matrix", "report"),
}

_ABOUT = """\
Each project has the stated number of environments x {cases} cases x {outputs} outputs, all recorded in
advance (benchmarks/synthetic.py). The arrays are small and in {classes} classes: this measures the harness,
not the comparison of numbers. `report` compares everything and writes every format; the newest report is
removed before. Each number is the median of {repeats} processes, measured in turn. The exponent is that of a
least-squares fit: 1 is linear growth, and a constant part lowers it."""


@dataclass(frozen=True)
class Point:
    """The median cost of one command in one project."""

    environments: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def main(environments: Sequence[int] = _ENVIRONMENTS) -> dict[str, list[Point]]:
    """Print the tables and curves; return the points by command."""
    found: dict[str, list[Point]] = {name: [] for name in _COMMANDS}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for size in environments:
            root = Path(folder) / "project"
            _made(root, size)
            for name, point in _measure(root, Path(folder), size).items():
                found[name].append(point)
            shutil.rmtree(root)
    _say(_ABOUT.format(cases=_CASES, outputs=_OUTPUTS, classes=CLASSES, repeats=_REPEATS))
    for name, points in found.items():
        _say(f"\n{name}\n")
        _say(tabulate(table(points), headers="keys", floatfmt=".2f"))
        _say(growth(points))
    return found


def table(points: Sequence[Point]) -> list[dict[str, int | float | str]]:
    """Return a row per project, with a curve of the CPU time."""
    most = max(point.cpu_s for point in points)
    return [
        {
            "environments": point.environments,
            "cells x cases": point.environments * _CASES,
            "wall s": point.wall_s,
            "CPU s": point.cpu_s,
            "peak MB": point.peak_mb,
            "CPU": "#" * round(_BAR * point.cpu_s / most),
        }
        for point in points
    ]


def growth(points: Sequence[Point]) -> str:
    """Return how time and memory grow, in one sentence."""
    sizes = [point.environments for point in points]
    each = 1000 / _CASES
    seconds = each * slope(sizes, [point.cpu_s for point in points])
    megabytes = each * slope(sizes, [point.peak_mb for point in points])
    power = slope([math.log(size) for size in sizes], [math.log(point.cpu_s) for point in points])
    return (
        f"\nCPU time grows with size^{power:.2f}. Each further 1000 cells x cases take "
        f"{seconds:.2f} s and {megabytes:.1f} MB."
    )


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of the line through points, by least squares."""
    middle, level = fmean(x), fmean(y)
    across = sum((each - middle) ** 2 for each in x)
    return sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True)) / across


def _made(root: Path, environments: int) -> None:
    """Write a project in its own process, which is gone when others are measured."""
    arguments = [str(root), *map(str, (environments, _CASES, _OUTPUTS))]
    subprocess.run([sys.executable, "-m", "benchmarks.synthetic", *arguments], check=True)


def _measure(root: Path, beside: Path, environments: int) -> dict[str, Point]:
    def one(name: str) -> dict[str, float]:
        result = beside / "cost.json"
        measured(
            [sys.executable, "-I", "-S", str(_PEAK), str(result), *_COMMANDS[name]],
            folder=root,
            log=beside / "log",
            variables=plain_environment(os.environ),
        )
        cost: dict[str, float] = json.loads(result.read_text())
        return cost

    costs: dict[str, list[dict[str, float]]] = {name: [] for name in _COMMANDS}
    for _ in range(_REPEATS):
        shutil.rmtree(root / "results" / "latest", ignore_errors=True)
        costs[_REPORT].append(one(_REPORT))
        one(_UNCHANGED)  # notes that nothing changed since the report
        costs[_UNCHANGED].append(one(_UNCHANGED))
        costs[_LIST].append(one(_LIST))
    return {
        name: Point(
            environments,
            median(cost["wall_s"] for cost in each),
            median(cost["cpu_s"] for cost in each),
            median(cost["peak_bytes"] for cost in each) / 1e6,
        )
        for name, each in costs.items()
    }


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a benchmark is what it prints
