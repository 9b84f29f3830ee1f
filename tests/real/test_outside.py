"""Models that read files outside themselves: found, seen to fail where the files are missing, and fixed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import Probing
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.measurements.outside import HIDDEN, SELF_CONTAINED, paths_in_graph
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.verdicts.causes.match import find_causes

OLD, MIDDLE, NEW = "tf2.4.4-py3.8-cpu", "tf2.15.1-py3.11-cpu", "tf2.21.0-py3.13-cpu"
WORDS = np.array([b"cat", b"bee"], dtype=object)
PLACES = {("place", None): ("int64", [2], [2, 1])}
#: By model: what happens at load or in the run where the file is missing.
HIDDEN_OUTCOME = {
    "table": "load-failed",
    "captured": "run-failed",
    "dataset": "run-failed",
    "inside_a_function": "run-failed",
    "joined": "run-failed",
}
BOTH = {"saved_model", "v1-session"}
#: By model, the loaders in which the model with the file inside works. A session gives the places of assets
#: only to what runs at load.
FIXED = {"table": BOTH, "inside_a_function": BOTH, "captured": {"saved_model"}, "dataset": {"saved_model"}}
SELF_CONTAINED_ALREADY = ("given", "asset")


def written(environment, folder, cwd=None):
    """Write the models with an environment's own TensorFlow."""
    command = [environment, Path(__file__).with_name("outside_models.py"), folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return folder


def outside(what, model, save_to=None):
    parameters = {"what": what, "save_to": save_to, "paths": paths_in_graph(read_facts(model))}
    return Measure(kind="outside", parameters=parameters)


@pytest.fixture(scope="module", params=[OLD, NEW])
def ran(request, environment, tmp_path_factory):
    """(models, folder, probing, {key: result}) of every model, plain and changed, in both loaders."""
    python = environment(request.param)
    models = written(python, tmp_path_factory.mktemp("outside"))
    probing = Probing(tmp_path_factory.mktemp("probing"), models, python=python)
    batch = [{"name": "word", "component": None, "array": probing.array(WORDS, "string")}]
    for name in HIDDEN_OUTCOME:
        for loader in ("saved_model", "v1-session"):
            given = {"loader": loader, "batches": [batch], "runs": 1}
            probing.add(f"{name} {loader} plain", name, **given)
            probing.add(f"{name} {loader} hidden", name, **given, measure=outside(HIDDEN, models / name))
            target = str(probing.folder / f"{name}-{loader}")
            measure = outside(SELF_CONTAINED, models / name, target)
            probing.add(f"{name} {loader} fixed", name, **given, measure=measure)
    return request.param, models, probing, probing.run()


CASES = [(name, loader) for name in HIDDEN_OUTCOME for loader in ("saved_model", "v1-session")]


def test_the_path_is_found_in_the_files_alone(ran):
    _, models, _, _ = ran
    for name in HIDDEN_OUTCOME:
        assert [each.path for each in read_facts(models / name).outside] == [str(models / "files/words.txt")]
    for name in SELF_CONTAINED_ALREADY:
        assert read_facts(models / name).outside == ()


@pytest.mark.parametrize(("name", "loader"), CASES)
def test_what_happens_elsewhere_is_seen(ran, name, loader):
    release, _, probing, results = ran
    assert probing.outputs(results[f"{name} {loader} plain"]) == PLACES
    hidden = results[f"{name} {loader} hidden"]
    assert hidden["outcome"] == HIDDEN_OUTCOME[name]
    assert "MODELS/files/words.txt; No such file or directory" in hidden["reason"]
    assert hidden["outputs"] == []
    (cause, *_) = find_causes(
        Outcome(hidden["outcome"]), hidden["reason"], hidden["traceback"], "", release[2:].split("-")[0],
        frozenset({"files-outside"}),
    )  # fmt: skip
    assert cause.cause.id == "file-outside-missing"


@pytest.mark.parametrize(("name", "loader"), CASES)
def test_the_file_inside_the_model_is_a_fix(ran, name, loader):
    _, _, probing, results = ran
    fixed, folder = results[f"{name} {loader} fixed"], probing.folder / f"{name}-{loader}"
    if loader in FIXED.get(name, ()):
        assert probing.outputs(fixed) == PLACES
        assert read_facts(folder).outside == ()
        assert read_facts(folder).files.missing_assets == ()
    else:
        assert fixed["outcome"] == "run-failed"
        assert not folder.exists()
    if name == "joined":
        assert "put together from parts" in fixed["reason"]
    assert not list(probing.folder.glob("*.tmp"))
    assert not list((probing.folder / "tmp").iterdir())


def test_the_fixed_model_works_where_the_file_is_missing(ran, environment):
    """Without the file itself, and from another folder."""
    release, models, probing, _ = ran
    moved = probing.folder / "moved"
    shutil.copytree(probing.folder / "table-saved_model", moved / "model", dirs_exist_ok=True)
    file = models / "files" / "words.txt"
    file.rename(file.with_name("away.txt"))
    try:
        again = Probing(probing.folder / "again", moved, python=environment(release))
        again.folder.mkdir(exist_ok=True)
        batch = [{"name": "word", "component": None, "array": again.array(WORDS, "string")}]
        for loader in ("saved_model", "v1-session"):
            again.add(loader, "model", loader=loader, batches=[batch], runs=1)
        results = again.run()
        assert [again.outputs(results[loader]) for loader in ("saved_model", "v1-session")] == [PLACES] * 2
    finally:
        file.with_name("away.txt").rename(file)


MATRIX = """
baseline = "tf2.15*"

[noise_floor]
replicates = 0

[[environments]]
tensorflow = ["2.15"]
"""
CASE = """
[cases.{name}]
path = "outside/{name}"
inputs = [{{ npz = "words.npz" }}]
"""


def test_the_report_says_it_first_and_verifies_the_fix(new_project, environment):
    project = new_project
    written(environment(MIDDLE), project.root / "outside")
    np.savez(project.root / "words.npz", word=np.array(["cat", "bee"]))
    names = ("table", "joined", "asset")
    project.matrix(MATRIX + "".join(CASE.format(name=name) for name in names))
    words = project.root / "outside/files/words.txt"

    run = project.nox("-s", "matrix")
    assert run.status == 0
    table, joined = project.report().not_self_contained
    assert (table.case, table.paths, table.missing) == ("table", [str(words)], [])
    assert table.hidden is Outcome.LOAD_FAILED
    assert (table.verdict, (project.root / table.fix).is_dir()) == (Verdict.IDENTICAL, True)
    assert (joined.hidden, joined.verdict, joined.fix) == (Outcome.RUN_FAILED, None, None)
    assert table.says.startswith(f"table is not self-contained: reads {words}, outside the model; will fail")
    for text in (run.text, " ".join(project.markdown().split())):
        first, second = (text.index(f"{name} is not self-contained") for name in names[:2])
        assert first < second < text.index("Nothing could be compared with the baseline")
    assert (project.results / "latest/report.json").read_text().index("not_self_contained") < 200

    # Nothing to do; then another content, which is another recording; then the model as elsewhere.
    assert "nothing changed" in project.nox("-s", "matrix").output
    before = set(project.recordings())
    words.write_text("bee\nant\ncat")
    assert project.nox("-s", "matrix").status == 0
    assert len(set(project.recordings()) - before) > 1
    words.unlink()
    elsewhere = project.nox("-s", "matrix")
    assert elsewhere.status == 4
    assert f"Missing here: {words}" in elsewhere.text
    assert "file-outside-missing" in elsewhere.output
    assert [row.prediction.came_true for row in project.report().cells] == [True] * 3


def test_a_relative_path_is_found_in_the_working_folder_of_the_case(new_project, environment):
    project = new_project
    written(environment(MIDDLE), Path("outside"), cwd=project.root)
    np.savez(project.root / "words.npz", word=np.array(["cat", "bee"]))
    project.matrix(MATRIX + "".join(CASE.format(name=name) for name in ("table", "inside_a_function")))
    assert project.nox("-s", "matrix").status == 0
    assert [row.prediction.came_true for row in project.report().cells] == [True] * 2
    for row in project.report().not_self_contained:
        assert row.paths == ["outside/files/words.txt"]
        assert (row.hidden, row.verdict) == (Outcome(HIDDEN_OUTCOME[row.case]), Verdict.IDENTICAL)


CHANGES = """
import pathlib

with pathlib.Path(r"{words}").open("a") as file:
    file.write("!")
"""


def test_a_file_that_changes_during_the_run_is_in_no_recording(new_project, environment):
    project = new_project
    written(environment(MIDDLE), project.root / "outside")
    np.savez(project.root / "words.npz", word=np.array(["cat", "bee"]))
    (project.root / "changes.py").write_text(CHANGES.format(words=project.root / "outside/files/words.txt"))
    project.matrix(MATRIX + CASE.format(name="table") + 'modules = ["changes.py"]\n')
    run = project.nox("-s", "matrix")
    assert run.status == 4
    assert not project.recordings()
    logs = [path.read_text() for path in (project.results / "logs").rglob("*.log")]
    assert any("files/words.txt changed since the run began" in text for text in logs)
