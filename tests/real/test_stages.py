"""Pipelines around models, in real environments: what they make, what fails, what they are blamed for."""

from __future__ import annotations

import json
import shutil

import pytest
from probe_requests import Probing, stage
from project import REPOSITORY, RealProject
from savedmodel_matrix.environments.host import platform_name

ENVIRONMENT = "tf2.15.1-py3.11-cpu"
STAGES = """
import json
import os
import random

import numpy as np
import tensorflow as tf

CALLS = []


def doubled(inputs):
    return {"x": inputs["x"] * 2}


def resized(inputs):
    return {"x": tf.image.resize(inputs["x"][None, :, None, None], (2, 1))[0, :, 0, 0]}


def raises(inputs):
    raise ValueError("no such column: age")


def listed(inputs):
    return [inputs["x"]]


def nothing(inputs):
    return {}


def doubles(inputs):
    return {"x": inputs["x"].astype(np.float64)}


def renamed(inputs):
    return {"y": inputs["x"]}


def with_scale(inputs):
    return {"x": inputs["x"], "scale": np.float32(2)}


def longer(inputs):
    return {"x": np.concatenate([inputs["x"], inputs["x"]])}


def random_noise(inputs):
    return {"x": inputs["x"] + np.float32(random.random())}


def takes_out(inputs):
    return {"x": inputs.pop("x") * 2}


def in_place(inputs):
    x = inputs["x"]
    x *= 2
    return {"x": x}


def words(inputs):
    return {"x": np.array([b"a\\x00", "\\xe9"], dtype=object)}


def reading(inputs):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "scale.json")) as file:
        return {"x": inputs["x"] * np.float32(json.load(file))}


def centred(inputs):
    return {"x": inputs["x"] - inputs["x"].mean()}


def picky(inputs):
    if len(inputs["x"]) < 2:
        raise ValueError("too few rows")
    return {"x": inputs["x"] * 2}


def joins(inputs):
    return {"x": b"a" + "b"}


def dying(inputs):
    os._exit(3)


def endless(inputs):
    while True:
        pass
"""
EXPECTS = {
    "x": {"dtype": "float32", "shape": [2], "optional": False},
    "scale": {"dtype": "float32", "shape": [], "optional": True},
}


