"""The probe alone, in real environments: every ending of a case, every kind of output, beside neighbours."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from probe_requests import PROBE, SECRET, SETTING, Probing, floor
from project import alive_in
from savedmodel_matrix.probe.arrays import read_array

OLDEST, MIDDLE = "tf2.4.4-py3.8-cpu", "tf2.15.1-py3.11-cpu"
ENVIRONMENTS = [OLDEST, "tf2.7.4-py3.9-cpu", MIDDLE, "tf2.21.0-py3.13-cpu"]


@pytest.fixture(scope="session")
def models(environment, tmp_path_factory):
    """SavedModels that try the probe, written by the oldest release, which all others can read."""
    folder = tmp_path_factory.mktemp("models")
    script = Path(__file__).with_name("probe_models.py")
    subprocess.run([environment(OLDEST), script, folder], check=True, capture_output=True, timeout=300)
    shutil.copytree(folder / "structured", folder / "corrupt")
    protobuf = folder / "corrupt/saved_model.pb"
    protobuf.write_bytes(protobuf.read_bytes()[: protobuf.stat().st_size // 2])
    shutil.copytree(folder / "structured", folder / "truncated")
    (variables,) = (folder / "truncated/variables").glob("*.data-*")
    os.truncate(variables, 0)
    return folder


@pytest.fixture
def probing(tmp_path, models, environment):
    """A request that runs in the middle release unless told otherwise."""
    return Probing(tmp_path, models, python=environment(MIDDLE))


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def release(request, models, environment, tmp_path_factory):
    """All that can happen to a case, in one run of the probe; and which environment it was."""
    probing = Probing(tmp_path_factory.mktemp("probing"), models, python=environment(request.param))
    probing.add("first", "structured", function="nested")
    probing.add("segfaults", "segfaults")
    probing.add("loops", "loops", time_limit_s=5)
    probing.add("grows", "grows", memory_limit_bytes=700 << 20)
    probing.add("corrupt", "corrupt")
    probing.add("truncated", "truncated")
    probing.add("nowhere", "nowhere")
    probing.add("no_signature", "structured", signature="score")
    probing.add("no_function", "structured", function="score")
    probing.add("no_tags", "structured", tags=["tpu"])
    probing.add("no_inputs", "structured", batches=None, inputs_error="InputsError: no file\nin detail")
    probing.add("no_inputs_corrupt", "corrupt", batches=None, inputs_error="InputsError: no file")
    probing.add("wrong_type", "structured", batches=[[_input(probing, "x", np.int64([1]), "int64")]])
    probing.add("names", "names")
    probing.add("prints", "prints")
    probing.add("bare", "structured", function="__call__", batches=[_unnamed(probing), _unnamed(probing)])
    probing.add("composite", "structured", function="composite")
    probing.add("unusual", "structured", function="unusual")
    probing.add("counts", "structured", function="counts", runs=3)
    probing.add("handle", "structured", function="handle")
    probing.add("nothing", "structured", function="nothing")
    probing.add("takes", "structured", function="takes", batches=[_composite_inputs(probing)])
    twelve = floor(12, 7)
    probing.add("floor", "structured", function="sensitive", batches=[_pair(probing)], measure=twelve)
    probing.add("no_floor", "structured", function="sensitive", batches=[_pair(probing)])
    probing.add("floor_again", "structured", function="sensitive", batches=[_pair(probing)], measure=twelve)
    probing.add("last", "structured", function="nested")
    return request.param, probing, probing.run(environ={"TRIED_SECRET": SECRET})


def _input(probing, name, value, dtype, component=None):
    return {"name": name, "component": component, "array": probing.array(value, dtype)}


def _unnamed(probing):
    return [_input(probing, "", np.float32([1.5, -3.0]), "float32")]


def _pair(probing):
    """Two inputs of two rows; 0.0015 is half-way between two integers where the model rounds."""
    values = {"x": np.float32([0.0015, 1.25]), "unused": np.float32([1, 2])}
    return [_input(probing, name, value, "float32") for name, value in values.items()]


def _composite_inputs(probing):
    return [
        _input(probing, "sparse", np.int64([[0, 0], [1, 2]]), "int64", "indices"),
        _input(probing, "sparse", np.float32([1, 2]), "float32", "values"),
        _input(probing, "sparse", np.int64([2, 3]), "int64", "dense_shape"),
        _input(probing, "ragged", np.float32([1, 2, 3]), "float32", "flat_values"),
        _input(probing, "ragged", np.int64([0, 1, 3]), "int64", "row_splits_0"),
        _input(probing, "bf16", np.uint16([0x3F80, 0x7FC1]), "bfloat16"),
    ]


#: Case by case: the outcome, and words that the reason must hold.
ENDINGS = {
    "loops": ("timed-out", ["no result within 5 s, while running batch 0"]),
    "grows": ("crashed", ["memory limit of 700 MiB exceeded (resident ", ", while running batch 0"]),
    "corrupt": ("load-failed", ["MODELS/corrupt/saved_model.pb"]),
    "truncated": ("load-failed", ["Error: "]),
    "nowhere": ("load-failed", ["MODELS/nowhere"]),
    "no_signature": ("run-failed", ["signature 'score' does not exist; the model has: serving_default"]),
    "no_function": ("run-failed", ["function 'score' does not exist; the model has: ", "composite, counts"]),
    # TensorFlow 2.7 forgets to name the tags it was asked for, so these are the words all releases say.
    "no_tags": ("load-failed", ["has one MetaGraph with tags ['serve']"]),
    "no_inputs": ("run-failed", ["inputs could not be made: InputsError: no file"]),
    "no_inputs_corrupt": ("load-failed", ["MODELS/corrupt/saved_model.pb"]),
    "wrong_type": ("run-failed", ["int64"]),
    "handle": ("run-failed", ["output 'list' is of type variant, which has no value to record"]),
    "nothing": ("run-failed", ["returned no output"]),
}


@pytest.mark.parametrize("key", ENDINGS)
def test_a_case_that_ends_badly_says_how(release, key):
    _, probing, results = release
    outcome, words = ENDINGS[key]
    result = results[key]
    assert result["outcome"] == outcome, result
    for word in words:
        assert word in result["reason"]
    assert "\n" not in result["reason"]
    assert result["outputs"] == []
    assert str(probing.models) not in json.dumps(result)
    assert str(probing.folder) not in json.dumps(result)


def test_a_segmentation_fault_is_that_case_s_alone(release):
    name, _, results = release
    result = results["segfaults"]
    if name == OLDEST:
        assert result["outcome"] == "crashed"
        assert result["reason"] == "killed by signal SIGSEGV (11), while running batch 0"
        assert "Segmentation fault" in result["log_tail"]
    else:
        assert (result["outcome"], "must be rank 0" in result["reason"]) == ("run-failed", True)


def test_neighbours_are_unharmed(release):
    _, _, results = release
    assert results["first"]["outcome"] == results["last"]["outcome"] == "recorded"
    assert results["first"]["outputs"] == results["last"]["outputs"]
    assert results["first"]["identity"] == {"case": "first"}


def test_a_failure_keeps_its_traceback_and_its_phases(release):
    _, _, results = release
    assert "<probe>/loaders/saved_model.py" in results["corrupt"]["traceback"]
    assert set(results["corrupt"]["phases"]) == {"import", "load"}
    assert set(results["last"]["phases"]) == {"import", "load", "first_run", "further_runs", "before"}
    for cost in results["last"]["phases"].values():
        assert cost["wall_s"] > 0
        assert cost["cpu_s"] >= 0
        assert 100 << 20 < cost["peak_rss_bytes"] < 2 << 30


def test_names_and_values_are_data(release):
    _, probing, results = release
    outputs = probing.outputs(results["names"])
    assert outputs["../../x", None] == ("float32", [2], [2.0, 3.0])
    assert np.isnan(outputs["nan", None][2]).all()
    assert outputs["empty", None] == ("float32", [0, 3], [])
    assert outputs["scalar", None] == ("float32", [], 3.0)
    assert not list(probing.folder.parent.parent.glob("x*"))


def test_secrets_are_masked_where_a_model_prints_them(release):
    _, _, results = release
    assert SECRET not in json.dumps(results)
    assert results["prints"]["outcome"] == "recorded"


def test_structures(release):
    _, probing, results = release
    assert probing.outputs(results["last"]) == {
        ("a/b/0", None): ("float32", [2], [1.0, 2.0]),
        ("a/b/1/0", None): ("float32", [2], [2.0, 3.0]),
        ("a/b/1/1/left", None): ("float32", [2], [3.0, 4.0]),
        ("c", None): ("string", [2], [b"p\0", b"\0"]),
    }
    assert [each["batch"] for each in results["bare"]["outputs"]] == [0, 1]
    assert probing.outputs(results["bare"]) == {("output", None): ("float32", [2], [3.0, -6.0])}
    assert probing.outputs(results["composite"]) == {
        ("bf16", None): ("bfloat16", [2], [0x3F80, 0x4000]),
        ("ragged", "flat_values"): ("float32", [2], [1.0, 2.0]),
        ("ragged", "row_splits_0"): ("int64", [4], [0, 1, 1, 2]),
        ("sparse", "indices"): ("int64", [1, 2], [[0, 1]]),
        ("sparse", "values"): ("float32", [1], [3.0]),
        ("sparse", "dense_shape"): ("int64", [2], [2, 2]),
    }
    assert probing.outputs(results["unusual"]) == {
        ("bool", None): ("bool", [2], [False, True]),
        ("complex", None): ("complex64", [2], [1 + 1j, 2 + 2j]),
        ("half", None): ("float16", [2], [1.0, 2.0]),
        ("quantized", None): ("quint8", [2], [1, 2]),
    }


def test_inputs_reach_the_model_as_they_are(release):
    _, probing, results = release
    assert probing.outputs(results["takes"]) == {
        ("bf16", None): ("bfloat16", [2], [0x3F80, 0x7FC1]),
        ("ragged", None): ("float32", [2, 2], [[1.0, 0.0], [2.0, 3.0]]),
        ("sparse", None): ("float32", [2, 3], [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]),
    }


def test_an_output_that_moves_between_runs_is_listed(release):
    _, _, results = release
    assert results["counts"]["outcome"] == "recorded"
    moved = results["counts"]["unstable"]
    assert [(each["name"], each["run"]) for each in moved] == [("moves", 2), ("moves", 3)]
    digests = [each["array"]["objects"] for each in moved]
    assert digests[0] != digests[1]
    assert results["last"]["unstable"] == []


def test_what_was_in_effect(release):
    name, probing, results = release
    effective = results["last"]["effective"]
    assert f"tf{effective['tensorflow']}-py{effective['python'].rpartition('.')[0]}-cpu" == name
    assert effective["distributions"]["numpy"] == effective["numpy"]
    assert effective["devices"] == ["CPU:0"]
    if name in ENVIRONMENTS[:2]:
        assert effective["onednn"] is False  # on by default from 2.9 on, depending on the processor
    else:
        assert effective["onednn_known_by"] == "IsMKLEnabled"
    imported = json.loads((probing.folder / "imported").read_text())
    assert imported["effective"].items() <= effective.items()
    assert imported["phases"] == {"import": results["last"]["phases"]["import"]}


SWITCHED = {
    "intra_op_threads": 1,
    "inter_op_threads": 2,
    "jit_compile": True,
    "grappler": False,
    "device": "cpu",
    "seed": 7,
    "deterministic": True,
}


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_setting_is_what_is_in_effect(probing, isolation):
    probing.add("one", "structured", function="nested", setting=SWITCHED)
    probing.add("two", "structured", function="nested")
    probing.add("three", "corrupt")
    variables = {"TF_ENABLE_ONEDNN_OPTS": "0"}
    results = probing.run(isolation, {**variables, "AWS_SECRET": SECRET}, variables)
    assert [result["outcome"] for result in results.values()] == ["recorded", "recorded", "load-failed"]
    other = results["two"]["effective"]
    assert (other["xla"], other["grappler"], other["intra_op_threads"]) == ("off", True, "default")
    effective = results["one"]["effective"]
    assert effective["variables"] == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert effective["onednn"] is False
    assert effective["xla"] == "devices and CPU"
    assert effective["grappler"] is False
    assert (effective["seed"], effective["op_determinism"]) == (7, True)
    assert (other["seed"], other["op_determinism"]) == (None, False)
    assert (effective["intra_op_threads"], effective["inter_op_threads"]) == (1, 2)
    imports = {result["phases"]["import"]["wall_s"] for result in results.values()}
    assert len(imports) == (1 if isolation == "fork" else 3), "shared where forked, each its own otherwise"


def test_forked_and_fresh_agree_to_the_bit(probing):
    probing.add("case", "structured", function="composite")
    forked = probing.run("fork")["case"]
    fresh = probing.run("process")["case"]
    assert forked["outputs"] == fresh["outputs"] != []


def test_a_device_that_is_not_there(probing):
    probing.add("case", "structured", setting={**SETTING, "device": "gpu:3"})
    result = probing.run()["case"]
    assert (result["outcome"], result["reason"]) == (
        "run-failed",
        "device 'gpu:3' does not exist here; there are 0 GPUs",
    )


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_an_import_that_fails_is_every_case_s_outcome(probing, isolation):
    (probing.folder / "path/tensorflow").mkdir(parents=True)
    (probing.folder / "path/tensorflow/__init__.py").write_text("raise ImportError('no libfoo.so\\nhere')\n")
    probing.add("one", "structured")
    probing.add("two", "structured")
    for result in probing.run(isolation, {"PYTHONPATH": str(probing.folder / "path")}).values():
        assert (result["outcome"], result["reason"]) == ("import-failed", "ImportError: no libfoo.so")
        assert "tensorflow/__init__.py" in result["traceback"]
    assert not (probing.folder / "imported").exists()


@pytest.mark.parametrize(
    ("ending", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_nothing_outlives_the_probe(probing, isolation, ending, status):
    probing.add("loops", "loops", time_limit_s=300)
    with subprocess.Popen(
        probing.request(isolation),
        env=probing.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as probe:
        child = _wait_for_text(probing.folder / "tmp", "running batch 0", probe)
        probe.send_signal(ending)
        assert probe.wait(10) == status
    psutil.wait_procs(child, timeout=10)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in child)
    assert not Path(probing.cases[0].result).exists()
    assert not alive_in(probing.folder)


def _wait_for_text(folder, text, probe):
    """Wait until the case's process says ``text``; return that process."""
    deadline = time.monotonic() + 120
    while not any(path.read_text() == text for path in folder.glob("probe-*/0/doing")):
        assert time.monotonic() < deadline
        assert probe.poll() is None
        time.sleep(0.05)
    return psutil.Process(probe.pid).children()


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1}', '{"format": 2, "cases": [{"setting": {}}]}'])
def test_a_request_that_is_wrong(probing, text):
    path = probing.folder / "request.json"
    path.write_text(text)
    command = [probing.python, PROBE, path]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("probe: invalid request: ")
    assert "Traceback" not in done.stderr


