"""A request to the probe, made step by step, and its results: what a test of the probe is written with."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from project import REPOSITORY
from savedmodel_matrix.domain.probe_request import CaseRequest, Measure, ProbeRequest, SettingRequest
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.probe.arrays import read_array, write_array
from savedmodel_matrix.store.atomic import read_stored

PROBE = REPOSITORY / "harness/savedmodel_matrix/probe"
SETTING = SettingRequest().model_dump()
SECRET = "hunter2-hunter2"  # no one's


def floor(replicates, seed, power_seconds=0.0):
    """Return the measurement of a noise floor, with so much time for changes of weights."""
    parameters = {"replicates": replicates, "seed": seed, "power_seconds": power_seconds}
    return Measure(kind="noise_floor", parameters=parameters)


def check(name, **parameters):
    """Return the measurement of a check."""
    return Measure(kind="check", parameters={"name": name, **parameters})


def stage(file, function, *, reads=(), expects=None, name="preprocess", parts=False):
    """Return the measurement of a stage in a file."""
    parameters = {
        "name": name,
        "file": str(file),
        "module": None,
        "function": function,
        "modules": [],
        "reads": [str(path) for path in reads],
        "root": str(Path(file).parent),
        "expects": expects,
        "parts": parts,
    }
    return Measure(kind="stage", parameters=parameters)


@dataclass
class Probing:
    """A request in the making, in a folder of its own."""

    folder: Path
    models: Path
    cases: list = field(default_factory=list)
    python: Path | None = None
    tensorflow: bool = True

    def array(self, value, dtype):
        return write_array(str(self.folder / "objects"), value, dtype)

    def add(self, key, model=None, **changed):
        """Add a case; without a model it is a stage."""
        case = {
            "result": self.result(key),
            "key": key,
            "identity": {"case": key},
            "measure": Measure(kind="outputs"),
            "model": model and str(self.models / model),
            "setting": SETTING,
            "loader": model and "saved_model",
            "batches": [self.numbers([1.0, 2.0])],
            "inputs_error": None,
            "runs": 2,
            "time_limit_s": 60,
            "memory_limit_bytes": None,
        }
        self.cases.append(CaseRequest.model_validate({**case, **changed}))

    def result(self, key):
        """Return where the result of a case lies."""
        return str(self.folder / f"{key}.json")

    def numbers(self, values, name="x"):
        """Return a batch with one input of floats."""
        return [{"name": name, "component": None, "array": self.array(np.float32(values), "float32")}]

    def request(self, isolation="auto", variables=()):
        path = self.folder / "request.json"
        asked = ProbeRequest(
            objects=str(self.folder / "objects"),
            imported=str(self.folder / "imported"),
            isolation=isolation,
            tensorflow=self.tensorflow,
            scrub=((str(self.models), "MODELS"),),
            secrets=(SECRET,),
            variables=dict(variables),
            cases=tuple(self.cases),
        )
        path.write_text(json.dumps(asked.to_json()))
        return [str(self.python), "-s", str(PROBE), str(path)]

    def environ(self, **variables):
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "TMPDIR": str(temporary), **variables}

    def run(self, isolation="auto", environ=None, variables=()):
        """Run the probe to its end and return the results by key, in the words of the contract.

        Every result is held to the type that the harness reads it by.
        """
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
        assert set(self.recordings()) == {case.key for case in self.cases}
        return {case.key: json.loads(Path(case.result).read_text()) for case in self.cases}

    def recordings(self):
        """Return the results of the last run as types, by key."""
        return {case.key: read_stored(Path(case.result), Recording) for case in self.cases}

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
