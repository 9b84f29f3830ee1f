"""Every way to load a model, in releases that take it and releases that refuse; and a case's own code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import Probing, floor
from project import CNN, REPOSITORY, matrix_text
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.models.preflight.features import told_of
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Kind, Stage, Target
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.loaders import LOADERS
from savedmodel_matrix.verdicts.causes.match import find_causes

OLDEST, OLD = "tf2.4.4-py3.8-cpu", "tf2.7.4-py3.9-cpu"
MIDDLE, NEW = "tf2.15.1-py3.11-cpu", "tf2.21.0-py3.13-cpu"
EXAMPLES = REPOSITORY / "examples"
LAYER = str(EXAMPLES / "my_custom_layer.py")
PAIR = {"a": np.float32([[1, 2, 3]]), "b": np.float32([[10, 20, 30]])}
ROWS = {"x": np.float32([[1, 2, 3], [4, 5, 6]])}
WORDS = {
    "indices": np.int64([[0, 0], [1, 1]]),
    "values": np.array([b"one\0", "zwö".encode()], dtype=object),
    "dense_shape": np.int64([2, 2]),
}
V1 = {"x": np.float32([1, 2]), "offset": np.float32(0.5), "words": WORDS}
COMPOSITE = {
    "sparse": {  # not in the order in which TensorFlow counts them
        "dense_shape": np.int64([2, 3]),
        "values": np.float32([1, 2]),
        "indices": np.int64([[0, 0], [1, 2]]),
    },
    "ragged": {"flat_values": np.float32([1, 2, 3]), "row_splits_0": np.int64([0, 1, 3])},
}
TELLS = """
import tensorflow as tf

run = tf.compat.v1.Session.run

def tell(session, *arguments, **options):
    print("configuration:", " ".join(str(session._config).split()))
    return run(session, *arguments, **options)