def floor_of(release, key="floor"):
    """Return a floor's outputs by name, their arrays read, and the floor."""
    _, probing, results = release
    assert (results[key]["outcome"], results[key]["reason"]) == ("recorded", None)
    floor = results[key]["measured"]
    objects = str(probing.folder / "objects")
    arrays = {
        output["name"]: {
            part: None if output[part] is None else read_array(objects, output[part])
            for part in ("std", "flipped")
        }
        for output in floor["outputs"]
    }
    return arrays, floor


def test_a_floor_leaves_the_outputs_as_they_are(release):
    _, _, results = release
    assert results["floor"]["outputs"] == results["no_floor"]["outputs"]
    assert results["no_floor"]["measured"] is None
    assert results["floor"]["unstable"] == []
    assert results["floor"]["phases"]["floor"]["wall_s"] > 0


def test_a_floor_measures_what_one_unit_in_the_last_place_does(release):
    arrays, floor = floor_of(release)
    operations = floor["moved"]["operations"]
    assert floor["moved"] == {"inputs": 4, "variables": 1, "operations": operations}
    assert operations >= 1
    std, values = arrays["y"]["std"], np.float32([0.0045, 3.75])
    # Both factors of a product are moved by -1, 0 or +1 unit: about 2**-23 of it.
    assert (std > values * 2.0**-25).all()
    assert (std < values * 2.0**-21).all()
    assert {output["replicates"] for output in floor["outputs"]} == {12}
    assert {output["lost"] for output in floor["outputs"]} == {None}


def test_a_floor_shows_what_falls_to_either_side(release):
    arrays, _ = floor_of(release)
    assert arrays["rounded"]["std"][0] > 0.1
    assert arrays["rounded"]["std"][1] == 0
    assert arrays["parity"]["std"] is None
    assert arrays["parity"]["flipped"].tolist() == [True, False]
    assert not arrays["text"]["flipped"].any()


def test_a_floor_is_the_same_each_time(release):
    _, _, results = release
    assert results["floor"]["measured"] == results["floor_again"]["measured"]


def test_an_input_that_reaches_nothing_is_named(release):
    _, floor = floor_of(release)
    assert floor["unreached"] == ["unused"]


def test_a_batch_in_two_parts_shows_what_depends_on_it(release):
    _, probing, results = release
    objects = str(probing.folder / "objects")
    split = {
        output["name"]: read_array(objects, output["array"]).tolist()
        for output in results["floor"]["measured"]["split"]
    }
    whole = {name: values for (name, _), (_, _, values) in probing.outputs(results["floor"]).items()}
    assert split["y"] == whole["y"]
    assert split["batch"] == [0.0, 0.0] != whole["batch"]
