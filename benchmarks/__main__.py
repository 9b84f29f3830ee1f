"""``python -m benchmarks [PART ...]``: print measurements; no ratio counts as a failure."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.environments.host import host_facts
from savedmodel_matrix.environments.interpreters import search_path
from tabulate import tabulate

from benchmarks import aggregate, hand, leak, others, scale, warm
from benchmarks.causes import main as causes
from benchmarks.cost import BenchError
from benchmarks.preprocessing import main as preprocessing
from benchmarks.scratch import scratch_project
from benchmarks.verdicts import main as verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scratch import Scratch

_PARTS = ("run", "hand", "aggregate", "scale", "compare", "verdicts", "preprocessing", "leak", "causes")
_SOURCE = Path(__file__).parent.parent
#: Two of the default matrix, an old release and the newest: by hand takes its time.
_FEW = "tf2.[29]*"
#: The oldest, the one that made the examples, the last with Keras 2, and the newest.
_SPREAD = "tf2.[4712][.15]*"

_ABOUT_RUN = """\
The floor imports TensorFlow, then loads and runs the same cases on the same inputs equally often, in one
process per environment and setting. It hashes and records nothing. Neither side measures a noise floor or
tries fixes. Both run the same number of processes in parallel. CPU time is user plus system time of all
processes, the least of {repeats} measured in turn after a warm-up. The allowance is {share:g} x the floor +
{each:g} s per environment."""

_ABOUT_HAND = """\
By hand: nox's virtualenv backend and pip, one environment per release, one process per model,
environment and setting, in sequence as nox does by default; with -R if the environments already exist.
Ours uses the defaults: uv, and environments in parallel. Both install the same hashed locks from pip's
and uv's own caches on disk, filled beforehand. Models and inputs are ready. Ours also hashes, records,
compares and reports. The target is 3 x if environments have to be made."""


def main(arguments: Sequence[str]) -> int:
    """Measure the requested parts, printing each when it is done; return an exit status."""
    asked = _parser().parse_args(arguments)
    parts = asked.parts or _PARTS
    # Both sides, including the plain noxfile, use the interpreters that the product finds.
    os.environ["PATH"] = search_path()
    facts = host_facts()
    _say(f"{facts['cpu']}, {facts['cpus']} usable CPUs; Python {platform.python_version()}.")
    _say("PYTHONDONTWRITEBYTECODE is removed from the environment of all measured processes.")
    try:
        if "run" in parts:
            _run(asked.environments or "*", asked.repeats)
        if "hand" in parts:
            _hand(asked.environments or _FEW)
        if "aggregate" in parts:
            _say("\n# aggregate: the cost of comparing\n")
            aggregate.main()
        if "scale" in parts:
            _say("\n# scale: time and memory as the matrix grows\n")
            scale.main()
        if "compare" in parts:
            _say("\n# compare: this tool versus other comparators\n")
            others.main()
        if "verdicts" in parts:
            _say("\n# verdicts: known real and benign changes\n")
            verdicts.main(_SOURCE)
        if "preprocessing" in parts:
            _say("\n# preprocessing: planted differences between training and serving\n")
            preprocessing.main(_SOURCE, asked.only)
        if "leak" in parts:
            _say("\n# leak: a loader that keeps a mebibyte per load, on a busy machine\n")
            leak.main(_SOURCE, asked.environments or _SPREAD)
        if "causes" in parts:
            _say("\n# causes: planted failures, their causes and fixes\n")
            causes.main()
    except BenchError as error:
        _say(str(error))
        return BenchError.exit_status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nox -s bench --", allow_abbrev=False)
    parser.add_argument("parts", nargs="*", type=_part, metavar="PART", help=f"of {', '.join(_PARTS)}")
    parser.add_argument(
        "--environments",
        metavar="GLOB",
        help=f"default: all for run, '{_FEW}' for hand",
    )
    parser.add_argument("--only", metavar="GLOB", default="*", help="of preprocessing, the pairs and stages")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="of run, the cheapest counts")
    return parser


def _part(text: str) -> str:
    # Not argparse's choices, because with nargs="*" it checks the empty list against them.
    if text not in _PARTS:
        raise argparse.ArgumentTypeError(f"no part {text!r}; there are {', '.join(_PARTS)}")
    return text


def _run(environments: str, repeats: int) -> None:
    with scratch_project(_SOURCE, environments) as scratch:
        found = warm.measure_warm(scratch, environments, repeats)
        listed, unchanged = warm.measure_unchanged(scratch, environments)
        _say("\n# run: environments exist, but no recordings (`nox -s matrix -- --fresh`)\n")
        _say(_cells(scratch))
        _say(_ABOUT_RUN.format(repeats=repeats, share=warm.SHARE, each=warm.PER_ENVIRONMENT_S))
        _say("\n" + tabulate(warm.rows(found), headers="keys", floatfmt=".2f"))
        _say(f"\nWall: floor {found.floor.wall_s:.1f} s, ours {found.ours.wall_s:.1f} s.")
        _say(
            f"Wall, medians: `nox -l` {listed:.2f} s, a run without changes {unchanged:.2f} s: "
            f"{unchanged / listed:.2f} x; the target is 2 x."
        )


def _hand(environments: str) -> None:
    with scratch_project(_SOURCE, environments) as scratch:
        rows = hand.measure_hand(scratch, environments)
        _say("\n# hand: this tool versus a plain noxfile\n")
        _say(_cells(scratch))
        _say(_ABOUT_HAND)
        _say("\n" + tabulate(rows, headers="keys", floatfmt=".2f"))


def _cells(scratch: Scratch) -> str:
    plan, names = scratch.plan, [environment.id for environment in scratch.environments]
    counts = f"{len(names)} environments x {len(plan.settings)} settings x {len(plan.cases)} cases"
    return textwrap.fill(f"{counts} of matrices/default.toml: {', '.join(names)}.", 110)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a benchmark is what it prints


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