@pytest.fixture(scope="module")
def results(environment, tmp_path_factory):
    """Every stage run once, each in a case named after it, and then a model on what one made."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "stages.py").write_text(STAGES)
    (folder / "scale.json").write_text("3")
    probing = Probing(folder, folder, python=environment(ENVIRONMENT))
    names = [line.split()[1].partition("(")[0] for line in STAGES.splitlines() if line.startswith("def ")]
    for name in [*names, "missing", "listed_file"]:
        function = {"listed_file": "reading"}.get(name, name)
        measure = stage(
            folder / "stages.py",
            function,
            reads=[folder / "scale.json"] if name == "listed_file" else [],
            expects=None if name == "words" else EXPECTS,
            parts=name in ("doubled", "centred", "picky", "random_noise", "longer"),
        )
        probing.add(name, measure=measure, time_limit_s=3 if name == "endless" else 60)
    return {**probing.run(), "outputs": probing.outputs}


def outputs(results, name):
    return results["outputs"](results[name])


def test_a_stage_s_outputs_are_recorded_and_so_are_its_libraries(results):
    assert outputs(results, "doubled") == {("x", None): ("float32", [2], [2.0, 4.0])}
    libraries = results["doubled"]["measured"]["libraries"]
    assert (libraries["tensorflow"], libraries["numpy"]) == ("2.15.1", "1.26.4")


def test_a_stage_may_return_tensors(results):
    assert outputs(results, "resized") == {("x", None): ("float32", [2], [1.0, 2.0])}


def test_an_input_with_a_default_may_be_given_and_need_not(results):
    assert sorted(name for name, _ in outputs(results, "with_scale")) == ["scale", "x"]
    assert results["doubled"]["outcome"] == "recorded"


def test_strings_keep_every_byte(results):
    array = results["words"]["outputs"][0]["array"]
    assert (array["dtype"], array["shape"], array["nbytes"]) == ("string", [2], 4)


@pytest.mark.parametrize(
    ("name", "outcome", "said"),
    [
        ("raises", "run-failed", "preprocess: ValueError: no such column: age"),
        ("listed", "run-failed", "preprocess: it returned a list instead of a dict of arrays by name"),
        ("nothing", "run-failed", "preprocess: it returned an empty dict"),
        ("doubles", "run-failed", "preprocess: it returned 'x' as float64, but the signature takes float32"),
        ("renamed", "run-failed", "preprocess: it returned 'y'; the signature takes 'scale', 'x'"),
        (
            "missing",
            "run-failed",
            "preprocess: there is no function 'missing' in stages; it has: centred, doubled,",
        ),
        ("dying", "crashed", "ended with exit status 3 and no result, while running preprocess of batch 0"),
        ("endless", "timed-out", "no result within 3 s, while running preprocess of batch 0"),
    ],
)
def test_what_goes_wrong_in_a_stage_is_told(results, name, outcome, said):
    assert results[name]["outcome"] == outcome
    assert said in results[name]["reason"]
    assert results[name]["outputs"] == []


def test_a_stage_that_raises_shows_where(results):
    assert 'raise ValueError("no such column: age")' in results["raises"]["traceback"]


def test_another_shape_than_declared_is_told_and_left_to_the_model(results):
    assert results["longer"]["outcome"] == "recorded"
    assert results["longer"]["measured"]["remarks"] == [
        "gives 'x' of batch 0 the shape [4], but the signature declares [2]"
    ]


def test_a_stage_that_is_not_deterministic_is_caught_at_it(results):
    assert [each["name"] for each in results["random_noise"]["unstable"]] == ["x"]
    assert results["doubled"]["unstable"] == []


def parts(results, name):
    """Return what a stage made of parts: values of ``x`` by way."""
    return {
        each["way"]: results["outputs"]({"outputs": each["outputs"]})["x", None][2]
        for each in results[name]["measured"]["parts"]
    }


def test_a_stage_runs_on_parts_of_its_batch(results):
    assert parts(results, "doubled") == {way: [2.0, 4.0] for way in ("reversed", "halves", "alone")}
    moved = {"reversed": [-0.5, 0.5], "halves": [0.0, 0.0], "alone": [0.0, 0.0]}
    assert parts(results, "centred") == moved


def test_a_stage_that_fails_on_parts_or_moves_is_no_failure(results):
    assert results["picky"]["outcome"] == "recorded"
    assert set(parts(results, "picky")) == {"reversed"}
    assert parts(results, "random_noise") == {}
    assert parts(results, "longer") == {}, "it does not return one row for each of its input"


def test_strings_that_are_bytes_are_explained(results):
    assert results["joins"]["outcome"] == "run-failed"
    assert "strings in its inputs are bytes: decode them" in results["joins"]["reason"]


def test_a_stage_that_writes_to_its_input_is_caught_at_it(results):
    assert results["in_place"]["measured"]["wrote"] == [{"batch": 0, "name": "x"}]
    assert results["doubled"]["measured"]["wrote"] == []
    assert results["takes_out"]["measured"]["wrote"] == [], "the dict is its own"
    # Each call got a fresh array, so nothing that it made is wrong.
    assert results["in_place"]["unstable"] == []


def test_a_file_that_is_read_and_not_listed_is_told(results):
    (remark,) = results["reading"]["measured"]["remarks"]
    assert remark.startswith("reads scale.json, which is not in the stage's `reads`")
    assert results["listed_file"]["measured"]["remarks"] == []


MATRIX = """
baseline = "*-9.5.0"

[[environments]]
tensorflow = "2.15.1"
beside = [["pillow==9.5.0"], ["pillow==11.3.0"]]

[cases.photo]
path = "examples/models/cnn"
inputs = [{ files = "examples/pipelines/data/*.jpg", input = "photo" }]
preprocess = "examples/pipelines/thumbnail.py:thumbnail"
postprocess = "examples/pipelines/article.py:label"

