"""The same work by hand: a parametrised noxfile, pip, and a process per model, environment and setting."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

from benchmarks.cost import Cost, measured, plain_environment
from benchmarks.warm import DONE, FLOOR

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.scratch import Scratch

#: What a user would write: nox's default backend and pip, and a separate process for every model.
_NOXFILE = """\
import json
from pathlib import Path

import nox

WORK = json.loads((Path(__file__).parent / "work.json").read_text())
ENVIRONMENTS = [nox.param(*each["parameters"], id=each["id"]) for each in WORK["environments"]]

nox.options.default_venv_backend = "virtualenv"


@nox.session
@nox.parametrize("python,lock", ENVIRONMENTS)
def predict(session, lock):
    session.install("--require-hashes", "--no-deps", "-r", lock)
    for variables in WORK["settings"]:
        for model in WORK["models"]:
            session.run("python", WORK["script"], model, env=variables)
"""

Row = dict[str, str | int | float]


def measure_hand(scratch: Scratch, only: str) -> list[Row]:
    """Measure the work by hand and with the harness, cold and warm, and return a row of each.

    Cold means without environments; the packages' files come from pip's and uv's own caches, which an
    unmeasured installation fills. Models and inputs are ready on both sides.
    """
    folder = scratch.root / "by-hand"
    _write_noxfile(scratch, folder)
    _hand(folder, "--install-only")
    shutil.rmtree(folder / ".nox")
    by_hand = {"cold": _hand(folder), "warm": _hand(folder, "--reuse-existing-virtualenvs")}
    run = ("-s", "matrix", "--", "--fresh", "--no-fixes", "--only", only)
    scratch.nox(*run, expected=DONE)
    shutil.rmtree(scratch.root / ".nox")
    ours = {state: scratch.nox(*run, expected=DONE) for state in ("cold", "warm")}
    return [row(state, by_hand[state], ours[state]) for state in by_hand]


def row(state: str, by_hand: Cost, ours: Cost) -> Row:
    """Return the cost of both, starting from one state of the environments."""
    return {
        "environments": {"cold": "none yet", "warm": "already made"}[state],
        "by hand, wall s": by_hand.wall_s,
        "ours, wall s": ours.wall_s,
        "times faster": by_hand.wall_s / ours.wall_s,
        "by hand, CPU s": by_hand.cpu_s,
        "ours, CPU s": ours.cpu_s,
        "times less CPU": by_hand.cpu_s / ours.cpu_s,
    }


def _write_noxfile(scratch: Scratch, folder: Path) -> None:
    folder.mkdir()
    requests = []
    for name, request in scratch.requests().items():
        requests.append(folder / f"{name}.json")
        requests[-1].write_text(json.dumps([request]), encoding="utf-8")
    environments = [
        {"id": each.id, "parameters": [each.python, str(scratch.project.lock_path(each))]}
        for each in scratch.environments
    ]
    work = {
        "environments": environments,
        "settings": [setting.variables for setting in scratch.plan.settings.values()],
        "models": [str(path) for path in requests],
        "script": str(FLOOR),
    }
    (folder / "work.json").write_text(json.dumps(work), encoding="utf-8")
    (folder / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")


def _hand(folder: Path, *arguments: str) -> Cost:
    return measured(
        [sys.executable, "-m", "nox", *arguments],
        folder=folder,
        log=folder / "nox.log",
        variables=plain_environment(os.environ),
    )
