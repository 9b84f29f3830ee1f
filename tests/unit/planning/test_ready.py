from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import savedmodel_matrix.models.inputs.make
from savedmodel_matrix.domain.definition import CaseDefinition
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.planning.ready import find_all_ready, make_ready, model_folder
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.probe.sealed import seal, unseal


def case(**changes):
    return CaseDefinition(**{"path": "model", "inputs": [{"npz": "one.npz"}], **changes})


def find_ready(project, definition):
    return find_all_ready(project, {"case": definition})["case"]


OTHER = case(inputs=[{"npz": "two.npz"}])


@pytest.fixture
def made(monkeypatch):
    """The first source of each case whose inputs were made."""
    sources = []
    original = savedmodel_matrix.models.inputs.make.make_batches

    def spy(given, *arguments, **options):
        sources.append(str(given[0].npz))
        return original(given, *arguments, **options)

    monkeypatch.setattr(savedmodel_matrix.models.inputs.make, "make_batches", spy)
    return sources


def test_inputs_are_made_once_and_found_again(project, made):
    assert find_ready(project, case()) is None
    ready = make_ready(project, case())
    (((part,),)) = (ready.batches,)
    (array,) = part
    assert (array.name, array.component) == ("x", None)
    assert project.results.array(array.array).tolist() == [[1, 2]]
    assert find_ready(project, case()) == ready
    assert make_ready(project, case()) == ready
    assert find_ready(Workspace(project.root), case()) == ready
    assert made == ["one.npz"]


def test_changed_inputs_are_made_anew_for_this_case_only(project, made, write_inputs):
    before, other = make_ready(project, case()), make_ready(project, OTHER)
    write_inputs(project.root / "one.npz", 5, 6)
    assert find_ready(project, case()) is None
    assert find_ready(project, OTHER) == other
    after = make_ready(project, case())
    assert after.inputs_digest != before.inputs_digest
    assert after.model_digest == before.model_digest
    assert make_ready(project, OTHER) == other
    assert made == ["one.npz", "two.npz", "one.npz"]


def test_a_file_that_was_only_touched_is_the_same(project, made):
    ready = make_ready(project, case())
    os.utime(project.root / "one.npz")
    assert find_ready(project, case()) == ready
    assert make_ready(project, case()) == ready
    assert made == ["one.npz"]


def test_a_changed_model_is_another_case(project, write_model):
    ready = make_ready(project, case())
    write_model(project.root / "model", "serving_default", "other")
    assert find_ready(project, case()) is None
    assert make_ready(project, case()).model_digest != ready.model_digest


def test_what_only_the_run_needs_does_not_make_inputs_anew(project, made):
    ready = make_ready(project, case())
    assert make_ready(project, case(runs=5, time_limit=1, tolerance={"*": {"atol": 1}})) == ready
    assert made == ["one.npz"]


def test_lost_objects_are_made_anew(project):
    ready = make_ready(project, case())
    shutil.rmtree(project.results.objects)
    assert find_ready(project, case()) is None
    assert make_ready(project, case()) == ready
    assert find_ready(project, case()) == ready


def test_a_damaged_description_is_made_anew(project):
    ready = make_ready(project, case())
    (description,) = (project.results.root / "cases").glob("*.json")
    description.write_text("{", encoding="utf-8")
    assert make_ready(project, case()) == ready


def test_inputs_that_do_not_exist_are_a_problem_of_the_case(project, write_inputs):
    missing = case(inputs=[{"npz": "three.npz"}])
    ready = make_ready(project, missing)
    assert ready.batches is None
    assert ready.inputs_problem == "three.npz: No such file or directory"
    assert find_ready(project, missing) == ready
    write_inputs(project.root / "three.npz", 7, 8)
    assert find_ready(project, missing) is None
    assert make_ready(project, missing).inputs_problem is None


def test_inputs_that_do_not_fit_say_why_without_the_place_of_the_project(project):
    np.savez(project.root / "wrong.npz", y=np.zeros(2), z=np.zeros(2))
    ready = make_ready(project, case(inputs=[{"npz": "wrong.npz"}]))
    assert ready.batches is None
    assert "no input 'y'" in ready.inputs_problem
    assert "no input 'z'" in ready.inputs_problem
    assert str(project.root) not in ready.inputs_problem
    assert "\n" not in ready.inputs_problem


