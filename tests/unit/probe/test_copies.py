"""Changed copies of a model: which constants change, and what a loader is told."""

from __future__ import annotations

import os

import pytest
from built_models import user_object, v1_model, v2_model, write
from flow_models import function, op, string
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.probe import copies
from savedmodel_matrix.probe.texts import PlainError


def constant(node="c", function="", index=0):
    return {"graph": 0, "function": function, "node": node, "index": index}


def strings(message, node="c"):
    nodes = message.meta_graphs[0].graph_def.node
    return list(next(each for each in nodes if each.name == node).attr["value"].tensor.string_val)


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("ant")
    return str(path)


def test_only_the_named_constants_change():
    inner = function("f", [], [string("c", "/inside")], {})
    message = v1_model(string("c", "/a", "/b"), string("d", "/a"))
    message.meta_graphs[0].graph_def.library.function.append(inner)
    copies.append(message, [constant(index=1), constant(function="f")], ".gone")
    assert (strings(message), strings(message, "d")) == ([b"/a", b"/b.gone"], [b"/a"])
    (changed,) = message.meta_graphs[0].graph_def.library.function[0].node_def
    assert changed.attr["value"].tensor.string_val == [b"/inside.gone"]


def test_a_copy_has_all_but_the_message_and_its_fingerprint(tmp_path):
    model = write(tmp_path / "model", v1_model())
    (model / "fingerprint.pb").write_bytes(b"of the original")
    for name, how in (("copied", {}), ("linked", {"copy_function": copies.linked})):
        copies.copy_rest(str(model), str(tmp_path / name), **how)
        found = sorted(path.relative_to(tmp_path / name).as_posix() for path in (tmp_path / name).rglob("*"))
        assert found == ["variables", "variables/variables.data-00000-of-00001", "variables/variables.index"]
    assert (tmp_path / "linked/variables/variables.index").is_symlink()


def test_without_links_files_are_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "symlink", refuse)
    (tmp_path / "a").write_text("ant")
    copies.linked(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "ant"


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_constant_becomes_an_asset_of_the_graph_and_of_the_objects(tmp_path, words, prefix):
    captured = pb.SavedObject(constant={"operation": "c"}, registered_name="tf.TrackableConstant")
    message = v2_model(objects=[user_object(), captured])
    graph = message.meta_graphs[0]
    graph.graph_def.node.extend([string("c", prefix + words), op("y2", "ReadFile", "c")])
    graph.signature_def["serving_default"].outputs["y"].name = "y2:0"
    assert [each.path for each in read_facts(write(tmp_path / "before", message)).outside] == [words]

    folder = write(tmp_path / "after", message)
    copies.take_in(message, [{"path": words, "constants": [constant()]}], str(folder))
    copies.write(message, str(folder))
    facts = read_facts(folder)
    assert facts.outside == ()
    assert (facts.files.assets, facts.files.missing_assets) == (("words.txt",), ())
    assert (folder / "assets/words.txt").read_text() == "ant"
    (asset,) = graph.asset_file_def
    assert (asset.tensor_info.name, asset.tensor_info.dtype) == ("c:0", pb.DT_STRING)
    told = graph.object_graph_def.nodes[1]
    assert (told.WhichOneof("kind"), told.registered_name) == ("asset", "")
    assert words.encode() not in strings(message)[0], "a loader that replaces nothing must not read the file"


def test_assets_of_one_name_get_names_of_their_own(tmp_path):
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "words.txt").write_text(name)
        paths.append(str(tmp_path / name / "words.txt"))
    message = v1_model(string("c", paths[0]), string("d", paths[1]))
    asked = [{"path": path, "constants": [constant(node)]} for path, node in zip(paths, "cd", strict=True)]
    copies.take_in(message, asked, str(tmp_path / "model"))
    names = [each.filename for each in message.meta_graphs[0].asset_file_def]
    assert names == ["words.txt", "words-2.txt"]
    assert [(tmp_path / "model/assets" / name).read_text() for name in names] == ["a", "b"]


def test_a_file_read_inside_a_function_becomes_its_content(tmp_path, words):
    reading = op("r", "ReadFile", "c:output:0", "^before")
    inner = function("f", [], [string("c", words), reading, op("i", "Identity", "r:contents:0")], {})
    inner.ret["z"] = "r:contents:0"
    message = v1_model(op("y", "PartitionedCall", f={"func": {"name": "f"}}))
    message.meta_graphs[0].graph_def.library.function.append(inner)
    folder = write(tmp_path / "model", message)
    assert [each.path for each in read_facts(folder).outside] == [words]
    copies.take_in(message, [{"path": words, "constants": [constant(function="f")]}], str(folder))
    copies.write(message, str(folder))
    assert read_facts(folder).outside == ()
    (changed,) = message.meta_graphs[0].graph_def.library.function
    content = changed.node_def[1]
    assert (content.op, list(content.input)) == ("Const", ["^before"])
    assert content.attr["value"].tensor.string_val == [b"ant"]
    assert (list(changed.node_def[2].input), changed.ret["z"]) == (["r:output:0"], "r:output:0")
    assert not (folder / "assets").exists()


def test_what_no_loader_replaces_is_refused(tmp_path, words):
    def refused(message, where, path=words):
        with pytest.raises(PlainError) as caught:
            copies.take_in(message, [{"path": path, "constants": [where]}], str(tmp_path / "model"))
        return str(caught.value)

    inner = v1_model()
    inner.meta_graphs[0].graph_def.library.function.append(function("f", [], [string("c", words)], {}))
    assert "written inside a function (f)" in refused(inner, constant(function="f"))
    listed = string("c", words, "/b")
    listed.attr["value"].tensor.tensor_shape.dim.add(size=2)
    assert "one path of several" in refused(v1_model(listed), constant())
    assert "put together from parts" in refused(v1_model(string("c", "words.txt")), constant())
    assert "no file here" in refused(v1_model(string("c", "/gone")), constant(), "/gone")