tf.compat.v1.Session.run = tell
"""


def written(environment, folder, *arguments):
    """Write models into ``folder`` with an environment's own TensorFlow."""
    script = Path(__file__).with_name("loader_models.py")
    command = [environment, script, folder, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def models(environment, tmp_path_factory):
    """The examples, and models that try the loaders, written by the release the examples come from."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(EXAMPLES / "models", folder, dirs_exist_ok=True)
    written(environment(OLD), folder)
    written(environment(MIDDLE), folder, "defaults")
    return folder


@pytest.fixture
def probing(tmp_path, models, environment):
    """A request that runs in the middle release unless told otherwise."""
    return Probing(tmp_path, models, python=environment(MIDDLE))


def batch(probing, inputs):
    """Return a batch in the probe's form; a dict as a value holds the components of one input."""
    parts = [
        (name, component, array)
        for name, value in inputs.items()
        for component, array in (value.items() if isinstance(value, dict) else [(None, value)])
    ]
    return [
        {
            "name": name,
            "component": component,
            "array": probing.array(array, "string" if array.dtype == object else str(array.dtype)),
        }
        for name, component, array in parts
    ]


def example(name):
    return dict(np.load(EXAMPLES / f"inputs/{name}-1.npz"))


def add(probing, key, model, loader, inputs, **changed):
    changed.setdefault("signature", "serving_default")
    probing.add(key, model, loader=loader, batches=[batch(probing, inputs)], **changed)


def ending(result):
    return result["outcome"], result["reason"]


@pytest.fixture(scope="module")
def loaded(models, environment, tmp_path_factory):
    """{environment: (request, {key: result})} of models with loaders."""
    found = {}
    for name in (OLD, MIDDLE, NEW):
        probing = Probing(tmp_path_factory.mktemp("probing"), models, python=environment(name))
        for loader in LOADERS:
            add(probing, f"cnn {loader}", "cnn", loader, example("cnn"), measure=floor(8, 1))
            add(probing, f"custom_layer {loader}", "custom_layer", loader, example("custom_layer"))
        for loader in ("saved_model", "v1-session", "keras", "tfsm-layer"):
            add(probing, f"takes {loader}", "takes", loader, COMPOSITE)
            add(probing, f"pair {loader}", "pair", loader, PAIR)
            add(probing, f"subclassed {loader}", "subclassed", loader, {"input_1": ROWS["x"]})
        add(probing, "v1 v1-session", "v1", "v1-session", V1, tags=["serve"])
        add(probing, "untraced keras", "untraced", "keras", ROWS)
        add(probing, "untraced keras module", "untraced", "keras", ROWS, modules=[LAYER])
        found[name] = probing, probing.run()
    return found


def values(loaded, environment, key):
    """Return {(name, component): (type, shape, values)} of a result that must be there."""
    probing, results = loaded[environment]
    assert ending(results[key]) == ("recorded", None), results[key]["traceback"]
    return probing.outputs(results[key])


def test_the_loader_is_recorded_as_in_effect(loaded):
    _, results = loaded[MIDDLE]
    assert results["cnn v1-session"]["effective"]["loader"] == "v1-session"
    assert results["cnn tf-keras"]["effective"]["loader"] == "tf-keras"


REFUSALS = {
    (MIDDLE, "cnn tf-keras"): "tf-keras is not installed in this environment",
    (MIDDLE, "cnn tfsm-layer"): "Keras 2.15.0 has no TFSMLayer, which came with Keras 3",
    (OLD, "cnn tfsm-layer"): "Keras 2.7.0 has no TFSMLayer, which came with Keras 3",
    (NEW, "cnn saved_model"): "AttributeError: '_UserObject' object has no attribute 'add_slot'",
    (NEW, "cnn tfsm-layer"): "AttributeError: '_UserObject' object has no attribute 'add_slot'",
    (NEW, "cnn keras"): "ValueError: File format not supported: filepath=MODELS/cnn. Keras 3 only supports",
    (NEW, "cnn tf-keras"): "tf-keras is not installed in this environment",
}


@pytest.mark.parametrize(("where", "key"), REFUSALS)
def test_a_loader_that_refuses_says_why(loaded, where, key):
    outcome, reason = ending(loaded[where][1][key])
    assert outcome == "load-failed"
    assert reason.startswith(REFUSALS[where, key])


AGREEING = [
    (where, f"{model} {loader}")
    for where, loader, models in (
        (OLD, "v1-session", ["cnn", "custom_layer", "takes", "pair", "subclassed"]),
        (OLD, "keras", ["cnn", "custom_layer", "pair", "subclassed"]),
        (MIDDLE, "v1-session", ["cnn", "custom_layer", "takes", "pair", "subclassed"]),
        (MIDDLE, "keras", ["cnn", "custom_layer", "pair", "subclassed"]),
        (NEW, "v1-session", ["custom_layer", "takes", "pair", "subclassed"]),
        (NEW, "tfsm-layer", ["custom_layer", "subclassed"]),
    )
    for model in models
]


@pytest.mark.parametrize(("where", "key"), AGREEING)
def test_loaders_name_and_compute_the_same(loaded, where, key):
    agree(values(loaded, where, f"{key.split()[0]} saved_model"), values(loaded, where, key))


def agree(expected, found):
    assert found.keys() == expected.keys() != set()
    for name, (dtype, shape, numbers) in expected.items():
        assert found[name][:2] == (dtype, shape)
        np.testing.assert_allclose(found[name][2], numbers, rtol=1e-5, atol=1e-6)


def test_a_session_loads_what_newer_releases_else_cannot(loaded):
    agree(values(loaded, OLD, "cnn saved_model"), values(loaded, NEW, "cnn v1-session"))


@pytest.mark.parametrize("where", [OLD, MIDDLE, NEW])
def test_a_session_takes_and_gives_whatever_a_graph_of_v1_has(loaded, where):
    found = values(loaded, where, "v1 v1-session")
    assert found == {
        ("y", None): ("float32", [2], [4.5, 7.5]),
        ("again", "indices"): ("int64", [2, 2], [[0, 0], [1, 1]]),
        ("again", "values"): ("string", [2], [b"one\0", "zwö".encode()]),
        ("again", "dense_shape"): ("int64", [2], [2, 2]),
        ("text", None): ("string", [2, 2], [[b"one\0", b"\0"], [b"\0", "zwö".encode()]]),
        ("bf16", None): ("bfloat16", [2], [0x3F80, 0x4000]),
        ("variable", None): ("float32", [2], [1.0, 1.0]),
    }


@pytest.mark.parametrize("key", ["pair tfsm-layer", "takes tfsm-layer"])
def test_a_layer_takes_one_input(loaded, key):
    outcome, reason = ending(loaded[NEW][1][key])
    assert outcome == "run-failed"
    assert "positional argument" in reason


#: Models with a function that takes all inputs at once, and that function.
AT_ONCE = [("pair", "_default_save_signature"), ("total", "__call__"), ("total", "_default_save_signature")]
#: What a layer cannot call: the model, what the case calls, the cause, and when it fails.
NOT_BY_A_LAYER = {
    "several inputs": ("pair", {}, "keras-layer-one-argument", Stage.RUN),
    "training": ("modes", {"function": "__call__", "signature": None}, "keras-layer-training", Stage.RUN),
    "no endpoint": ("modes", {"function": "serve", "signature": None}, "keras-layer-endpoint", Stage.LOAD),
}


@pytest.fixture(scope="module", params=["tf2.16.2-py3.12-cpu", "tf2.18.1-py3.12-cpu", NEW])
def layers(request, models, environment, tmp_path_factory):
    """The release, the request and the results of models in TFSMLayer of the Keras that it came with."""
    probing = Probing(tmp_path_factory.mktemp("layers"), models, python=environment(request.param))
    for model in ("pair", "total"):
        add(probing, model, model, "saved_model", PAIR)
    for model, endpoint in AT_ONCE:
        add(probing, f"{model} {endpoint}", model, "tfsm-layer", PAIR, endpoint=endpoint)
    add(probing, "inference", "modes", "tfsm-layer", ROWS, endpoint="infer")
    function = next(
        each for each in read_facts(models / "total").main.functions.functions if each.name == "__call__"
    )
    trace = function.for_values({})[0]
    given = {path: PAIR[trace.names[path]] for path in trace.inputs}
    called = {"signature": None, "function": "__call__", "call": trace.call.model_dump(mode="json")}
    add(probing, "total by its call", "total", "tfsm-layer", given, **called)
    for key, (model, called, _, _) in NOT_BY_A_LAYER.items():
        add(probing, key, model, "tfsm-layer", PAIR if model == "pair" else ROWS, **called)
    return request.param[2:].partition("-")[0], probing, probing.run()


@pytest.mark.parametrize(("model", "endpoint"), AT_ONCE)
def test_a_layer_calls_a_function_that_takes_all_inputs_at_once(layers, model, endpoint):
    _, probing, results = layers
    result = results[f"{model} {endpoint}"]
    assert ending(result) == ("recorded", None), result["traceback"]
    agree(probing.outputs(results[model]), probing.outputs(result))


def test_a_layer_takes_the_inputs_of_a_call_by_their_paths(layers):
    _, probing, results = layers
    assert ending(results["total by its call"]) == ("recorded", None)
    (one,), (other,) = (probing.outputs(results[key]).values() for key in ("total", "total by its call"))
    assert one == other


def test_the_endpoint_is_called_for_the_signature(layers):
    _, probing, results = layers
    assert probing.outputs(results["inference"]) == {("y", None): ("float32", [2, 3], ROWS["x"].tolist())}


@pytest.mark.parametrize("key", NOT_BY_A_LAYER)
def test_what_a_layer_cannot_call_is_predicted_and_explained(layers, models, key):
    release, _, results = layers
    model, called, cause, stage = NOT_BY_A_LAYER[key]
    facts, result = read_facts(models / model), results[key]
    target = Target(release, loader=Loader.TFSM_LAYER, **{"signature": "serving_default", **called})
    predicted = predict(facts, target)
    assert (predicted.kind, predicted.stage) == (Kind.FAILS, stage)
    assert result["outcome"] == f"{stage}-failed"
    match, *_ = find_causes(
        Outcome(result["outcome"]),
        result["reason"],
        result["traceback"],
        result["log_tail"],
        release,
        of_model=told_of(facts, "serving_default"),
    )
    assert match.cause.id == cause, result["reason"]
    endpoint = {"pair": "_default_save_signature", "modes": "infer"}[model]
    assert ("endpoint", endpoint) in [(each.kind, each.value) for each in match.remedies]


def test_what_keras_did_not_save_is_no_model_to_it(loaded):
    assert ending(loaded[MIDDLE][1]["takes keras"]) == (
        "run-failed",
        "it was not saved by Keras, so what Keras loads of it cannot be called",
    )


def test_a_session_chooses_the_graph_for_serving_and_says_what_there_is(probing):
    add(probing, "chosen", "v1", "v1-session", V1)
    add(probing, "train", "v1", "v1-session", V1, tags=["train"])
    add(probing, "no_such", "v1", "v1-session", V1, signature="score")
    add(probing, "function", "v1", "v1-session", V1, signature=None, function="__call__")
    add(probing, "handle", "v1", "v1-session", {}, signature="handle")
    add(probing, "extra", "v1", "v1-session", {**V1, "extra": np.float32(1)})
    add(probing, "left_out", "v1", "v1-session", {"x": V1["x"], "words": WORDS})
    add(probing, "defaults", "defaults", "v1-session", {"x": V1["x"], "words": WORDS})
    for key, value in (("aliases", 0.5), ("at_odds", 2.5)):
        add(probing, key, "v1", "v1-session", {**V1, "same": np.float32(value)}, signature="aliases")
    add(probing, "names", "pair", "keras", {**PAIR, "c": PAIR["a"]})
    add(probing, "signature", "pair", "keras", PAIR, signature="score")
    results = probing.run()
    assert ending(results["chosen"]) == ("recorded", None)
    have = "does not exist; the model has: "
    assert ending(results["train"]) == ("run-failed", f"signature 'serving_default' {have}none")
    assert ending(results["no_such"]) == (
        "run-failed",
        f"signature 'score' {have}aliases, handle, serving_default",
    )
    assert ending(results["function"]) == (
        "run-failed",
        "function '__call__' cannot be called by the loader v1-session: a session only has signatures",
    )
    assert ending(results["handle"]) == (
        "run-failed",
        "output 'list' is of type variant, which has no value to record",
    )
    assert ending(results["extra"]) == (
        "run-failed",
        "the signature has no input 'extra' of that kind; it has: offset, words, x",
    )
    assert "You must feed a value for placeholder tensor 'offset'" in results["left_out"]["reason"]
    assert ending(results["defaults"]) == ("recorded", None)
    assert probing.outputs(results["defaults"])["y", None][2] == [104.0, 107.0]
    assert results["aliases"]["outputs"] == results["chosen"]["outputs"]
    assert ending(results["at_odds"]) == (
        "run-failed",
        "inputs 'offset' and 'same' are one tensor of the graph, and are given different values",
    )
    assert ending(results["names"]) == (
        "run-failed",
        "the model takes the inputs b, a; the case gives a, b, c",
    )
    assert ending(results["signature"]) == (
        "run-failed",
        "signature 'score' cannot be called by a Keras loader: it calls the model itself",
    )


@pytest.mark.parametrize("release", [OLDEST, MIDDLE])
def test_a_setting_reaches_the_session(probing, environment, release, tmp_path):
    (tmp_path / "tells.py").write_text(TELLS)
    setting = {
        "device": "cpu", "intra_op_threads": 1, "inter_op_threads": 2, "jit_compile": True, "grappler": False,
        "seed": 7, "deterministic": True,
    }  # fmt: skip
    modules = [str(tmp_path / "tells.py")]
    add(
        probing,
        "set",
        "custom_layer",
        "v1-session",
        example("custom_layer"),
        setting=setting,
        modules=modules,
    )
    add(probing, "plain", "custom_layer", "v1-session", example("custom_layer"), modules=modules)
    probing.python = environment(release)
    results = probing.run()
    said = {key: result["log_tail"].rpartition("configuration:")[2] for key, result in results.items()}
    for words in (
        "intra_op_parallelism_threads: 1",
        "inter_op_parallelism_threads: 2",
        "disable_meta_optimizer: true",
        "global_jit_level: ON_1",
        'key: "GPU" value: 0',
    ):
        assert words in said["set"]
        assert words not in said["plain"] or "GPU" in words, "that is how it is anyway"
    assert results["set"]["outputs"]


@pytest.mark.parametrize(
    ("where", "loader"), [(OLD, "v1-session"), (MIDDLE, "v1-session"), (MIDDLE, "keras")]
)
def test_a_floor_moves_the_same_numbers_through_every_loader(loaded, where, loader):
    probing, results = loaded[where]
    expected, found = results["cnn saved_model"]["measured"], results[f"cnn {loader}"]["measured"]
    assert found["moved"] == expected["moved"]
    assert found["moved"]["variables"] > 1000
    outputs = [
        output for each in (expected, found) for output in each["outputs"] if output["component"] is None
    ]
    _, output = outputs
    assert output["lost"] is None
    spreads = [np.mean(each["rms"]) for each in outputs]
    assert 0.5 < spreads[1] / spreads[0] < 2, "another order of variables, the same noise"
    assert read_array(str(probing.folder / "objects"), output["std"]).max() > 0


def test_a_floor_moves_variables_of_both_kinds_that_the_outputs_read(probing):
    add(probing, "v1", "v1", "v1-session", V1, measure=floor(8, 1))
    result = probing.run()["v1"]
    assert ending(result) == ("recorded", None)
    operations = result["measured"]["moved"]["operations"]
    assert result["measured"]["moved"] == {"inputs": 3, "variables": 4, "operations": operations}
    assert operations >= 1
    (y,) = [output for output in result["measured"]["outputs"] if output["name"] == "y"]
    assert sorted(y["rms"])[1] > 0, "not more than one of eight may have moved nothing"


def test_a_floor_moves_what_a_layer_reads(probing, environment):
    for loader in ("saved_model", "tfsm-layer"):
        add(probing, loader, "custom_layer", loader, example("custom_layer"), measure=floor(8, 1))
    probing.python = environment(NEW)
    results = probing.run()
    expected, found = results["saved_model"]["measured"], results["tfsm-layer"]["measured"]
    assert found["moved"] == expected["moved"]
    assert found["moved"]["variables"] == 650
    assert [output["rms"] for output in found["outputs"]] == [output["rms"] for output in expected["outputs"]]


def test_tf_keras_beside_keras_3(models, environment, tmp_path):
    python = environment(NEW, "tf-keras==2.21.0")
    probing = Probing(tmp_path, models, python=python)
    for key in ("saved_model", "tf-keras", "keras", "tfsm-layer"):
        add(probing, key, "cnn", key, example("cnn"))
    add(probing, "untraced", "untraced", "tf-keras", ROWS)
    results = probing.run()
    assert results["tf-keras"]["effective"]["tf_keras"] == "2.21.0"
    assert ending(results["saved_model"]) == ("recorded", None), "tf-keras need only be there"
    expected = probing.outputs(results["saved_model"])
    for key in ("tf-keras", "tfsm-layer"):
        assert ending(results[key]) == ("recorded", None)
        agree(expected, probing.outputs(results[key]))
    assert results["keras"]["reason"].startswith("ValueError: File format not supported")
    legacy = probing.run(environ={"TF_USE_LEGACY_KERAS": "1"}, variables={"TF_USE_LEGACY_KERAS": "1"})[
        "keras"
    ]
    assert ending(legacy) == ("recorded", None)
    assert legacy["effective"]["keras"] == {"from": "tf-keras", "version": "2.21.0", "major": 2}
    agree(expected, probing.outputs(legacy))


@pytest.mark.parametrize("where", [OLD, MIDDLE])
def test_a_layer_without_its_class(loaded, where):
    _, results = loaded[where]
    # Keras saves what a layer computes beside its name, and needs no class unless told not to.
    assert ending(results["custom_layer keras"]) == ("recorded", None)
    outcome, reason = ending(results["untraced keras"])
    assert outcome in ("load-failed", "run-failed")
    assert "MyCustomLayer" in reason
    result = results["untraced keras"]
    match, *_ = find_causes(
        Outcome(outcome), reason, result["traceback"], result["log_tail"], where[2:].partition("-")[0]
    )
    assert match.title == ("The Python code of layer doubled is missing, and what it computes was not saved")
    found = values(loaded, where, "untraced keras module")
    assert list(found.values()) == [("float32", [2, 3], (2 * ROWS["x"]).tolist())]


def test_modules(probing, tmp_path):
    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    tripled = Path(LAYER).read_text().replace("inputs * 2", "inputs * 3")
    package = write("src/layers/deep/entry.py", "from ..mine import MyCustomLayer\n")
    write("src/layers/mine.py", tripled)
    write("src/layers/__init__.py", "")
    write("beside.py", "")
    other = write("other.py", "import sys\nimport last\n")
    cases = {
        "replaced": [write("replaced/my_custom_layer.py", tripled)],
        "folder": [str(tmp_path / "src"), package],
        "any_order": [other, write("last.py", tripled)],
        "not_there": [str(tmp_path / "nowhere.py")],
        "no_folder": [str(tmp_path / "nowhere")],
        "neighbour": [write("wants.py", "import beside\n")],
        "package": [write("needs.py", "\n\nimport not_installed\n")],
        "name": [write("h5py.py", tripled)],
        "raises": [write("raises.py", "raise SystemExit('no')\n")],
        "after": [write("after.py", "import my_custom_layer\n")],
    }
    for key, modules in cases.items():
        add(probing, key, "untraced", "keras", ROWS, modules=modules)
    results = probing.run()
    for key in ("replaced", "folder", "any_order"):
        assert ending(results[key]) == ("recorded", None), results[key]["traceback"]
        assert [values for _, _, values in probing.outputs(results[key]).values()] == [
            (3 * ROWS["x"]).tolist()
        ]
    said = "could not be imported: "
    assert {key: ending(result) for key, result in results.items() if result["reason"]} == {
        key: ("load-failed", f"module {reason}")
        for key, reason in {
            "not_there": f"nowhere.py {said}there is no such file or folder",
            "no_folder": f"nowhere {said}there is no such file or folder",
            "neighbour": f"wants.py {said}ModuleNotFoundError: No module named 'beside'",
            "package": f"needs.py {said}ModuleNotFoundError: No module named 'not_installed'",
            "name": f"h5py.py {said}this environment has another module with the name 'h5py'",
            "raises": f"raises.py {said}SystemExit: no",
            "after": f"after.py {said}ModuleNotFoundError: No module named 'my_custom_layer'",
        }.items()
    }
    assert 'needs.py", line 3' in results["package"]["traceback"]
    assert not list(tmp_path.rglob("__pycache__"))


AXIS = """
[noise_floor]
replicates = 0

[settings.default]

[settings.session]
loader = "v1-session"

[cases.layer]
path = "examples/models/custom_layer"
inputs = [{ npz = "examples/inputs/custom_layer-1.npz" }]
loader = "keras"
modules = ["mine.py"]
"""


def test_a_loader_is_an_axis_and_code_a_part_of_its_case(new_project):
    code = new_project.root / "mine.py"
    code.write_text(Path(LAYER).read_text())
    new_project.matrix(matrix_text("2.7.4", "2.21", rest=AXIS + CNN))
    assert new_project.nox("-s", "matrix", "--", "--no-fixes").status == 4
    rows = new_project.outcomes()
    assert {cell: row.outcome for cell, row in rows.items() if row.outcome is not Outcome.RECORDED} == {
        (NEW, "default", "cnn"): Outcome.LOAD_FAILED,
        (NEW, "default", "layer"): Outcome.LOAD_FAILED,
    }
    for row in rows.values():
        assert row.verdict in (Verdict.IDENTICAL, Verdict.FLOAT_NOISE, None)
    assert rows[NEW, "session", "cnn"].verdict is not None
    loaders = {row.name: row.loader for row in new_project.report().settings}
    assert loaders == {"default": None, "session": "v1-session"}
    assert new_project.plan()["to_run"] == 0
    code.write_text(code.read_text().replace("inputs * 2", "inputs * 3"))
    assert new_project.plan()["to_run"] == 4, "one case in four cells"
    assert new_project.nox("-s", "matrix", "--", "--no-fixes").status == 1
    rows = new_project.outcomes()
    assert rows[OLD, "session", "layer"].verdict is Verdict.DIVERGED, "a session knows nothing of the class"
    assert str(new_project.root) not in (new_project.results / "latest/report.json").read_text()


@pytest.fixture(scope="module")
def library(environment, tmp_path_factory):
    """A library with an operation that triples, built for the middle release by its own headers."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    assert compiler, "building a custom operation needs a C++ compiler: install g++, or name one in CXX"
    flags = "import json, tensorflow as tf; print(json.dumps(tf.sysconfig.get_{}_flags()))"
    found = [
        json.loads(
            subprocess.run(
                [environment(MIDDLE), "-c", flags.format(kind)], check=True, capture_output=True, text=True
            ).stdout
        )
        for kind in ("compile", "link")
    ]
    built = tmp_path_factory.mktemp("library") / "tripled.so"
    source = Path(__file__).with_name("tripled.cc")
    command = [compiler, "-shared", "-fPIC", *found[0], source, "-o", built, *found[1]]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return built


def test_a_custom_operation(library, probing, environment, tmp_path):
    written(environment(MIDDLE), tmp_path, "custom_op", library)
    probing.models = tmp_path
    damaged = tmp_path / "damaged.so"
    damaged.write_bytes(library.read_bytes()[:100])
    for loader in ("saved_model", "v1-session"):
        x = {"x": np.float32([1, 2])}
        add(probing, f"with {loader}", "custom_op", loader, x, libraries=[str(library)])
        add(probing, f"without {loader}", "custom_op", loader, x)
        add(probing, f"damaged {loader}", "custom_op", loader, x, libraries=[str(damaged)])
        results = probing.run()
        assert probing.outputs(results[f"with {loader}"]) == {("y", None): ("float32", [2], [3.0, 6.0])}
        outcome, reason = ending(results[f"without {loader}"])
        assert outcome == "load-failed"
        assert "Op type not registered 'Tripled'" in reason
        outcome, reason = ending(results[f"damaged {loader}"])
        assert outcome == "load-failed"
        assert reason.startswith("library damaged.so could not be loaded: NotFoundError: MODELS/damaged.so: ")
    probing.python = environment(NEW)
    outcome, reason = ending(probing.run()["with saved_model"])
    assert outcome == "load-failed"
    assert reason.startswith("library tripled.so could not be loaded: NotFoundError: ")
    assert "undefined symbol" in reason
