"""Runs one matrix whose cases have a planted fault in their stages, and reads what the report names."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.cost import BenchError, measured, plain_environment
from benchmarks.warm import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.preprocessing.staged.catalogue import Planted

_HERE = Path(__file__).parent
_NOXFILE = "from savedmodel_matrix import register\n\nregister(__file__)\n"
_DEFINITION = """\
baseline = "tf2.15.1-*"
noise_floor = { replicates = 0 }

[[environments]]
tensorflow = "2.15.1"
requirements = [["pillow", "opencv-python-headless", "imageio", "tzdata"]]
"""
_CASE = """
[cases.{name}]
path = "model"
inputs = [{input}]
train = "stages.py:{train}"
serve = "stages.py:{serve}"
"""


def run(root: Path, python: Path, stages: list[Planted]) -> Iterator[tuple[Planted, list[str], bool]]:
    """Make a project in ``root``, run it, and yield for each of these faults the ids of its diagnoses.

    The last value is whether the report has a difference that it does not explain. ``python`` has
    TensorFlow, and saves the model.

    Raises:
        BenchError: if the model cannot be made, or the matrix does not end.
    """
    (root / "matrices").mkdir(parents=True)
    (root / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")
    shutil.copy(_HERE / "code/stages.py", root)
    _inputs(root)
    done = subprocess.run(
        [str(python), str(_HERE / "code/make_model.py"), str(root / "model")],
        capture_output=True,
        text=True,
        check=False,
        env={**plain_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        raise BenchError(f"preprocessing: the model cannot be made:\n{done.stderr[-4000:]}")
    (root / "matrices/staged.toml").write_text(_definition(stages), encoding="utf-8")
    started = time.monotonic()
    measured(
        [sys.executable, "-m", "nox", "-s", "matrix-staged", "--", "--no-fixes"],
        folder=root,
        log=root / "nox.log",
        variables=plain_environment(os.environ),
        expected=DONE,
    )
    print(f"{len(stages)} stages, {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201
    rows = json.loads((root / "results/latest/report.json").read_text(encoding="utf-8"))["skews"]
    for each in stages:
        found = next((row for row in rows if row["case"] == each.name), None)
        if found is None:
            raise BenchError(
                f"preprocessing: {each.name} did not run: {(root / 'nox.log').read_text()[-4000:]}"
            )
        ids = [row["id"] for row in found["diagnoses"] if not row["harmless"]]
        yield each, ids, bool(found["unexplained"])


def _definition(stages: list[Planted]) -> str:
    blocks = [_DEFINITION]
    for each in stages:
        source = (
            '{ files = "photos_*.jpg", input = "photo" }'
            if each.input == "photos"
            else f'{{ npz = "{each.input}.npz" }}'
        )
        blocks.append(_CASE.format(name=each.name, input=source, train=each.train, serve=each.serve))
    return "".join(blocks)


def _inputs(root: Path) -> None:
    """Write the inputs: a table, texts, readings with gaps, user agents, times and photos of noise."""
    random = np.random.default_rng(55)
    words = ["ash", "birch", "cedar", "elm", "fir", "oak", "pine", "yew"]
    np.savez(root / "table.npz", table=random.gamma(3, 40, (48, 5)))
    lines = [" ".join(random.choice(words, random.integers(3, 9))) for _ in range(40)]
    np.savez(root / "forest.npz", text=np.array(lines))
    readings = random.normal(20, 5, (60, 4))
    readings[random.random(readings.shape) < 0.2] = np.nan
    np.savez(root / "readings.npz", readings=readings)
    agents = [
        f"{random.choice(['cat', 'dog', 'emu'])}/{random.integers(9)}.{random.integers(9)}" for _ in range(50)
    ]
    np.savez(root / "agents.npz", agent=np.array(agents))
    np.savez(root / "epochs.npz", epoch=np.sort(random.integers(1_577_836_800, 1_609_459_200, 70)))
    for number in range(3):
        # Smooth blobs in strong colours, whose colour planes JPEG keeps at half the size.
        coarse = random.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize((256, 192), Image.Resampling.BICUBIC)
        written = io.BytesIO()
        image.save(written, "JPEG", quality=80)
        (root / f"photos_{number}.jpg").write_bytes(written.getvalue())
