from __future__ import annotations

import tomllib

import pytest
from built_models import user_object, v1_model, v2_model, write
from hostile_texts import FORGED, HOSTILE, assert_harmless
from savedmodel_matrix.commands.init import write_matrix
from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.errors import NoSignatureError, UsageError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.planning.workspace import Workspace


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "results/\n.nox/\n"),
        ("*.pyc", "*.pyc\nresults/\n.nox/\n"),
        ("/results\n", "/results\n.nox/\n"),
        ("results/\n.nox\n", "results/\n.nox\n"),
    ],
)
def test_git_ignores_what_runs_leave(tmp_path, before, after):
    write(tmp_path / "m", v1_model())
    if before is not None:
        (tmp_path / ".gitignore").write_text(before)
    lines = write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    assert (tmp_path / ".gitignore").read_text() == after
    assert any("to " in line and ".gitignore" in line for line in lines) == (before != after)


def test_nothing_is_overwritten_and_the_fault_is_the_callers(tmp_path):
    write(tmp_path / "m", v1_model())
    write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    with pytest.raises(UsageError, match="already exists; choose another name with --name") as caught:
        write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    assert caught.value.exit_status == 2


def test_a_model_without_signatures_is_the_models_fault(tmp_path):
    model = v1_model()
    model.meta_graphs[0].signature_def.clear()
    write(tmp_path / "m", model)
    with pytest.raises(NoSignatureError) as caught:
        write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    assert caught.value.exit_status == 2
    assert not (tmp_path / "matrices").exists()


def test_the_matrix_names_every_check_and_no_file_that_the_user_does_not_have(tmp_path):
    write(tmp_path / "m", v1_model())
    write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    text = (tmp_path / "matrices/default.toml").read_text()
    assert "docs/" not in text
    assert all(f'"{check}"' in text for check in Check)


@pytest.mark.parametrize(
    ("others", "tags"),
    [
        ([], None),
        ([["train"]], ["serve"]),
        ([["serve", "gpu"]], ["serve"]),
    ],
)
def test_of_several_graphs_the_one_for_serving_is_named(tmp_path, others, tags):
    model = v1_model()
    for each in others:
        model.meta_graphs.insert(
            0, type(model.meta_graphs[0]).FromString(model.meta_graphs[0].SerializeToString())
        )
        model.meta_graphs[0].meta_info_def.tags[:] = each
    write(tmp_path / "m", model)
    write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    definition = tomllib.loads((tmp_path / "matrices/default.toml").read_text())
    assert definition["cases"]["m"].get("tags") == tags


def test_names_of_a_model_stay_data(tmp_path):
    name = f'{HOSTILE}"\\\\🧨'.replace("\r", "\r[cases.forged]")
    model = v1_model()
    graph = model.meta_graphs[0]
    graph.meta_info_def.tensorflow_version = f"2.7.4\n{FORGED} = 1"
    graph.meta_info_def.tags[:] = [name]
    (signature,) = graph.signature_def.values()
    graph.signature_def[name].CopyFrom(signature)
    graph.signature_def[name].inputs[name].CopyFrom(next(iter(signature.inputs.values())))
    write(tmp_path / "m", model)
    lines = write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    text = (tmp_path / "matrices/default.toml").read_text("utf-8")
    assert_harmless(text)
    assert_harmless("\n".join(lines))
    cases = tomllib.loads(text)["cases"].values()
    assert name in {each.get("signature") for each in cases}
    assert all(name in each["tags"] for each in cases)


def test_a_model_without_signatures_gets_a_case_that_calls_a_function(tmp_path):
    tensor = {"tensor_spec_value": {"name": "x", "shape": {"dim": [{"size": 2}]}, "dtype": pb.DT_FLOAT}}
    training = [{"bool_value": each} for each in (True, False)]
    names = ["__inference_f_1", "__inference_f_2"]
    full = [
        {
            "key": "args",
            "value": {"list_value": {"values": [{"string_value": "x"}, {"string_value": "training"}]}},
        },
        {"key": "defaults", "value": {"tuple_value": {"values": [{"bool_value": False}]}}},
    ]
    spec = {"fullargspec": {"named_tuple_value": {"name": "FullArgSpec", "values": full}}}
    root = user_object(children=[{"node_id": 1, "local_name": "__call__"}])
    function = pb.SavedObject(function={"concrete_functions": names, "function_spec": spec})
    model = v2_model(objects=[root, function])
    graph = model.meta_graphs[0]
    graph.signature_def.clear()
    for name, each in zip(names, training, strict=True):
        positional = {"tuple_value": {"values": [tensor, each]}}
        call = {"tuple_value": {"values": [positional, {"dict_value": {}}]}}
        graph.object_graph_def.concrete_functions[name].CopyFrom(
            pb.SavedConcreteFunction(canonicalized_input_signature=call)
        )
    write(tmp_path / "m", model)
    write_matrix(Workspace(tmp_path), tmp_path / "m", "default")
    text = (tmp_path / "matrices/default.toml").read_text()
    case = tomllib.loads(text)["cases"]["m"]
    assert (case["function"], case["arguments"]) == ("__call__", {"training": False})
    assert "signature" not in case
    assert "# It can also be called as (x=float32[2], training=True)" in text
