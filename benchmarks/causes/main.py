"""Plants failures, runs their matrices, and counts right causes and verified fixes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from savedmodel_matrix.environments.backends.uv import UvBackend
from tabulate import tabulate

from benchmarks.causes.planted import GROUPS
from benchmarks.cost import BenchError, measured, plain_environment
from benchmarks.scratch import folder_of
from benchmarks.warm import DONE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from savedmodel_matrix.domain.environment import Environment

    from benchmarks.causes.planted import Group, Planted

_HERE = Path(__file__).parent
#: The run that makes the baseline's environment. Its cases have no models yet, so they are skipped.
_MADE = (*DONE, 3)
_NOXFILE = "from savedmodel_matrix import register\n\nregister(__file__)\n"
_INPUTS = {
    "texts": {"text": np.array(["Ash and  birch", "CEDAR\uff01 fir", "e\u0301lm"], dtype=object)},
    "words": {"word": np.array(["ash", "cedar", "yew"], dtype=object)},
    "same": {name: np.array([[0.5, 1.5], [2.0, -1.0]], np.float32) for name in ("points", "queries")},
}
_ABOUT = """\
Each failure is planted in a real environment: the case runs in the baseline, whose TensorFlow saves the
model, and fails in one other cell. A cause is right if it has the planted id and ranks first; unknown is a
miss, any other id is wrong. A fix counts if the matrix verified one: the case then runs, and its outputs
match the baseline's."""


@dataclass(frozen=True)
class Found:
    """What the report says about one planted failure."""

    group: Group
    planted: Planted
    ran_in_baseline: bool
    outcome: str
    causes: Sequence[str]
    """Ids, best first; empty if the cause is unknown."""
    fixes: Sequence[str]
    """The verified ones."""

    @property
    def right(self) -> bool:
        """Whether the best cause is the planted one."""
        return self.causes[:1] == [self.planted.cause]

    @property
    def wrong(self) -> bool:
        """Whether another cause is blamed."""
        return bool(self.causes) and not self.right

    @property
    def planted_well(self) -> bool:
        """Whether the baseline ran and the other cell failed."""
        return self.ran_in_baseline and self.outcome not in {"recorded", "skipped"}


def main() -> None:
    """Print what was found for every planted failure, and the counts.

    Raises:
        BenchError: if a model cannot be made, or a matrix does not end.
    """
    with tempfile.TemporaryDirectory(prefix="causes-") as folder:
        root = _project(Path(folder).resolve())
        found = [each for group in GROUPS for each in _found(root, group)]
    print("\n" + _ABOUT)  # noqa: T201 - a benchmark is what it prints
    print("\n" + tabulate([_row(each) for each in found], headers="keys", disable_numparse=True))  # noqa: T201
    print("\n" + tabulate(counts(found), headers="keys", disable_numparse=True))  # noqa: T201


