from __future__ import annotations

import json

import pytest
from built_models import EXAMPLES, node, v1_model, v2_model, write
from savedmodel_matrix.commands.inspect import describe_model, render_model
from savedmodel_matrix.commands.inspect_document import InspectDocument, PredictionRow
from savedmodel_matrix.commands.inspect_text import grouped
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.doors.command_line import app
from typer.testing import CliRunner


def lines_of(described):
    """The lines of the text, with single spaces."""
    return [" ".join(line.split()) for line in render_model(described).splitlines()]


CNN = str(EXAMPLES / "cnn")


def test_json_and_text_of_an_example():
    described = describe_model(EXAMPLES / "cnn")
    assert described.format == 1
    (graph,) = described.meta_graphs
    assert graph.signatures["serving_default"].inputs == {"image": "float32[?,8,8,1]"}
    assert graph.ops["Conv2D"].since is None
    assert graph.objects.optimizer_slots == 16
    assert described.keras.version == "2.7.0"
    text = render_model(described)
    assert "keras 2.7.0, compiled" in lines_of(described)
    assert "image float32[?,8,8,1]" in text
    assert "2.7 to 2.15 loads high" in lines_of(described)
    assert "2.16 to 2.21 needs tf-keras: high" in lines_of(described)


def test_what_is_installed_beside_tensorflow_counts():
    described = describe_model(EXAMPLES / "cnn", packages=["tf-keras"])
    assert "with TensorFlow and tf-keras, on a CPU" in render_model(described)
    assert "needs tf-keras" not in render_model(described)


def test_what_the_model_does_to_its_inputs_itself():
    described = describe_model(EXAMPLES / "cnn")
    image = described.expects["serving_default"]["image"].model_dump()
    step = {"kind": "affine", "does": "x / 16", "layer": "rescaling"}
    assert image == {"layout": "NHWC", "steps": [step], "leads_to": ["Conv2D"]}
    settings = {"scale": 0.0625, "offset": 0.0}
    (layer,) = described.keras.preparing
    assert layer.model_dump() == {"class_name": "Rescaling", "name": "rescaling", "settings": settings}
    assert "serving_default image NHWC, x / 16" in lines_of(described)
    assert "data layers Rescaling rescaling" in lines_of(described)


def test_classes_that_loaders_lose_are_listed():
    text = lines_of(describe_model(EXAMPLES / "custom_layer"))
    left = "Sequential, MyCustomLayer, Dense: only functions and variables are left"
    assert f"saved_model, v1-session, tfsm-layer {left}" in text
    assert "keras, tf-keras MyCustomLayer: a stand-in runs what was traced; `modules` keeps the class" in text
    assert "a stand-in" not in str(lines_of(describe_model(EXAMPLES / "cnn"))), (
        "all of its classes are Keras's"
    )


def test_custom_and_risky_ops_and_custom_classes_are_named(tmp_path):
    lines = lines_of(describe_model(write(tmp_path, v2_model(node("ZeroOut"), node("WriteFile")))))
    assert "custom ops ZeroOut" in lines
    assert "risky ops WriteFile writes any file" in lines
    assert "custom classes MyCustomLayer" in lines_of(describe_model(EXAMPLES / "custom_layer"))


def test_a_model_without_signatures(tmp_path):
    text = render_model(describe_model(write(tmp_path, v1_model(signatures={}))))
    assert "it has no signature" in text
    assert "note: the model has no signature" in text


def test_notes_name_the_releases_they_are_for(tmp_path):
    model = v1_model(node("VarHandleOp", debug_name={"s": b"w/"}), tensorflow="2.21.0")
    text = render_model(describe_model(write(tmp_path, model)))
    assert "exists from 2.15 on and is ignored before (2.5 to 2.14)" in text


def prediction(version, because="x", confidence="high"):
    return PredictionRow(
        tensorflow=version,
        kind="fails" if because else "loads",
        stage="load" if because else None,
        because=[because] if because else [],
        needs=[],
        notes=[],
        confidence=confidence,
    )


def test_neighbours_that_say_the_same_are_one_row():
    rows = grouped(
        [
            prediction("2.4.4"),
            prediction("2.5.3"),
            prediction("2.6.5", ""),
            prediction("2.7.4", "", "low"),
            prediction("2.8.4"),
        ]
    )
    assert [row.releases for row in rows] == ["2.4 to 2.5", "2.6", "2.7", "2.8"]


def test_command():
    done = CliRunner().invoke(app, ["inspect", CNN, "--loader", "v1-session", "--json"])
    assert done.exit_code == 0
    described = json.loads(done.stdout)
    assert described["format"] == 1
    assert described["loader"] == Loader.V1_SESSION
    assert {row["kind"] for row in described["predictions"]} == {"loads"}
    # What is printed is read by the types that its schema is made from.
    assert InspectDocument.model_validate(described).model_dump(mode="json") == described
    assert "predictions for loader saved_model" in CliRunner().invoke(app, ["inspect", CNN]).stdout


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(UnreadableModelError, match="contains neither"):
        describe_model(tmp_path)


def test_random_ops_are_listed_with_the_outputs_they_reach(tmp_path):
    described = describe_model(write(tmp_path, v1_model(node("Multinomial", "y"))))
    assert [row.model_dump() for row in described.varying] == [
        {
            "tags": ["serve"], "signature": "serving_default", "output": "y",
            "kind": "random", "op": "Multinomial", "node": "y", "changes": None,
        }
    ]  # fmt: skip
    assert "serving_default, output y: Multinomial 'y', random in every run; no setting seeds it" in lines_of(
        described
    )
    assert describe_model(EXAMPLES / "cnn").varying == []
    assert "random numbers" not in render_model(describe_model(EXAMPLES / "cnn"))