def test_a_signature_that_does_not_exist(project):
    ready = make_ready(project, case(signature="predict"))
    assert ready.inputs_problem == "signature 'predict' does not exist; the model has: serving_default"


def test_an_unreadable_protobuf_still_reaches_every_loader(project):
    (project.root / "model" / "saved_model.pb").write_bytes(b"\xff" * 9)
    ready = make_ready(project, case())
    assert ready.batches is None
    assert ready.inputs_problem.startswith("model/saved_model.pb: damaged")


@pytest.mark.parametrize(("tags", "signature"), [(None, "b"), (["serve"], "b"), (["serve", "gpu"], "c")])
def test_the_signature_is_that_of_the_tags(project, tags, signature, write_model):
    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

    whole = pb.SavedModel()
    for graph_tags, name in [(["train"], "a"), (["serve"], "b"), (["serve", "gpu"], "c")]:
        write_model(project.root / "one", name, tags=graph_tags)
        whole.MergeFromString((project.root / "one" / "saved_model.pb").read_bytes())
    (project.root / "model" / "saved_model.pb").write_bytes(whole.SerializeToString())
    assert make_ready(project, case(tags=tags, signature=signature)).inputs_problem is None


def test_a_function_takes_what_it_is_given(project):
    ready = make_ready(project, case(function="__call__", signature="any"))
    assert ready.inputs_problem is None


def test_no_model_at_its_place(project):
    assert find_ready(project, case(path="nowhere")) is None
    with pytest.raises(UnreadableModelError, match="nowhere"):
        make_ready(project, case(path="nowhere"))


def test_a_copied_project_is_ready_too(project, tmp_path_factory):
    ready = make_ready(project, case())
    copy = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(project.root, copy)
    moved = Workspace(copy)
    assert find_ready(moved, case()) == ready
    assert Path(model_folder(moved, ready)) == copy / "model"


def test_inputs_that_change_while_they_are_read_do_not_pass_for_the_new_ones(
    project, monkeypatch, write_inputs
):
    original = savedmodel_matrix.models.inputs.make.make_batches

    def overtaken(*arguments, **options):
        batches = original(*arguments, **options)
        write_inputs(project.root / "one.npz", 5, 6)
        return batches

    with monkeypatch.context() as patch:
        patch.setattr(savedmodel_matrix.models.inputs.make, "make_batches", overtaken)
        stale = make_ready(project, case())
    assert make_ready(project, case()).inputs_digest != stale.inputs_digest


def test_code_is_a_part_of_the_case_that_has_it(project, made):
    (project.root / "mine.py").write_text("a = 1")
    with_code = case(modules=["mine.py", "nowhere"], libraries=["op.so"])
    ready = make_ready(project, with_code)
    assert list(ready.code) == ["mine.py", "nowhere", "op.so"]
    assert [digest is None for digest in ready.code.values()] == [False, True, True]
    assert find_ready(project, with_code) == ready
    (project.root / "mine.py").write_text("a = 2")
    assert find_ready(project, with_code) is None
    assert make_ready(project, with_code).code["mine.py"] not in (None, ready.code["mine.py"])
    assert make_ready(project, case()).code == {}


def test_a_case_under_the_name_of_another_is_not_believed(project, made):
    make_ready(project, case())
    (path,) = project.results.root.glob("cases/*.json")
    (project.root / "mine.py").write_text("a = 1")
    other = case(modules=["mine.py"])
    make_ready(project, other)
    (theirs,) = set(project.results.root.glob("cases/*.json")) - {path}
    theirs.write_bytes(path.read_bytes())
    assert find_ready(project, other) is None


def test_a_case_made_ready_before_there_was_code_is_found(project, made):
    ready = make_ready(project, case())
    (path,) = project.results.root.glob("cases/*.json")
    stored = json.loads(unseal(path.read_bytes(), "ReadyCase"))
    del stored["code"]
    path.write_bytes(seal(json.dumps(stored), "ReadyCase"))
    assert find_ready(project, case()) == ready
