"""A run with existing environments and without recordings, compared with the bare floor."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from savedmodel_matrix.environments.host import usable_cpus

from benchmarks.cost import BenchError, Cost, measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.environment import Environment

    from benchmarks.scratch import Scratch

#: Exit statuses of a completed run, whatever its result: as expected, divergence, cells that could not run
#: (the default matrix includes a release that cannot load a model).
DONE = (0, 1, 4)
FLOOR = Path(__file__).parent / "floor.py"
SHARE = 1.05
PER_ENVIRONMENT_S = 0.5

Row = dict[str, str | int | float]


@dataclass(frozen=True)
class Warm:
    """The cost of the same cells and cases: ``floor`` and ``ours`` in total; CPU seconds by environment."""

    floor: Cost
    ours: Cost
    floor_cpu: Mapping[str, float]
    ours_cpu: Mapping[str, float]


def measure_warm(scratch: Scratch, only: str, repeats: int) -> Warm:
    """Measure both several times in turn and return, for each, the one with the least CPU time.

    Raises:
        BenchError: if a command fails, or the two did not run the same cases.
    """
    fresh = ("-s", "matrix", "--", "--fresh", "--no-fixes", "--only", only)
    scratch.nox(*fresh, expected=DONE)  # makes the environments and compiles their modules
    floors, ours = [], []
    for _ in range(repeats):
        floors.append(_measure_floor(scratch))
        cost = scratch.nox(*fresh, expected=DONE)
        ours.append((cost, scratch.cpu_of_sessions()))
    floor, floor_cpu = min(floors, key=lambda found: found[0].cpu_s)
    our, our_cpu = min(ours, key=lambda found: found[0].cpu_s)
    return Warm(floor, our, floor_cpu, our_cpu)


def _measure_floor(scratch: Scratch) -> tuple[Cost, dict[str, float]]:
    """Run the floor once per environment and setting, with the same parallelism as the harness."""
    request = scratch.root / "floor.json"
    request.write_text(json.dumps(list(scratch.requests().values())), encoding="utf-8")

    def one(cell: tuple[Environment, str]) -> tuple[Cost, int]:
        environment, setting = cell
        log = scratch.root / f"floor-{environment.id}-{setting}.log"
        # -s like the harness: packages in the user's home are not part of the environment.
        command = [str(scratch.python(environment)), "-s", str(FLOOR), str(request)]
        cost = measured(command, folder=scratch.root, log=log, variables=scratch.variables(setting))
        return cost, cases_ran(log.read_text(encoding="utf-8", errors="replace"))

    cells = [
        (environment, setting) for environment in scratch.environments for setting in scratch.plan.settings
    ]
    started = time.perf_counter()
    with ThreadPoolExecutor(min(usable_cpus(), len(scratch.environments))) as pool:
        found = list(pool.map(one, cells))
    wall = time.perf_counter() - started
    cpu: defaultdict[str, float] = defaultdict(float)
    ran: Counter[str] = Counter()
    for (environment, _), (cost, number) in zip(cells, found, strict=True):
        cpu[environment.id] += cost.cpu_s
        ran[environment.id] += number
    if ran != scratch.recorded():
        raise BenchError(f"the floor ran {dict(ran)} cases, the harness recorded {dict(scratch.recorded())}")
    return Cost(sum(cpu.values()), wall), dict(cpu)


def cases_ran(output: str) -> int:
    """Return the last number that ``floor.py`` printed, among TensorFlow's own output."""
    said = re.findall(r"^ran (\d+)$", output, re.MULTILINE)
    if not said:
        raise BenchError(f"the floor did not say how many cases ran: {output[-500:]}")
    return int(said[-1])


def rows(warm: Warm) -> list[Row]:
    """Return one row per environment and one for all: CPU seconds of both, and the allowance."""
    each = [_row(name, warm.floor_cpu[name], warm.ours_cpu[name], environments=1) for name in warm.floor_cpu]
    # The total is more than its parts: it includes nox itself and the final comparison.
    return [
        *each,
        _row("all, with nox and report", warm.floor.cpu_s, warm.ours.cpu_s, environments=len(each)),
    ]


def _row(name: str, floor: float, ours: float, environments: int) -> Row:
    allowed = SHARE * floor + PER_ENVIRONMENT_S * environments
    return {
        "environment": name,
        "floor, CPU s": floor,
        "ours, CPU s": ours,
        "ours beyond, s": ours - floor,
        "allowance, CPU s": allowed,
        "ours / floor": ours / floor,
        "ours / allowance": ours / allowed,
    }


def measure_unchanged(scratch: Scratch, only: str, repeats: int = 5) -> tuple[float, float]:
    """Return the median wall seconds of ``nox -l`` and of a run in which nothing changed."""
    listed, unchanged = [], []
    run = ("-s", "matrix", "--", "--no-fixes", "--only", only)
    scratch.nox(*run, expected=DONE)
    for _ in range(repeats):
        listed.append(scratch.nox("-l").wall_s)
        unchanged.append(scratch.nox(*run, expected=DONE).wall_s)
    return median(listed), median(unchanged)
