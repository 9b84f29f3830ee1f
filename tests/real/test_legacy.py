"""Graphs of TensorFlow 1 in both loaders, and random ones: what initialises them, and what they lack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import SETTING, Probing
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.models.preflight.features import features_of
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Target
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.sources import read_sources
from savedmodel_matrix.planning.predictions import came_true
from savedmodel_matrix.verdicts.causes.match import find_causes

OLD, NEW = "tf2.4.4-py3.8-cpu", "tf2.21.0-py3.13-cpu"
LOADERS = ("saved_model", "v1-session")
SIX = np.arange(12, dtype="f4").reshape(2, 6)
WORDS = np.array([b"gamma", b"alpha", b"zeta"], dtype=object)


def written(environment, folder, script):
    """Write the models of a script here with an environment's own TensorFlow."""
    command = [environment, Path(__file__).with_name(script), folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def models(environment, tmp_path_factory):
    """The models, written by the oldest release, which all others can read."""
    return written(environment(OLD), tmp_path_factory.mktemp("legacy"), "legacy_models.py")


def inputs_of(probing, model):
    if "op" in model or model in {"asset", "asset_missing"}:
        return [{"name": "word", "component": None, "array": probing.array(WORDS, "string")}]
    array = SIX
    if model.startswith("queue"):
        array = np.float32(3)
    elif model in {"asset_read_late", "asset_unread"}:
        array = np.float32([1, 2])
    return [{"name": "x", "component": None, "array": probing.array(array, "float32")}]


@pytest.fixture(scope="module", params=[OLD, NEW])
def run(request, environment, models, tmp_path_factory):
    """(release, request, {(model, loader): result}) of every model in both loaders."""
    probing = Probing(tmp_path_factory.mktemp("probing"), models, python=environment(request.param))
    names = sorted(path.name for path in models.iterdir() if path.is_dir())
    for name in names:
        for loader in LOADERS:
            probing.add(
                f"{name} {loader}",
                name,
                loader=loader,
                batches=[inputs_of(probing, name)],
                tags=["serve"] if name == "tag_sets" else None,
            )
    results = probing.run()
    found = {tuple(key.split()): result for key, result in results.items()}
    return request.param[2:].split("-")[0], probing, found


def test_both_loaders_give_the_same_bits(run):
    _, probing, found = run
    agreeing = [
        *("asset", "asset_unread", "frozen", "frozen_text", "legacy_init_op", "local_variable", "main_op"),
        *("partitioned", "partitioned_resource", "queue_runners_beside", "queue_self", "tag_sets", "text"),
    ]
    for model in agreeing:
        values = [probing.outputs(found[model, loader]) for loader in LOADERS]
        assert values[0] == values[1] != {}, model
    assert probing.outputs(found["main_op", "v1-session"]) == {("id", None): ("int64", [3], [2, 0, 3])}


INITIALISED = {
    "main_op": ("main_op", "init_all_tables"),
    "legacy_init_op": ("legacy_init_op", "init_all_tables"),
    "local_variable": ("main_op", "init"),
    "frozen": (None, None),
}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("model", INITIALISED)
def test_what_initialised_a_model_is_recorded(run, model, loader):
    state = run[2][model, loader]["effective"]["initialisation"]
    assert (state["ran"], state["op"]) == INITIALISED[model]
    assert not state["uninitialised_tables"] + state["uninitialised_variables"] + state["missing_assets"]


def test_a_collection_alone_initialises_tables_in_one_loader(run):
    states = [run[2]["no_main_op", loader]["effective"]["initialisation"] for loader in LOADERS]
    assert [state["ran"] for state in states] == ["table_initializer", None]
    assert [state["uninitialised_tables"] for state in states] == [[], ["hash_table"]]
    assert [run[2]["no_main_op", loader]["outcome"] for loader in LOADERS] == ["recorded", "run-failed"]


@pytest.mark.parametrize("loader", LOADERS)
def test_what_has_no_value_is_named(run, loader):
    def state(model):
        return run[2][model, loader]["effective"]["initialisation"]

    assert state("other_main_op")["uninitialised_tables"] == ["hash_table"]
    assert state("both_init_ops")["passed_over"] == ["legacy_init_op key_value_init/LookupTableImportV2"]
    for kind in ("reference", "resource", "silent"):
        assert state(f"unsaved_{kind}")["uninitialised_variables"] == ["offset"]
    assert state("asset_unread")["missing_assets"] == ["words.txt"]


CAUSES = {
    ("asset_missing", "v1-session"): "asset-missing",
    ("asset_missing", "saved_model"): "asset-missing",
    ("asset_read_late", "v1-session"): "asset-read-late",
    ("asset_read_late", "saved_model"): "asset-read-late",
    ("init_op_gone", "v1-session"): "init-op-not-in-graph",
    ("init_op_gone", "saved_model"): "init-op-not-in-graph",
    ("no_main_op", "v1-session"): "table-not-initialised",
    ("other_main_op", "v1-session"): "table-left-out",
    ("other_main_op", "saved_model"): "table-left-out",
    ("queue_runners", "v1-session"): "queue-without-runners",
    ("queue_runners", "saved_model"): "queue-without-runners",
    ("unsaved_reference", "v1-session"): "variable-left-out",
    ("unsaved_reference", "saved_model"): "variable-left-out",
    ("unsaved_resource", "v1-session"): "variable-left-out",
}


def test_what_fails_has_its_own_cause(run, models):
    release, _, found = run
    for (model, loader), expected in CAUSES.items():
        result, facts = found[model, loader], read_facts(models / model)
        matches = find_causes(
            Outcome(result["outcome"]),
            result["reason"],
            result["traceback"],
            result["log_tail"],
            release,
            features_of(facts),
            producer=facts.main.tensorflow_version,
        )
        assert [match.cause.id for match in matches][:1] == [expected], (model, loader)


def test_preflight_foresees_it(run, models):
    release, _, found = run
    # Whether an array without elements fits where a number should be is known to the run alone.
    unknown = {("unsaved_resource", "saved_model")} if release.startswith("2.21") else set()
    for model, loader in found.keys() - unknown:
        tags = frozenset({"serve"}) if model == "tag_sets" else None
        foreseen = predict(read_facts(models / model), Target(release, loader=Loader(loader), tags=tags))
        outcome = Outcome(found[model, loader]["outcome"])
        assert came_true(foreseen, outcome), (model, loader, foreseen, outcome)


@pytest.fixture(scope="module")
def drawn(environment, tmp_path_factory):
    """(folder of random models, two runs' results of each (model, loader, setting)) in the new release."""
    models = written(environment(OLD), tmp_path_factory.mktemp("random"), "random_models.py")
    settings = {
        "plain": SETTING,
        "seed": {**SETTING, "seed": 7},
        "deterministic": {**SETTING, "seed": 7, "deterministic": True},
    }
    runs = []
    for _ in range(2):
        probing = Probing(tmp_path_factory.mktemp("probing"), models, python=environment(NEW))
        batch = [{"name": "x", "component": None, "array": probing.array(np.ones([2, 3], "f4"), "float32")}]
        for model in ("drawn", "seeded", "generated", "counted", "dropout", "v1"):
            for loader in LOADERS:
                # Only these two tell what a seed and op determinism do.
                chosen = settings if model in {"drawn", "seeded"} else ["plain"]
                for name in chosen:
                    probing.add(
                        f"{model} {loader} {name}",
                        model,
                        loader=loader,
                        setting=settings[name],
                        batches=[batch],
                    )
        runs.append({tuple(key.split()): result for key, result in probing.run().items()})
    return models, runs


def arrays(result):
    return {each["name"]: json.dumps(each["array"]) for each in result["outputs"]}


def test_the_graph_tells_which_outputs_differ_from_run_to_run(drawn):
    models, (first, _) = drawn
    for (model, loader, setting), result in first.items():
        if setting != "plain":
            continue
        (graph,) = read_sources(models / model)
        expected = {
            name
            for name, sources in graph.signatures["serving_default"].items()
            if any(source.kind != "stateless" for source in sources)
        }
        unstable = {each["name"] for each in result["unstable"]}
        # A dropout may keep the same of six numbers twice: 1 in 64.
        assert unstable <= expected, (model, loader)
        assert expected - unstable <= {"drawn", "dropped"}, (model, loader)


def test_a_seed_comes_too_late_for_what_is_in_the_graph(drawn):
    _, (first, second) = drawn
    key = "drawn", "saved_model", "seed"
    assert first[key]["effective"]["seed"] == 7
    assert arrays(first[key])["drawn"] != arrays(second[key])["drawn"]
    assert arrays(first[key])["stateless"] == arrays(second[key])["stateless"]


@pytest.mark.parametrize(
    ("model", "output"), [("seeded", "seeded"), ("generated", "generated"), ("v1", "seeded")]
)
def test_what_is_seeded_in_the_graph_begins_alike_in_every_process_and_loader(drawn, model, output):
    _, runs = drawn
    firsts = {arrays(run[model, loader, "plain"])[output] for run in runs for loader in LOADERS}
    assert len(firsts) == 1


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(("model", "outcome"), [("drawn", "run-failed"), ("seeded", "recorded")])
def test_op_determinism_refuses_what_has_no_seed(drawn, model, loader, outcome):
    _, (first, _) = drawn
    result = first[model, loader, "deterministic"]
    assert result["effective"]["op_determinism"] is True
    assert (result["outcome"], "must have a seed" in (result["reason"] or "")) == (
        outcome,
        outcome == "run-failed",
    )
