"""What the probe writes, in the oldest and the newest release, is what the harness reads it as."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from probe_requests import Probing, check, floor, stage
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import PARTS, Check
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.measurements import measurement_of
from savedmodel_matrix.probe.measurements import KINDS

OLDEST, NEWEST = "tf2.4.4-py3.8-cpu", "tf2.21.0-py3.13-cpu"
STAGE = "def doubled(inputs):\n    inputs['x'] *= 2\n    return {'x': inputs['x']}\n"
#: Small enough for a test; ``domain.check.RECIPES`` is how they are run otherwise.
CHECKS = {
    Check.REPEAT: {"runs": 3},
    Check.CONCURRENT: {"threads": 2, "calls": 2, "budget_s": 5.0, "patience_s": 5.0},
    Check.RELOAD: {"cycles": 4, "budget_s": 20.0},
    Check.LEAK: {"loads": 4, "readings": 3, "calls": 2, "budget_s": 20.0},
    Check.BATCH: {"seed": 1},
}


def job(name, variant=""):
    return Job(CellId("environment", "setting"), "case", None, name, variant)


#: Jobs of every kind that the probe knows, by the key of the recording.
JOBS = {
    "outputs": job("outputs"),
    "noise_floor": job("noise floor"),
    "stage": job("stage", "preprocess"),
    "re_export": job("re-export"),
    "outside": job("outside", "hidden"),
    "distribution": job("distribution"),
    "command": job("command", "python -V"),
    **{f"check {name}": job("check", name.value) for name in CHECKS},
}


@pytest.fixture(scope="module")
def models(environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    script = Path(__file__).with_name("probe_models.py")
    subprocess.run([environment(OLDEST), script, folder], check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module", params=[OLDEST, NEWEST])
def recorded(request, models, environment, tmp_path_factory):
    """A recording of each kind by its key, one of a failure, and one of a stage without TensorFlow."""
    folder = tmp_path_factory.mktemp("probing")
    (folder / "stages.py").write_text(STAGE)
    save = Measure(kind="re_export", parameters={"save_to": str(folder / "saved" / "model")})
    probing = Probing(folder, models, python=environment(request.param))
    probing.add("outputs", "structured")
    probing.add("noise_floor", "structured", measure=floor(8, 1))
    probing.add("re_export", "structured", measure=save)
    nothing_hidden = Measure(kind="outside", parameters={"what": "hidden", "paths": []})
    many = Measure(kind="distribution", parameters={"runs": 20, "seconds": 10.0})
    probing.add("distribution", "structured", measure=many)
    words = Measure(kind="command", parameters={"words": ["python", "-V"], "root": str(folder)})
    probing.add("command", "structured", measure=words)
    probing.add("outside", "structured", measure=nothing_hidden)
    for name, parameters in CHECKS.items():
        probing.add(f"check {name}", "structured", measure=check(name.value, **parameters))
    probing.add("failed", "nowhere")
    probing.add("stage", measure=stage(folder / "stages.py", "doubled"))
    probing.run()
    found = probing.recordings()
    probing.cases, probing.tensorflow = [], False
    probing.add("beside", measure=stage(folder / "stages.py", "doubled"))
    probing.run()
    return {**found, **probing.recordings()}


def test_every_kind_is_tried():
    assert {key.split()[0] for key in JOBS} == set(KINDS)
    assert set(CHECKS) == set(PARTS)


@pytest.mark.parametrize("key", JOBS)
def test_every_kind_is_read_as_its_type(recorded, key):
    recording = recorded[key]
    assert (recording.outcome, recording.reason) == ("recorded", None)
    part = measurement_of(JOBS[key]).read(recording, JOBS[key])
    if key in ("outputs", "re_export", "outside"):
        assert part is recording.measured is None
    else:
        # And the type has no field that the probe never writes.
        assert part.model_fields_set == set(type(part).model_fields)


def test_what_was_in_effect_is_reported_whole(recorded):
    effective = recorded["outputs"].effective
    assert effective.model_fields_set == set(Effective.model_fields)
    assert effective.initialisation is None, "the loader of objects has nothing to tell"
    assert effective.keras.major in (2, 3)


def test_without_tensorflow_the_interpreter_is_reported(recorded):
    of_interpreter = recorded["beside"].effective
    assert recorded["beside"].is_recorded
    assert of_interpreter.python
    assert of_interpreter.distributions["numpy"]
    assert of_interpreter.tensorflow is None
    assert of_interpreter.model_fields_set < recorded["stage"].effective.model_fields_set


def test_a_failure_is_read_as_well(recorded):
    failed = recorded["failed"]
    assert (failed.outcome, failed.outputs, failed.measured) == ("load-failed", (), None)
    assert failed.traceback


def test_what_is_read_is_written_the_same(recorded):
    for recording in recorded.values():
        text = recording.model_dump_json(by_alias=True)
        assert Recording.model_validate_json(text) == recording
        assert Recording.model_validate_json(text).model_dump_json(by_alias=True) == text


def test_every_array_that_a_recording_names_is_found_in_it(recorded):
    assert len(list(recorded["outputs"].arrays())) == len(recorded["outputs"].outputs)
    spreads = recorded["noise_floor"].measured["outputs"]
    assert len(list(recorded["noise_floor"].arrays())) > len(spreads) > 0
