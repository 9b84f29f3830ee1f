"""The check ``leak`` on known cases: a loader that leaks 1 MiB per load, and the same model without it.

Ten of each per release, in turn and each in a separate process, while other processes keep the CPU busy and
allocate and free memory.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import RECIPES, Check, CheckVerdict, LeakPart
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.environments.host import usable_cpus
from savedmodel_matrix.environments.launch import Launch, run_probe
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.planning.ready import make_ready
from savedmodel_matrix.store.atomic import read_stored
from savedmodel_matrix.verdicts.compare.growth import settled_slope
from savedmodel_matrix.verdicts.judge.growth import judge_leak
from tabulate import tabulate

from benchmarks.cost import BenchError
from benchmarks.scratch import scratch_project
from benchmarks.warm import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.probe_request import CaseRequest

    from benchmarks.scratch import Scratch

_CASE = "custom_layer"
_REPEATS = 10
_LOADER = Path(__file__).parent / "planted" / "leaking_loader.py"
_TIME_LIMIT_S = 600.0
#: The noise: a process that computes, and allocates and frees up to 128 MiB at a time.
_NOISE = """
import random
while True:
    blocks = [bytearray(random.randrange(1, 1 << 23)) for _ in range(32)]
    sum(i * i for i in range(200000))
"""

_ABOUT = """\
{loads} loads of the example model {case} each, without the first third. Slopes are medians (Theil-Sen) with
99 % intervals. A leak is a slope whose whole interval is above the check's limit. Meanwhile, {noise} other
processes compute, and allocate and free memory."""


def main(source: Path, environments: str) -> None:
    """Print, per release, how many of the planted leaks and of the clean models were called leaks."""
    with scratch_project(source, environments) as scratch:
        # Makes the environments and one recording in each.
        asked = ("--only", environments, "--case", _CASE, "--no-fixes")
        scratch.nox("-s", "matrix", "--", *asked, expected=DONE)
        with _noise():
            rows = [row for environment in scratch.environments for row in _measure(scratch, environment)]
        loads = RECIPES[Check.LEAK].parameters
        print(_ABOUT.format(case=_CASE, noise=usable_cpus(), loads=loads["loads"]))  # noqa: T201
        print("\n" + tabulate(rows, headers="keys"))  # noqa: T201 - a benchmark is what it prints


@contextlib.contextmanager
def _noise() -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", _NOISE]) for _ in range(usable_cpus())]
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()


def _measure(scratch: Scratch, environment: Environment) -> list[dict[str, Any]]:
    kinds: Mapping[str, Sequence[Path]] = {"clean": (), "1 MiB per load": (_LOADER,)}
    requests = {
        f"{environment.id}-{kind}-{number}": _request(scratch, f"{environment.id}-{number}-{len(code)}", code)
        for number in range(_REPEATS)
        for kind, code in kinds.items()
    }
    launch = Launch(
        scratch.python(environment), scratch.project.results.objects, {}, [*requests.values()], ()
    )
    run_probe(launch, lambda _: None, lambda *_: None)
    rows = []
    for kind in kinds:
        parts = [_part(Path(request.result)) for name, request in requests.items() if f"-{kind}-" in name]
        verdicts = [judge_leak(part).verdict for part in parts]
        slopes = [slope for part in parts if (slope := settled_slope(part.loads)) is not None]
        rows.append(
            {
                "environment": environment.id,
                "model": kind,
                "called a leak": f"{verdicts.count(CheckVerdict.FAILS)} of {len(parts)}",
                "passes": f"{verdicts.count(CheckVerdict.PASSES)} of {len(parts)}",
                "KiB per load, least to most": _range([slope.per_step for slope in slopes]),
                "widest interval": f"{max(slope.high - slope.low for slope in slopes) / 1024:.0f} KiB",
            }
        )
    return rows


def _range(values: Sequence[float]) -> str:
    return f"{min(values) / 1024:.0f} to {max(values) / 1024:.0f}"


def _part(path: Path) -> LeakPart:
    recording = read_stored(path, Recording)
    if recording is None:
        raise BenchError(f"{path.name} is missing or damaged")
    if not recording.is_recorded:
        raise BenchError(f"{recording.key}: {recording.outcome}: {recording.reason}")
    return LeakPart.model_validate(recording.measured)


def _request(scratch: Scratch, key: str, modules: Sequence[Path]) -> CaseRequest:
    """Return the check of the benchmark's case, with its own result."""
    definition = scratch.plan.cases[_CASE]
    ready = make_ready(scratch.project, definition)
    limits = Limits(_TIME_LIMIT_S, None)
    job = Job(CellId(scratch.plan.baseline.environment, "default"), _CASE, limits, "check", Check.LEAK.value)
    site = Site(scratch.project, scratch.plan, Installed(lock="", interpreter=""), ready)
    asked = CheckMeasurement().ask(site, job, key)
    return asked.model_copy(
        update={
            "result": str(scratch.root / "leaks" / f"{key}.json"),
            "modules": tuple(str(path) for path in modules),
            "after": None,
        }
    )
