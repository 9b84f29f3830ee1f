"""Files that change while they are in use: what was made from them is not taken for what they are now."""

from __future__ import annotations

import json

import numpy as np
import pytest
from project import matrix_text

KIND = "changes in a run"
INCOMPLETE = 4
OLD, NEW = "tf2.15.1-py3.11-cpu", "tf2.21.0-py3.13-cpu"
CASE = """
[settings.default]

[cases.staged]
path = "examples/models/custom_layer"
inputs = [{ npz = "in.npz" }]
preprocess = { call = "stage.py:prepare", reads = ["scale.txt"] }
"""
#: A stage that replaces a file of the project by another, once, as a person would who goes on working.
STAGE = """
import pathlib

root = pathlib.Path(__file__).parent
target, other = root / {target!r}, root / "other"
if target.read_bytes() != other.read_bytes():
    target.write_bytes(other.read_bytes())


def prepare(inputs):
    return {{"pixels": inputs["pixels"] * float((root / "scale.txt").read_text())}}
"""
#: Relative to the project: what changes, and whether what was made from it is refused and not filed.
TARGETS = {
    "its inputs": ("in.npz", False),
    "a stage": ("stage.py", True),
    "a file that a stage reads": ("scale.txt", True),
    "the definition": ("matrices/default.toml", False),
    "the lock": (f"matrices/locks/linux-x86_64/{NEW}.txt", False),
}


def _write(project, target):
    """Write the project; return what ``target`` is replaced by."""
    for name, factor in (("in.npz", 1.0), ("other.npz", 2.0)):
        np.savez(project.root / name, pixels=np.full((2, 64), factor, np.float32))
    (project.root / "scale.txt").write_text("0.5")
    (project.root / "stage.py").write_text(STAGE.format(target=target))
    project.matrix(matrix_text("2.15", "2.21", rest=CASE))
    lock = project.root / TARGETS["the lock"][0]
    return {
        "in.npz": (project.root / "other.npz").read_bytes(),
        "stage.py": STAGE.format(target="other").replace("* float", "* 3 * float").encode(),
        "scale.txt": b"0.25",
        "matrices/default.toml": matrix_text("2.15", rest=CASE).encode(),
        TARGETS["the lock"][0]: lock.read_bytes().replace(b"--hash", b"--hsah"),
    }[target]


def _outputs(project):
    """Return {(environment, case): hashes of the outputs} of what the newest run found."""
    newest = json.loads(max((project.results / "runs").glob("*-default.json")).read_text())
    found = {}
    for cell in newest["cells"]:
        key = cell["recording"]
        path = project.results / f"recordings/{str(key)[:2]}/{key}.json"
        outputs = json.loads(path.read_text())["outputs"] if key else None
        found[cell["environment"]] = (cell["outcome"], outputs and [each["array"] for each in outputs])
    return found


@pytest.mark.whole
@pytest.mark.fault(KIND, "one of these is replaced", "the next run knows; as if it had been so before")
@pytest.mark.parametrize("what", TARGETS)
def test_replaced(recorded, faulty_new, tmp_path, seen, what):
    target, refused = TARGETS[what]
    other = _write(faulty_new, target)
    (faulty_new.root / "other").write_bytes(other)
    arguments = ("-s", "matrix", "--", "--jobs", "1", "--no-fixes")
    during = faulty_new.nox(*arguments)
    is_replaced = (faulty_new.root / target).read_bytes() == other
    assert is_replaced  # not compared here: to show where long files differ takes minutes
    logs = [path.read_text() for path in (faulty_new.results / "logs").rglob("*.log")]
    assert any("changed since the run began" in text for text in logs) is refused
    after = faulty_new.nox(*arguments)
    found = _outputs(faulty_new)

    clean = type(faulty_new)(tmp_path / "clean", faulty_new.environments).create()
    (clean.root / "other").write_bytes(_write(clean, target))
    (clean.root / target).write_bytes(other)
    assert clean.nox(*arguments).status == after.status
    assert found == _outputs(clean)
    seen(f"status {during.status}, then {after.status}")