def _project(root: Path) -> Path:
    for folder in ("matrices", "models"):
        (root / folder).mkdir()
    (root / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")
    shutil.copytree(_HERE / "code", root / "code", ignore=shutil.ignore_patterns("__pycache__"))
    for name, arrays in _INPUTS.items():
        plain: dict[str, Any] = {
            key: array.astype(np.str_) if array.dtype == object else array for key, array in arrays.items()
        }
        np.savez(root / f"{name}.npz", **plain)
    return root


def _found(root: Path, group: Group) -> Iterator[Found]:
    """Run a group's matrix and yield what the report says."""
    started = time.monotonic()
    (root / f"matrices/{group.name}.toml").write_text(definition_of(group), encoding="utf-8")
    wanted = {each.made for each in group.planted}
    _matrix(root, group, "--only", group.baseline.id, "--no-fixes")
    shutil.rmtree(root / "models", ignore_errors=True)
    _write_models(root, group, wanted)
    _matrix(root, group)
    report = json.loads((root / "results/latest/report.json").read_text(encoding="utf-8"))
    for planted in group.planted:
        yield _read(report, group, planted)
    print(f"{group.name}: {len(group.planted)} planted, {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201


def cells_of(group: Group) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the baseline and the other cell, each as environment and setting."""
    settings = list(group.settings)
    return (group.baseline.id, settings[0]), (group.other.id, settings[-1])


def definition_of(group: Group) -> str:
    """Return the group's matrix, in TOML."""
    environments = dict.fromkeys((group.baseline, group.other))
    blocks = [f'baseline = "{group.baseline.id}"', *map(_block, environments)]
    blocks += [f"[settings.{name}]\n{lines}" for name, lines in group.settings.items()]
    blocks += [
        f'[[exclude]]\ncells = "{environment.id}/{name}"\nreason = "neither of the two"'
        for environment in environments
        for name in group.settings
        if (environment.id, name) not in cells_of(group)
    ]
    blocks += [
        f'[cases.{each.case}]\npath = "models/{each.made}"\ninputs = [{each.inputs}]\n{each.options}'
        for each in group.planted
    ]
    return "\n\n".join(blocks) + "\n"


def _block(environment: Environment) -> str:
    return "\n".join(
        [
            "[[environments]]",
            f'tensorflow = "{environment.tensorflow}"',
            f'python = "{environment.python}"',
            f'resolve = "{environment.resolve}"',
            f"requirements = {json.dumps([list(environment.requirements)])}",
        ]
    )


def _matrix(root: Path, group: Group, *arguments: str) -> None:
    measured(
        [sys.executable, "-m", "nox", "-s", f"matrix-{group.name}", "--", *arguments],
        folder=root,
        log=root / "nox.log",
        variables=plain_environment(os.environ),
        expected=_MADE,
    )


def _write_models(root: Path, group: Group, names: Collection[str]) -> None:
    python = UvBackend().describe(root / ".nox" / folder_of(group.baseline)).python
    done = subprocess.run(
        [str(python), str(_HERE / "models.py"), str(root / "models"), *sorted(names)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**plain_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        raise BenchError(f"causes: {group.name}: a model cannot be made:\n{done.stderr[-4000:]}")


def _read(report: dict[str, Any], group: Group, planted: Planted) -> Found:
    base, other = cells_of(group)
    outcomes = {
        (row["environment"], row["setting"]): row["outcome"]
        for row in report["cells"]
        if row["case"] == planted.case
    }

    def here(kind: str) -> list[dict[str, Any]]:
        return [
            row
            for row in report[kind]
            if (row["environment"], row["setting"], row["case"]) == (*other, planted.case)
        ]

    return Found(
        group,
        planted,
        outcomes.get(base) == "recorded",
        outcomes.get(other, "no such cell"),
        [row["cause"] for row in here("causes") if row["cause"] is not None],
        [f"{row['kind']} {row['value']}" for row in here("remedies") if row["mended"]],
    )


def _row(found: Found) -> dict[str, str]:
    planted = found.planted
    marks = ["NOT PLANTED"] if not found.planted_well else ["WRONG"] if found.wrong else []
    if not marks and not found.right:
        marks = ["UNKNOWN"]
    if planted.fix and not found.fixes:
        marks.append("NO FIX")
    return {
        "": " ".join(marks),
        "kind": found.group.kind,
        "case": planted.case,
        "outcome": found.outcome,
        "cause": planted.cause if found.right else f"{', '.join(found.causes) or '-'} (is: {planted.cause})",
        "verified": "; ".join(found.fixes) or ("" if planted.fix else "none exists"),
    }


def counts(found: Sequence[Found]) -> list[dict[str, str]]:
    """Return the totals, as the one row of a table."""
    fixable = [each for each in found if each.planted.fix]
    return [
        {
            "planted": f"{sum(each.planted_well for each in found)} of {len(found)}",
            "kinds": str(len({each.group.kind for each in found})),
            "cause right": str(sum(each.right for each in found)),
            "cause wrong": str(sum(each.wrong for each in found)),
            "unknown": str(sum(not each.causes for each in found)),
            "fix verified": f"{sum(bool(each.fixes) for each in fixable)} of {len(fixable)}",
        }
    ]