[cases.article]
path = "examples/models/article"
inputs = [{ npz = "examples/inputs/article.npz" }]
train = "examples/pipelines/article.py:preprocess_train"
serve = "examples/pipelines/article.py:preprocess_infer"

[cases.broken]
path = "examples/models/cnn"
inputs = [{ npz = "examples/inputs/cnn-1.npz" }]
preprocess = "broken.py:broken"
"""


@pytest.fixture(scope="module")
def matrix(tmp_path_factory, nox_environments):
    """One release beside two Pillows, three cases with pipelines, run once."""
    project = RealProject(tmp_path_factory.mktemp("pipelines") / "project", nox_environments).create()
    shutil.copytree(REPOSITORY / "examples/pipelines", project.root / "examples/pipelines")
    (project.root / "broken.py").write_text("def broken(inputs):\n    return 1 / 0\n")
    project.matrix(MATRIX)
    run = project.nox("-s", "matrix")
    return project, run, project.report()


def test_a_drift_of_a_library_is_found_before_the_model_which_is_innocent(matrix):
    project, run, report = matrix
    (entry,) = report.entries
    assert (entry.case, entry.stage, entry.libraries) == ("photo", "preprocess", ["Pillow 9.5.0 → 11.3.0"])
    assert (entry.end_to_end, entry.given_baselines, entry.baseline_given_theirs) == (
        "diverged",
        "identical",
        "identical",
    )
    assert "differ, by up to" in entry.inputs
    assert entry.says in project.markdown()
    assert "inputs already differ in 1 of the cells (Pillow 9.5.0 → 11.3.0)" in run.text
    (photo,) = [case for case in report.cases if case.name == "photo"]
    assert "Pillow (beside)" in photo.says
    assert "the model is not the cause" in photo.says


def test_the_swaps_are_recorded_and_not_run_again(matrix):
    project, _, report = matrix
    again = project.nox("-s", "matrix")
    assert again.environments == {}
    assert project.report().entries == report.entries


def test_training_against_serving_is_diagnosed_and_proven(matrix):
    _, run, report = matrix
    (skew,) = report.skews
    (diagnosis,) = skew.diagnoses
    assert len(skew.cells) == 2, "both cells serve the same"
    assert "z-score" in diagnosis.train
    assert "min-max" in diagnosis.serve
    assert diagnosis.before > 0.5
    assert diagnosis.residual < 1e-6
    assert (skew.verdict, skew.rows) == ("diverged", 64)
    assert skew.decisions_changed > 0
    assert diagnosis.mends in run.text
    assert {cell.skew for cell in report.cells if cell.case == "article"} == {"diverged"}
    assert run.status == 1


def test_a_pipeline_that_fails_is_the_outcome_of_its_case(matrix):
    _, run, report = matrix
    rows = [cell for cell in report.cells if cell.case == "broken"]
    assert {(row.outcome, row.reason) for row in rows} == {
        ("run-failed", "preprocess: ZeroDivisionError: division by zero")
    }
    assert "preprocess: ZeroDivisionError" in run.output


def test_what_ran_beside_had_the_version_that_the_matrix_pins(matrix):
    project, _, report = matrix
    rows = [row for row in report.stages if row.stage == "preprocess" and row.case == "photo"]
    assert [row.libraries["Pillow"] for row in rows] == ["9.5.0", "11.3.0"]
    locks = project.root / "matrices/locks" / platform_name()
    for row, pin in zip(rows, ("pillow==9.5.0", "pillow==11.3.0"), strict=True):
        text = (locks / f"{row.beside}.txt").read_text()
        assert pin in text
        assert "tensorflow" not in text


def test_reports_are_json_of_their_own_schema(matrix):
    project, _, _ = matrix
    found = json.loads((project.results / "latest/report.json").read_text())
    assert [row["stage"] for row in found["stages"] if row["case"] == "article"] == [
        "train", "train", "serve", "serve",
    ]  # fmt: skip
