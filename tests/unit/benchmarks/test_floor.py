import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import floor


class Output:
    def __init__(self, value):
        self._value = value

    def numpy(self):
        return self._value


@pytest.fixture
def calls(monkeypatch):
    """What a stand-in for TensorFlow was asked: (model, tags), or (signature, inputs)."""
    found = []

    def load(model, tags):
        found.append((model, tags))
        if model == "broken":
            raise ValueError("cannot be loaded")

        def predict(**inputs):
            found.append(("predict", {name: value.tolist() for name, value in inputs.items()}))
            return {"y": Output(0)}

        return SimpleNamespace(signatures={"predict": predict})

    tensorflow = SimpleNamespace(saved_model=SimpleNamespace(load=load), constant=np.asarray)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    return found


def _request(tmp_path, *models):
    for number in (1, 2):
        np.save(tmp_path / f"{number}.npy", np.full(2, number))
    batches = [{"x": str(tmp_path / f"{number}.npy")} for number in (1, 2)]
    path = tmp_path / "request.json"
    cases = [
        {"model": model, "tags": ["serve"], "signature": "predict", "runs": 2, "batches": batches}
        for model in models
    ]
    path.write_text(json.dumps(cases))
    return str(path)


def test_every_batch_of_a_model_runs_as_often_as_asked(tmp_path, calls):
    assert floor.main(_request(tmp_path, "cnn")) == 1
    batches = [("predict", {"x": [1, 1]}), ("predict", {"x": [2, 2]})]
    assert calls == [("cnn", ["serve"]), *batches, *batches]


def test_a_model_that_fails_is_passed_over_and_not_counted(tmp_path, calls, capsys):
    assert floor.main(_request(tmp_path, "broken", "cnn")) == 1
    assert [call[0] for call in calls].count("predict") == 4
    assert capsys.readouterr().err == "broken: ValueError: cannot be loaded\n"
