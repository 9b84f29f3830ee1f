"""A request to the probe, made step by step, and its results: what a test of the probe is written with."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from project import REPOSITORY
from savedmodel_matrix.probe.arrays import read_array, write_array

PROBE = REPOSITORY / "harness/savedmodel_matrix/probe"
SETTING = {
    "device": None,
    "intra_op_threads": None,
    "inter_op_threads": None,
    "jit_compile": False,
    "grappler": True,
    "seed": None,
    "deterministic": False,
}
SECRET = "hunter2-hunter2"  # no one's


@dataclass
class Probing:
    """A request in the making, in a folder of its own."""

    folder: Path
    models: Path
    cases: list = field(default_factory=list)
    python: Path | None = None

    def array(self, value, dtype):
        return write_array(str(self.folder / "objects"), value, dtype)

    def add(self, key, model, **changed):
        x = [{"name": "x", "component": None, "array": self.array(np.float32([1.0, 2.0]), "float32")}]
        case = {
            "result": str(self.folder / f"{key}.json"),
            "key": key,
            "identity": {"case": key},
            "model": str(self.models / model),
            "loader": "saved_model",
            "tags": None,
            "signature": None,
            "function": None,
            "batches": [x],
            "inputs_error": None,
            "setting": SETTING,
            "runs": 2,
            "time_limit_s": 60,
            "memory_limit_bytes": None,
            "floor": None,
            "stage": None,
            "check": None,
            "save_to": None,
            "imports": [],
            "modules": [],
            "libraries": [],
        }
        self.cases.append({**case, **changed})

    def request(self, isolation="auto", variables=()):
        path = self.folder / "request.json"
        asked = {
            "format": 1,
            "objects": str(self.folder / "objects"),
            "imported": str(self.folder / "imported"),
            "isolation": isolation,
            "tensorflow": True,
            "scrub": [[str(self.models), "MODELS"]],
            "secrets": [SECRET],
            "variables": dict(variables),
            "cases": self.cases,
        }
        path.write_text(json.dumps(asked))
        return [str(self.python), "-s", str(PROBE), str(path)]

    def environ(self, **variables):
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "TMPDIR": str(temporary), **variables}

    def run(self, isolation="auto", environ=None, variables=()):
        """Run the probe to its end and return the results by key, in the words of the contract."""
        done = subprocess.run(
            self.request(isolation, variables),
            check=False,
            env=self.environ(**(environ or {})),
            cwd=self.folder,
            timeout=500,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert not list((self.folder / "tmp").glob("probe-*")), "working files are left"
        return {case["key"]: json.loads(Path(case["result"]).read_text()) for case in self.cases}

    def outputs(self, result):
        """Return {(name, component): (type, shape, values)} of a result."""
        return {
            (each["name"], each["component"]): (
                each["array"]["dtype"],
                each["array"]["shape"],
                read_array(str(self.folder / "objects"), each["array"]).tolist(),
            )
            for each in result["outputs"]
        }
